/**
 * The Durable Object of one session: its only writer. Start reading at turn.ts and feedback.ts.
 *
 * This file holds the object's calls, one public method for each call of the Worker; background work is in jobs.ts.
 * Failures that callers expect come back as values (rpc.ts).
 */
import { DurableObject } from "cloudflare:workers";
import { migrate } from "drizzle-orm/durable-sqlite/migrator";
import migrations from "../../../migrations/session/migrations.js";
import { accountOf } from "../accounts/account.ts";
import type { FirstLease } from "../accounts/purse/purse.ts";
import { spareNanos } from "../config.ts";
import type {
  Erased,
  FeedbackResult,
  OwnLexicon,
  ReachBody,
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
  hasTables,
  type Identity,
  identityColumns,
  type NewSession,
  openContext,
  refuseWhenFull,
  type SessionContext,
} from "./context.ts";
import { beginFeedback, followFeedback, type NewFeedback, untilAnswered } from "./feedback.ts";
import { Jobs } from "./jobs.ts";
import { Opening, type Origin, type SessionWish } from "./opening.ts";
import type { NewTurn } from "./planned-turn.ts";
import { type WordsChange, wordsBody } from "./policy/words-change.ts";
import { type Correction, reachOf } from "./reach.ts";
import { type BegunTurn, compareHistory } from "./store/dialogue.ts";
import { followLog } from "./store/event-log.ts";
import { changeOnce, findIdempotent, noteIdempotent } from "./store/idempotency.ts";
import { activateGeneration, type Lineage, lineage } from "./store/lineage.ts";
import { noteReport } from "./store/meter.ts";
import { changeSession, feedbackRow, generationRow, sessionRow, turnRow } from "./store/rows.ts";
import { session } from "./store/schema.ts";
import { restoreSnapshot, type Snapshot, takeSnapshot } from "./store/snapshot.ts";
import {
  feedbackResult,
  indexRow,
  isTurnSettled,
  sessionDetail,
  sessionSummary,
  storedCounts,
  type TurnPage,
  turnBody,
} from "./store/views.ts";
import { changeWords, restoreWords, setSessionLexicon, wordsState } from "./store/words.ts";
import { beginOrRevive, followReply, reviveOnce, stopTurn } from "./turn.ts";

/** The answer to a call on a session that does not exist or is not the caller's. */
const noSession = { ok: false, code: "not_found", message: "No such session" } as const;

export class SessionObject extends DurableObject<Env> {
  readonly #context: SessionContext;
  readonly #jobs: Jobs;
  readonly #opening: Opening;
  #isOpen = false;
  /** Read once because it never changes: from the session's own row, or when it was opened. */
  #identity: Identity | null = null;

