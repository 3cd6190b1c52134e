/**
 * The Durable Object of one session: its only writer. Start reading at turn.ts and feedback.ts.
 *
 * This file is the object's surface, each public method one call of the Worker; what runs in the background
 * is in jobs.ts. Failures that callers expect come back as values (rpc.ts).
 */
import { DurableObject } from "cloudflare:workers";
import { RosaError } from "@rosa2/shared/errors";
import { gt } from "drizzle-orm";
import { migrate } from "drizzle-orm/durable-sqlite/migrator";
import migrations from "../../../migrations/session/migrations.js";
import { accountOf } from "../accounts/account.ts";
import type { FirstLease } from "../accounts/purse/purse.ts";
import type {
  Erased,
  FeedbackResult,
  LogEvent,
  OwnLexicon,
  SessionDetail,
  SessionPatch,
  SessionSummary,
  TurnBody,
  WordsStateBody,
} from "../contract/index.ts";
import type { Env } from "../env.ts";
import { logFailure } from "../failure.ts";
import { type IdempotencyKey, KeptError, type Result, settle, type Trace } from "../rpc.ts";
import {
  type Caller,
  type Identity,
  type NewSession,
  openContext,
  type SessionContext,
} from "./context.ts";
import { type BegunTurn, compareHistory } from "./dialogue.ts";
import {
  beginFeedback,
  feedbackFilters,
  keptFeedback,
  logFailedFeedback,
  type NewFeedback,
  wordsOrKept,
} from "./feedback.ts";
import { Jobs } from "./jobs.ts";
import type { NewTurn } from "./planned-turn.ts";
import { changedWords, type WordsChange, wordsBody } from "./policy/words-change.ts";
import { followLog } from "./store/event-log.ts";
import { changeOnce, findIdempotent, noteIdempotent } from "./store/idempotency.ts";
import { setSessionLexicon } from "./store/lexicon.ts";
import { noteReport } from "./store/meter.ts";
import {
  feedbackRow,
  generationRow,
  sessionRow,
  setActiveGeneration,
  turnRow,
} from "./store/rows.ts";
import { positives, session } from "./store/schema.ts";
import { restoreSnapshot, type Snapshot, takeSnapshot } from "./store/snapshot.ts";
import {
  feedbackResult,
  isReplySettled,
  isTurnSettled,
  type Lineage,
  lineage,
  sessionDetail,
  sessionSummary,
  storedCounts,
  turnBody,
} from "./store/views.ts";
import { setWordsState, wordsState } from "./store/words.ts";
import { beginTurn, reviveTurn, stopTurn } from "./turn.ts";

/** Generations that a roll-back answers with. */
const generationsPerPage = 100;

export class SessionObject extends DurableObject<Env> {
  readonly #context: SessionContext;
  readonly #jobs: Jobs;
  #isOpen = false;
  /** Read once, because it never changes: from the session's own row, or as it was opened. */
  #identity: Identity | null = null;

