/** What the session's steps work with: its tables, log and outbox, and the way out to GPU, D1 and R2. */
import { RosaError } from "@rosa2/shared/errors";
import { desc, eq } from "drizzle-orm";
import type { DrizzleSqliteDODatabase } from "drizzle-orm/durable-sqlite";
import { getAdapter } from "../adapters/index.ts";
import type { Config } from "../config.ts";
import type { Env } from "../env.ts";
import type { CallContext, GpuClient } from "../gpu-client/index.ts";
import type { Trace } from "../rpc.ts";
import type { EventLog } from "./store/event-log.ts";
import type { Outbox } from "./store/outbox.ts";
import { feedback, generations, session, turns } from "./store/schema.ts";

export type SessionRow = typeof session.$inferSelect;
export type TurnRow = typeof turns.$inferSelect;
export type FeedbackRow = typeof feedback.$inferSelect;
export type GenerationRow = typeof generations.$inferSelect;

export interface Desk {
  env: Env;
  config: Config;
  gpu: GpuClient;
  db: DrizzleSqliteDODatabase;
  log: EventLog;
  outbox: Outbox;
  /** Replies being written right now, with what stops them. */
  replying: Map<string, AbortController>;
  /** Aborted when the session is erased: ends every call to the GPU service. */
  closing: AbortController;
  /** Writes a running turn's reply; whoever asks again meanwhile joins. */
  answer(turnId: string, trace: Trace): Promise<void>;
  now(): number;
  /** All or nothing; the work must not await. */
  transaction(work: () => void): void;
}

/** @throws RosaError `not_found` once the session is erased. */
export function sessionRow(desk: Desk): SessionRow {
  const row = desk.db.select().from(session).get();
  if (row === undefined) throw new RosaError("not_found", "No such session");
  return row;
}

/** @throws RosaError `not_found`. */
export function turnRow(desk: Desk, turnId: string): TurnRow {
  const row = desk.db.select().from(turns).where(eq(turns.id, turnId)).get();
  if (row === undefined) throw new RosaError("not_found", `No turn "${turnId}" in this session`);
  return row;
}

export function feedbackRow(desk: Desk, feedbackId: string): FeedbackRow {
  const row = desk.db.select().from(feedback).where(eq(feedback.id, feedbackId)).get();
  if (row === undefined) throw new RosaError("not_found", `No feedback "${feedbackId}"`);
  return row;
}

/** @throws RosaError `not_found`. */
export function generationRow(desk: Desk, generationId: string): GenerationRow {
  const row = desk.db.select().from(generations).where(eq(generations.id, generationId)).get();
  if (row === undefined) {
    throw new RosaError("not_found", `No generation "${generationId}" in this session`);
  }
  return row;
}

/** The adapter that a generation's name stands for; null is the base model. */
export function adapterOf(desk: Desk, generation: string): { digest: string } | null {
  return generation === "base" ? null : { digest: generationRow(desk, generation).digest };
}

/** The turn that is being answered, if any. */
export function runningTurn(desk: Desk): TurnRow | undefined {
  return desk.db
    .select()
    .from(turns)
    .where(eq(turns.status, "running"))
    .orderBy(desc(turns.index))
    .get();
}

/** How a call to the GPU service is made for this session: where adapters come from, what ends it. */
export function callContext(desk: Desk, tenantId: string, trace: Trace): CallContext {
  return {
    ...trace,
    signal: desk.closing.signal,
    loadAdapter: (digest) => getAdapter(desk.env, tenantId, digest),
  };
}
