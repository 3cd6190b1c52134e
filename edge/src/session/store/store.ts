/** What reads and writes a session's tables; it knows no network, no GPU service and no account. */
import type { DrizzleSqliteDODatabase } from "drizzle-orm/durable-sqlite";
import type { EventLog } from "./event-log.ts";
import type { Outbox } from "./outbox.ts";

export interface Store {
  /** Who this session is, read once: none of it ever changes. */
  readonly sessionId: string;
  readonly tenantId: string;
  /** Whose session it is among the tenant's users; null: nobody's. */
  readonly owner: string | null;
  db: DrizzleSqliteDODatabase;
  log: EventLog;
  outbox: Outbox;
  /** How long the account may wait for what it should know. */
  readonly meteringMs: number;
  now(): number;
  /** All or nothing; the work must not await. */
  transaction(work: () => void): void;
}