  constructor(ctx: DurableObjectState, env: Env) {
    super(ctx, env);
    this.#context = openContext(ctx.storage, env, () => this.#identity, {
      answer: (turnId, trace) => this.#jobs.reply(turnId, trace),
    });
    this.#jobs = new Jobs(this.#context, ctx);
    this.#opening = new Opening(ctx.storage, env, spareNanos(this.#context.config));
    ctx.blockConcurrencyWhile(async () => {
      if (!hasTables(ctx.storage)) return;
      await migrate(this.#context.db, migrations);
      this.#identity = this.#context.db.select(identityColumns).from(session).get() ?? null;
      if (this.#identity === null) return;
      this.#isOpen = true;
      this.#jobs.takeUpOrphans();
      await this.#jobs.arm();
    });
  }

  /**
   * Makes the session; a fork starts from another's past. A failure leaves nothing of it. If an earlier call with the
   * same key has opened it, that session is the answer.
   */
  open(wish: SessionWish, origin: Origin | null): Promise<Result<SessionDetail>> {
    return settle(async () => {
      if (!this.#isOpen) {
        await this.#opening.open(wish, origin, async (input, lease) => {
          await migrate(this.#context.db, migrations);
          this.#store(input, lease, origin?.snapshot);
          await this.#jobs.arm();
        });
      }
      return sessionDetail(this.#context, this.#context.config.rewriter.name);
    });
  }

  read(caller: Caller, page?: TurnPage): Promise<Result<SessionDetail>> {
    return this.#answer(caller, () =>
      sessionDetail(this.#context, this.#context.config.rewriter.name, page),
    );
  }

  /** Changes title or metadata. The account's index follows at once if it can be reached. */
  change(caller: Caller, patch: SessionPatch): Promise<Result<SessionSummary>> {
    return this.#answer(caller, async () => {
      changeSession(this.#context, patch);
      noteReport(this.#context, true);
      await this.#context.purse.report(this.#context.meteringMs).catch(() => {});
      return sessionSummary(this.#context);
    });
  }

  /** Starts a turn and waits for its reply. */
  turn(caller: Caller, input: NewTurn, trace: Trace): Promise<Result<TurnBody>> {
    return this.#answer(caller, async () => {
      const turnId = await beginOrRevive(this.#context, input);
      return await this.#replyOf(turnId, trace);
    });
  }

  /** Starts a turn and streams its log from the beginning. */
  turnStream(caller: Caller, input: NewTurn, trace: Trace): Promise<Result<BegunTurn>> {
    return this.#answer(caller, async () => {
      const turnId = await beginOrRevive(this.#context, input);
      const { generation, index } = turnRow(this.#context, turnId);
      const history = compareHistory(this.#context, input.said, index);
      this.#jobs.background(this.#jobs.reply(turnId, trace));
      return { turnId, generation, history, stream: followReply(this.#context, turnId, 0) };
    });
  }

  retry(
    caller: Caller,
    turnId: string,
    trace: Trace,
    key?: IdempotencyKey,
  ): Promise<Result<TurnBody>> {
    return this.#answer(caller, async () => {
      await reviveOnce(this.#context, turnId, key);
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
      const after = await reviveOnce(this.#context, turnId, key);
      this.#jobs.background(this.#jobs.reply(turnId, trace));
      return followReply(this.#context, turnId, after);
    });
  }

  stop(caller: Caller, turnId: string, key?: IdempotencyKey): Promise<Result<TurnBody>> {
    return this.#answer(caller, async () => {
      // A repeated call must not stop what was started again meanwhile.
      if (key === undefined || findIdempotent(this.#context, key) === null) {
        await stopTurn(this.#context, turnId);
        noteIdempotent(this.#context, key, turnId);
      }
      await this.#jobs.replying(turnId);
      await this.#jobs.arm();
      return turnBody(this.#context, turnRow(this.#context, turnId));
    });
  }

  /** Takes feedback and waits as long as the body asks: for the words, for the weights, for the new reply. */
  feedback(caller: Caller, input: NewFeedback, trace: Trace): Promise<Result<FeedbackResult>> {
    return this.#answer(caller, async () => {
      const id = await beginFeedback(this.#context, input);
      const work = this.#jobs.learn(id, trace);
      this.#jobs.background(work);
      await untilAnswered(this.#context, id, work, input.body);
      return feedbackResult(this.#context, feedbackRow(this.#context, id));
    });
  }

  /** Takes feedback and streams words, weights, the new reply and the outcome as they happen. */
  feedbackStream(
    caller: Caller,
    input: NewFeedback,
    trace: Trace,
  ): Promise<Result<{ feedbackId: string; stream: ReadableStream<Uint8Array> }>> {
    return this.#answer(caller, async () => {
      const feedbackId = await beginFeedback(this.#context, input);
      const work = this.#jobs.learn(feedbackId, trace);
      const { stream, told } = followFeedback(this.#context, feedbackId, work);
      this.#jobs.background(told);
      return { feedbackId, stream };
    });
  }

  /** A turn's log after an event id, then live until the turn is finished; null if it is. */
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

  /** Whether a correction can be learned; nothing changes. */
  reach(caller: Caller, input: Correction, trace: Trace): Promise<Result<ReachBody>> {
    return this.#answer(caller, () => reachOf(this.#context, input, trace));
  }

  words(caller: Caller): Promise<Result<WordsStateBody>> {
    return this.#answer(caller, () => wordsBody(wordsState(this.#context)));
  }

  /** The user's changes of the words. Waits for feedback under way, which works on the same state. */
  changeWords(
    caller: Caller,
    change: WordsChange,
    key?: IdempotencyKey,
  ): Promise<Result<WordsStateBody>> {
    return this.#answer(caller, () =>
      this.#jobs.inTurn(() =>
        changeOnce(this.#context, key, () => {
          refuseWhenFull(this.#context);
          return wordsBody(changeWords(this.#context, change));
        }),
      ),
    );
  }

  lexicon(caller: Caller): Promise<Result<OwnLexicon>> {
    return this.#answer(caller, () => sessionRow(this.#context).lexicon ?? []);
  }

  /** Waits for feedback under way, like every change of the words. */
  setLexicon(caller: Caller, lexicon: OwnLexicon): Promise<Result<OwnLexicon>> {
    return this.#answer(caller, () =>
      this.#jobs.inTurn(() => {
        refuseWhenFull(this.#context);
        setSessionLexicon(this.#context, lexicon);
        return lexicon;
      }),
    );
  }

  generations(caller: Caller, page: { cursor?: string; limit: number }): Promise<Result<Lineage>> {
    return this.#answer(caller, () => lineage(this.#context, page));
  }

  /** Activates a generation (or `base`) at once, and the words of its moment after feedback under way. */
  activate(caller: Caller, generation: string, key?: IdempotencyKey): Promise<Result<Lineage>> {
    return this.#answer(caller, async () => {
      const isFirst = key === undefined || findIdempotent(this.#context, key) === null;
      const answer = changeOnce(this.#context, key, () => {
        refuseWhenFull(this.#context);
        return activateGeneration(this.#context, generation);
      });
      if (isFirst) await this.#jobs.inTurn(() => restoreWords(this.#context, generation));
      return answer;
    });
  }

  adapter(caller: Caller, generation: string): Promise<Result<{ digest: string }>> {
    return this.#answer(caller, () => ({
      digest: generationRow(this.#context, generation).digest,
    }));
  }

  snapshot(caller: Caller, turnId: string | null): Promise<Result<Snapshot>> {
    return this.#answer(caller, () => takeSnapshot(this.#context, turnId));
  }

  /** Called by the account when its room is short: unreserved money goes back. */
  async giveBackLease(): Promise<void> {
    if (!this.#isOpen) return;
    await this.#context.purse.giveBack();
    await this.#jobs.arm();
  }

  /** Called by the account when somebody reads the usage. */
  async reportUsage(): Promise<void> {
    if (this.#isOpen) await this.#context.purse.report(this.#context.meteringMs);
  }

  /** Stops everything and deletes turns, words, events and adapters; metered events are recorded first. */
  erase(caller: Caller): Promise<Result<Erased>> {
    return this.#answer(caller, () => this.#erase());
  }

  override async alarm(): Promise<void> {
    this.#jobs.rang();
    if (!this.#isOpen) return await this.#opening.check();
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
      // The platform drops an alarm that throws a few times, so this one never throws and always sets the next.
      await this.#jobs.arm();
    }
  }

  /** Runs a call on an existing session of the caller's, else 404. Sets the alarm for what the call leaves to do. */
  async #answer<T>(caller: Caller, work: () => T | Promise<T>): Promise<Result<T>> {
    if (!this.#isOpen || !this.#isFor(caller)) return noSession;
    try {
      if (caller.capNanos !== undefined) this.#context.purse.setOwnerCap(caller.capNanos);
      const result = await settle(work);
      // A failure while the session is being erased is due to the erasure.
      return result.ok || !this.#isClosing ? result : noSession;
    } catch (error) {
      if (this.#isClosing) return noSession;
      throw error;
    } finally {
      await this.#jobs.arm();
    }
  }

  get #isClosing(): boolean {
    return this.#context.closing.signal.aborted;
  }

  #isFor({ tenantId, owner }: Caller): boolean {
    const mine = this.#identity;
    return mine?.tenantId === tenantId && (owner === null || owner === mine.owner);
  }

  /** Stores a new session completely. */
  #store(input: NewSession, lease: FirstLease, past: Snapshot | undefined): void {
    const { db, now, purse, transaction } = this.#context;
    const { id: sessionId, tenantId, owner, region } = input;
    this.#identity = { sessionId, tenantId, owner, region };
    transaction(() => {
      db.insert(session)
        .values({ ...input, createdAt: now() })
        .run();
      purse.adopt(lease);
      if (past !== undefined) restoreSnapshot(this.#context, past);
      this.#opening.finish();
    });
    this.#isOpen = true;
  }

  /** @throws KeptError if the reply failed; the turn can be retried. */
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
    for (const job of this.#context.outbox.pending("file")) await this.#jobs.dropFile(job);
    const adapters = await this.#context.purse.close((message) =>
      accountOf(this.env, tenantId).closeSession(tenantId, message, indexRow(this.#context)),
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
      kept: "usage rows and a holdout's counts, without content",
    };
  }
}
