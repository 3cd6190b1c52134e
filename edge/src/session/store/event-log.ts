/**
 * The session's event log: appended by one writer, read by any number of streams.
 *
 * A reader takes everything after its cursor from the table and waits only when there is nothing, so there
 * is no gap between replay and live, and no event comes twice.
 */
import { and, asc, eq, gt, inArray, lt, max, notInArray, or, sql } from "drizzle-orm";
import type { DrizzleSqliteDODatabase } from "drizzle-orm/durable-sqlite";
import type { LogEvent } from "../../contract/index.ts";
import { frameOf, ping } from "../../frames.ts";
import { statement } from "../../statements.ts";
import { events, turns } from "./schema.ts";

/** Which events a reader gets: those of one turn. `types` and `feedbackId` narrow them. */
export interface Filter {
  turnId: string;
  types?: LogEvent["type"][];
  feedbackId?: string;
}

/** An event as the table holds it. Its data stay JSON text: passing them on needs no parsing. */
interface LoggedEvent {
  id: number;
  type: LogEvent["type"];
  json: string;
}

/** `json` is data that is encoded already. */
type NewEvent = { turnId: string; type: LogEvent["type"]; at: number; feedbackId?: string } & (
  | { data: unknown }
  | { json: string }
);

/** Events of one reading. */
const readMax = 256;

export class EventLog {
  readonly #db: DrizzleSqliteDODatabase;
  /** Every token is one insertion and one reading. The statement of a reading depends on the form of its filters. */
  readonly #readings = new Map<string, ReturnType<typeof reading>>();
  #waiting: (() => void)[] = [];
  #version = 0;

  constructor(db: DrizzleSqliteDODatabase) {
    this.#db = db;
  }

  /** Another number after each append and wake. */
  get version(): number {
    return this.#version;
  }

  append({ turnId, type, at, feedbackId, ...event }: NewEvent): void {
    const json = "json" in event ? event.json : JSON.stringify(event.data);
    insertion(this.#db).run({ turnId, type, at, feedbackId: feedbackId ?? null, json });
    this.wake();
  }

  /**
   * Deletes the error events of a turn or a feedback that runs again, so that later replays do not show a failure that
   * was repaired.
   */
  forgetErrors(of: { turnId: string } | { feedbackId: string }): void {
    const about =
      "turnId" in of ? eq(events.turnId, of.turnId) : eq(events.feedbackId, of.feedbackId);
    this.#db
      .delete(events)
      .where(and(about, eq(events.type, "error")))
      .run();
  }

  /** Deletes a turn's events, and events from before `staleAt` (ms) whose turn no longer exists. */
  forgetTurn(turnId: string, staleAt: number): void {
    const isOrphan = notInArray(events.turnId, this.#db.select({ id: turns.id }).from(turns));
    this.#db
      .delete(events)
      .where(or(eq(events.turnId, turnId), and(isOrphan, lt(events.at, staleAt))))
      .run();
  }

  /** Makes waiting readers look again: after an append, and when what they wait for may have changed. */
  wake(): void {
    this.#version++;
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const resolve of waiting) resolve();
  }

  /** Resolves at the next append or wake. */
  changed(): Promise<void> {
    return new Promise((resolve) => {
      this.#waiting.push(resolve);
    });
  }

  read(filters: readonly Filter[], afterSeq: number, limit = readMax): LoggedEvent[] {
    const form = filters
      .map(({ types, feedbackId }) => `${types} ${feedbackId === undefined}`)
      .join();
    const statement = this.#readings.get(form) ?? reading(this.#db, filters);
    this.#readings.set(form, statement);
    const ids = filters.flatMap(({ turnId, feedbackId }, i) => [
      [`turn${i}`, turnId],
      [`feedback${i}`, feedbackId],
    ]);
    return statement.all({ afterSeq, limit, ...Object.fromEntries(ids) }) as LoggedEvent[];
  }

  /** Number of the latest event; 0 before the first. */
  lastSeq(): number {
    const last = this.#db
      .select({ seq: max(events.seq) })
      .from(events)
      .get();
    return last?.seq ?? 0;
  }

  /** Text of a turn's deltas since its last reset: what its readers have received. */
  textSoFar(turnId: string): string {
    let text = "";
    const rows = this.#db
      .select({ type: events.type, data: events.data })
      .from(events)
      .where(and(eq(events.turnId, turnId), inArray(events.type, ["delta", "reset"])))
      .orderBy(asc(events.seq))
      .all();
    for (const { type, data } of rows) {
      text = type === "reset" ? "" : text + (data as { text: string }).text;
    }
    return text;
  }
}

const insertion = statement((db) =>
  db
    .insert(events)
    .values({
      turnId: sql.placeholder("turnId"),
      type: sql.placeholder("type"),
      at: sql.placeholder("at"),
      feedbackId: sql.placeholder("feedbackId"),
      data: sql`${sql.placeholder("json")}`,
    })
    .prepare(),
);

/** The statement for filters of one form: the ids of turns and feedback are given when it runs. */
function reading(db: DrizzleSqliteDODatabase, filters: readonly Filter[]) {
  const wanted = filters.map(({ types, feedbackId }, i) =>
    and(
      eq(events.turnId, sql.placeholder(`turn${i}`)),
      feedbackId === undefined ? undefined : eq(events.feedbackId, sql.placeholder(`feedback${i}`)),
      types === undefined ? undefined : inArray(events.type, types),
    ),
  );
  return db
    .select({ id: events.seq, type: events.type, json: sql<string>`${events.data}` })
    .from(events)
    .where(and(gt(events.seq, sql.placeholder("afterSeq")), or(...wanted)))
    .orderBy(asc(events.seq))
    .limit(sql.placeholder("limit"))
    .prepare();
}

/**
 * A stream of log events as finished frames. For clients of this API's own routes the Worker passes the bytes on
 * unchanged. `rename` maps the log's types to the stream's.
 *
 * `settled` says that nothing more will come. It is asked after everything so far has been sent.
 */
export function followLog(
  log: Pick<EventLog, "read" | "changed" | "version">,
  filters: () => readonly Filter[],
  afterSeq: number,
  settled: () => boolean,
  {
    heartbeatMs = 15_000,
    rename = {},
  }: { heartbeatMs?: number; rename?: Partial<Record<LogEvent["type"], string>> } = {},
): ReadableStream<Uint8Array> {
  const encoder = new TextEncoder();
  let cursor = afterSeq;
  /** The log's version up to which everything is read. */
  let seen = -1;
  return new ReadableStream({
    type: "bytes",
    async pull(controller) {
      for (;;) {
        const { version } = log;
        const found = version === seen ? [] : log.read(filters(), cursor, readMax);
        if (found.length < readMax) seen = version;
        if (found.length > 0) {
          cursor = found.at(-1)?.id ?? cursor;
          const frames = found.map(({ id, type, json }) =>
            frameOf({ id, event: rename[type] ?? type, data: json }),
          );
          controller.enqueue(encoder.encode(frames.join("")));
          return;
        }
        if (settled()) {
          controller.close();
          // A reader with its own buffer waits until the buffer is given back.
          controller.byobRequest?.respond(0);
          return;
        }
        let timer: ReturnType<typeof setTimeout> | null = null;
        const beat = new Promise<"beat">((resolve) => {
          timer = setTimeout(() => resolve("beat"), heartbeatMs);
        });
        const woken = await Promise.race([log.changed(), beat]);
        clearTimeout(timer);
        if (woken === "beat") {
          controller.enqueue(encoder.encode(ping));
          return;
        }
      }
    },
  });
}