  constructor(ctx: DurableObjectState, env: Env) {
    super(ctx, env);
    this.#context = openContext(ctx.storage, env, () => this.#identity, {
      answer: (turnId, trace) => this.#jobs.reply(turnId, trace),
    });
    this.#jobs = new Jobs(this.#context, ctx);
    ctx.blockConcurrencyWhile(async () => {
      // Asking for a session that does not exist must not write: an object without rows costs nothing.
      const tables = ctx.storage.sql
        .exec("SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = 'session'")
        .toArray();
      if (tables.length === 0) return;
      await migrate(this.#context.db, migrations);
      const row = this.#context.db
        .select({ sessionId: session.id, tenantId: session.tenantId, owner: session.owner })
        .from(session)
        .get();
      if (row === undefined) return;
      this.#identity = row;
      this.#isOpen = true;
      this.#jobs.takeUpOrphans();
      await this.#jobs.arm();
    });
  }

  create(input: NewSession, lease: FirstLease): Promise<Result<SessionDetail>> {
    return settle(async () => {
      if (!this.#isOpen) await migrate(this.#context.db, migrations);
      this.#context.db
        .insert(session)
        .values({ ...input, createdAt: this.#context.now() })
        .onConflictDoNothing()
        .run();
      this.#identity = { sessionId: input.id, tenantId: input.tenantId, owner: input.owner };
      this.#isOpen = true;
      this.#context.purse.adopt(lease);
      await this.#jobs.arm();
      return sessionDetail(this.#context, this.#context.config.rewriter.name);
    });
  }

  read(caller: Caller): Promise<Result<SessionDetail>> {
    return this.#answer(caller, () =>
      sessionDetail(this.#context, this.#context.config.rewriter.name),
    );
  }

  /** Changes title or metadata; the account's index follows at once where it can be reached. */
  change(caller: Caller, patch: SessionPatch): Promise<Result<SessionSummary>> {
    return this.#answer(caller, async () => {
      const { title, metadata } = patch;
      this.#context.transaction(() => {
        if (title !== undefined) this.#context.db.update(session).set({ title }).run();
        if (metadata !== undefined) this.#context.db.update(session).set({ metadata }).run();
        noteReport(this.#context, true);
      });
      await this.#context.purse.report(this.#context.meteringMs).catch(() => {});
      return sessionSummary(this.#context);
    });
  }

  /** Takes a turn and waits for its reply. */
  turn(caller: Caller, input: NewTurn, trace: Trace): Promise<Result<TurnBody>> {
    return this.#answer(caller, async () => {
      const turnId = await this.#begin(input);
      return await this.#replyOf(turnId, trace);
    });
  }

  /** Takes a turn; its log follows from the beginning. */
  turnStream(caller: Caller, input: NewTurn, trace: Trace): Promise<Result<BegunTurn>> {
    return this.#answer(caller, async () => {
      const turnId = await this.#begin(input);
      const { generation, index } = turnRow(this.#context, turnId);
      const history = compareHistory(this.#context, input.said, index);
      this.#jobs.background(this.#jobs.reply(turnId, trace));
      return { turnId, generation, history, stream: this.#followReply(turnId, 0) };
    });
  }

  retry(
    caller: Caller,
    turnId: string,
    trace: Trace,
    key?: IdempotencyKey,
  ): Promise<Result<TurnBody>> {
    return this.#answer(caller, async () => {
      await this.#revive(turnId, key);
      return await this.#replyOf(turnId, trace);
    });
  }

  retryStream(
    caller: Caller,
    turnId: string,
    trace: Trace,
    key?: IdempotencyKey,
  ): Promise<Result<ReadableStream<Uint8Array>>> {
    return this.#answer(caller, async () => {
      const after = await this.#revive(turnId, key);
      this.#jobs.background(this.#jobs.reply(turnId, trace));
      return this.#followReply(turnId, after);
    });
  }

  stop(caller: Caller, turnId: string, key?: IdempotencyKey): Promise<Result<TurnBody>> {
    return this.#answer(caller, async () => {
      // A repeated call must not end what was begun anew meanwhile.
      if (key === undefined || findIdempotent(this.#context, key) === null) {
        await stopTurn(this.#context, turnId);
        noteIdempotent(this.#context, key, turnId);
      }
      await this.#jobs.replying(turnId);
      await this.#jobs.arm();
      return turnBody(this.#context, turnRow(this.#context, turnId));
    });
  }

  /** Takes feedback and waits as far as the body asks: for the words, for the weights, for the new reply. */
  feedback(caller: Caller, input: NewFeedback, trace: Trace): Promise<Result<FeedbackResult>> {
    return this.#answer(caller, async () => {
      const id = await beginFeedback(this.#context, input);
      const work = this.#jobs.learn(id, trace);
      this.#jobs.background(work);
      const { retry, wait = retry } = input.body;
      if (wait) {
        await work.catch((error) => wordsOrKept(this.#context, error, id));
      } else {
        while (feedbackRow(this.#context, id).step === "stored") {
          await Promise.race([work, this.#context.log.changed()]).catch((error) =>
            keptFeedback(error, id),
          );
        }
      }
      return feedbackResult(this.#context, feedbackRow(this.#context, id));
    });
  }

  /** Takes feedback; words, weights, the new reply and the outcome follow as they happen. */
  feedbackStream(
    caller: Caller,
    input: NewFeedback,
    trace: Trace,
  ): Promise<Result<{ feedbackId: string; stream: ReadableStream<Uint8Array> }>> {
    return this.#answer(caller, async () => {
      const feedbackId = await beginFeedback(this.#context, input);
      // From the feedback's own beginning: a repeated call sees everything again.
      const after = 0;
      let failed = false;
      this.#jobs.background(
        this.#jobs.learn(feedbackId, trace).catch((error) => {
          failed = true;
          logFailedFeedback(this.#context, feedbackId, error);
          this.#context.log.wake();
        }),
      );
      const filters = () => feedbackFilters(this.#context, feedbackId);
      const settled = () => failed || feedbackRow(this.#context, feedbackId).step === "done";
      const stream = followLog(this.#context.log, filters, after, settled);
      return { feedbackId, stream };
    });
  }

  /** A turn's log after an event id, then live until nothing more can come of the turn; null when nothing can. */
  events(
    caller: Caller,
    turnId: string,
    afterSeq: number,
  ): Promise<Result<ReadableStream<Uint8Array> | null>> {
    return this.#answer(caller, () => {
      turnRow(this.#context, turnId);
      const { log } = this.#context;
      const settled = () => isTurnSettled(this.#context, turnId);
      if (settled() && log.read([{ turnId }], afterSeq, 1).length === 0) return null;
      return followLog(log, () => [{ turnId }], afterSeq, settled);
    });
  }

  readTurn(caller: Caller, turnId: string): Promise<Result<TurnBody>> {
    return this.#answer(caller, () => turnBody(this.#context, turnRow(this.#context, turnId)));
  }

  words(caller: Caller): Promise<Result<WordsStateBody>> {
    return this.#answer(caller, () => wordsBody(wordsState(this.#context)));
  }

  /** The user's own hand on the words; it waits for feedback under way, which works on the same state. */
  changeWords(
    caller: Caller,
    change: WordsChange,
    key?: IdempotencyKey,
  ): Promise<Result<WordsStateBody>> {
    return this.#answer(caller, () =>
      this.#jobs.inTurn(() =>
        changeOnce(this.#context, key, () => {
          const state = changedWords(wordsState(this.#context), change);
          setWordsState(this.#context, state);
          return wordsBody(state);
        }),
      ),
    );
  }

  lexicon(caller: Caller): Promise<Result<OwnLexicon>> {
    return this.#answer(caller, () => sessionRow(this.#context).lexicon ?? []);
  }

  /** Waits for feedback under way, as every change of the words does. */
  setLexicon(caller: Caller, lexicon: OwnLexicon): Promise<Result<OwnLexicon>> {
    return this.#answer(caller, () =>
      this.#jobs.inTurn(() => {
        setSessionLexicon(this.#context, lexicon);
        return lexicon;
      }),
    );
  }

  generations(caller: Caller, page: { cursor?: string; limit: number }): Promise<Result<Lineage>> {
    return this.#answer(caller, () => lineage(this.#context, page));
  }

  /** Makes a generation (or `base`) answer from now on, and forgets the positives learnt after it. */
  activate(caller: Caller, generation: string, key?: IdempotencyKey): Promise<Result<Lineage>> {
    return this.#answer(caller, () =>
      changeOnce(this.#context, key, () => {
        const madeAt =
          generation === "base" ? 0 : generationRow(this.#context, generation).createdAt;
        this.#context.transaction(() => {
          setActiveGeneration(this.#context, generation);
          this.#context.db.delete(positives).where(gt(positives.createdAt, madeAt)).run();
          noteReport(this.#context);
        });
        return lineage(this.#context, { limit: generationsPerPage });
      }),
    );
  }

  adapter(caller: Caller, generation: string): Promise<Result<{ digest: string }>> {
    return this.#answer(caller, () => ({
      digest: generationRow(this.#context, generation).digest,
    }));
  }

  snapshot(caller: Caller, turnId: string | null): Promise<Result<Snapshot>> {
    return this.#answer(caller, () => takeSnapshot(this.#context, turnId));
  }

  /** Fills a new session from another's snapshot. */
  restore(
    input: NewSession,
    lease: FirstLease,
    snapshot: Snapshot,
  ): Promise<Result<SessionDetail>> {
    return settle(async () => {
      const created = await this.create(input, lease);
      if (!created.ok) throw new RosaError(created.code, created.message);
      restoreSnapshot(this.#context, snapshot);
      noteReport(this.#context);
      await this.#jobs.arm();
      return sessionDetail(this.#context, this.#context.config.rewriter.name);
    });
  }

  /** Called by the account when its room is short: what is not set aside goes back. */
  async giveBackLease(): Promise<void> {
    if (!this.#isOpen) return;
    await this.#context.purse.giveBack();
    await this.#jobs.arm();
  }

  /** Called by the account when somebody reads what was used. */
  async reportUsage(): Promise<void> {
    if (this.#isOpen) await this.#context.purse.report(this.#context.meteringMs);
  }

  /** Stops everything and deletes turns, words, events, adapters; what was metered is written down first. */
  erase(caller: Caller): Promise<Result<Erased>> {
    return this.#answer(caller, () => this.#erase());
  }

  override async alarm(): Promise<void> {
    this.#jobs.rang();
    if (!this.#isOpen) return;
    try {
      const { expiresAt } = sessionRow(this.#context);
      if (expiresAt !== null && expiresAt <= this.#context.now()) {
        await this.#erase();
        return;
      }
      await this.#jobs.runDue();
    } catch (error) {
      logFailure("alarm", error);
    } finally {
      // An alarm that throws is dropped after a few tries; this one never throws and always re-arms.
      await this.#jobs.arm();
    }
  }

  /** Every call on a session that is there and the caller's: 404 otherwise, and the alarm is set for whatever the call left behind. */
  async #answer<T>(caller: Caller, work: () => T | Promise<T>): Promise<Result<T>> {
    if (!this.#isOpen || !this.#isFor(caller)) {
      return { ok: false, code: "not_found", message: "No such session" };
    }
    try {
      if (caller.capNanos !== undefined) this.#context.purse.setOwnerCap(caller.capNanos);
      return await settle(work);
    } finally {
      await this.#jobs.arm();
    }
  }

  #isFor({ tenantId, owner }: Caller): boolean {
    const mine = this.#identity;
    return mine?.tenantId === tenantId && (owner === null || owner === mine.owner);
  }

  /** A new turn, or the one of this Idempotency-Key: had it failed, the repeated call is its retry. */
  async #begin(input: NewTurn): Promise<string> {
    const turnId = await beginTurn(this.#context, input);
    if (turnRow(this.#context, turnId).status === "failed") await reviveTurn(this.#context, turnId);
    return turnId;
  }

  /** Makes a failed turn run again; the number of the last event before, the first time that this key came. */
  async #revive(turnId: string, key: IdempotencyKey | undefined): Promise<number> {
    const earlier = key === undefined ? null : findIdempotent(this.#context, key);
    const after = earlier === null ? this.#context.log.lastSeq() : Number(earlier);
    // What the key began is over: its turn is the answer, unless it failed again.
    if (earlier !== null && turnRow(this.#context, turnId).status !== "failed") return after;
    await reviveTurn(this.#context, turnId);
    noteIdempotent(this.#context, key, String(after));
    return after;
  }

  /** @throws KeptError when the reply failed; the turn can be retried. */
  async #replyOf(turnId: string, trace: Trace): Promise<TurnBody> {
    const work = this.#jobs.reply(turnId, trace);
    this.#jobs.background(work);
    await work;
    const turn = turnRow(this.#context, turnId);
    if (turn.status === "failed" && turn.error !== null) throw new KeptError(turn.error, turnId);
    return turnBody(this.#context, turn);
  }

  async #erase(): Promise<Erased> {
    const { sessionId: id, tenantId } = this.#context;
    await this.#jobs.finish();
    const erased = storedCounts(this.#context);
    const adapters = await this.#context.purse.close((message) =>
      accountOf(this.env, tenantId).closeSession(tenantId, message),
    );
    this.#isOpen = false;
    this.#jobs.close();
    await this.ctx.storage.deleteAlarm();
    await this.ctx.storage.deleteAll();
    this.#context.log.wake();
    return {
      id,
      object: "session.erased",
      erased: { ...erased, adapters },
      kept: "usage rows without content, for billing",
    };
  }

  #followReply(turnId: string, afterSeq: number): ReadableStream<Uint8Array> {
    const types: LogEvent["type"][] = ["turn", "delta", "reset", "done", "error"];
    const settled = () => isReplySettled(this.#context, turnId);
    return followLog(this.#context.log, () => [{ turnId, types }], afterSeq, settled);
  }
}
