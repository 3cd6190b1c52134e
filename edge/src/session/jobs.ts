/**
 * A session's jobs, now or after a crash: who runs which job, and when the alarm must ring.
 *
 * A running job is known by its id, so a second request for the same work joins it. Feedback is processed one at a
 * time, in order. What a job does is in turn.ts and feedback.ts.
 */
import { RosaError } from "@rosa2/shared/errors";
import { eq } from "drizzle-orm";
import { accountOf } from "../accounts/account.ts";
import { logFailure } from "../failure.ts";
import type { Trace } from "../rpc.ts";
import { statement } from "../statements.ts";
import type { SessionContext } from "./context.ts";
import { learnFrom } from "./feedback.ts";
import { meterIdOfUpdate } from "./store/meter.ts";
import { type Job, leaseMs } from "./store/outbox.ts";
import { pruneLog } from "./store/prune.ts";
import { feedbackRow } from "./store/rows.ts";
import { feedback, generations, session } from "./store/schema.ts";
import { idleWeights } from "./store/views.ts";
import { answerTurn, leaseReply } from "./turn.ts";

/** Feedback that is not finished within a day is closed without an update. */
const giveUpMs = 24 * 3_600_000;

const endOf = statement((db) => db.select({ at: session.expiresAt }).from(session).prepare());

export class Jobs {
  readonly #context: SessionContext;
  readonly #ctx: DurableObjectState;
  readonly #working = new Map<string, Promise<void>>();
  #learning: Promise<void> = Promise.resolve();
  #armedAt: number | null = null;
  #isOver = false;

  constructor(context: SessionContext, ctx: DurableObjectState) {
    this.#context = context;
    this.#ctx = ctx;
  }

  reply(turnId: string, trace: Trace): Promise<void> {
    return this.#once(`reply:${turnId}`, () => answerTurn(this.#context, turnId, trace));
  }

  learn(feedbackId: string, trace: Trace): Promise<void> {
    return this.#once(`feedback:${feedbackId}`, async () => {
      try {
        await this.inTurn(() => learnFrom(this.#context, feedbackId, trace));
      } catch (error) {
        const job = this.#isOver ? undefined : this.#context.outbox.get(`feedback:${feedbackId}`);
        if (job !== undefined) this.#context.outbox.failed(job, this.#context.now());
        throw error;
      }
    });
  }

  /** Runs work on the words' state while no feedback is being processed. */
  async inTurn<T>(work: () => T | Promise<T>): Promise<T> {
    const mine = this.#learning.then(work);
    this.#learning = mine.then(
      () => {},
      () => {},
    );
    return await mine;
  }

  /** The running work on a reply, if any. */
  replying(turnId: string): Promise<void> | undefined {
    return this.#working.get(`reply:${turnId}`);
  }

  /** Keeps the object alive for work that nobody awaits; its failure is in the outbox or the log. */
  background(work: Promise<unknown>): void {
    this.#ctx.waitUntil(work.catch(logUnexpected));
  }

  async runDue(): Promise<void> {
    await Promise.all(this.#context.outbox.due(this.#context.now()).map((job) => this.#run(job)));
  }

  /** Sets the alarm for the next due job or the session's end. */
  async arm(): Promise<void> {
    if (this.#isOver) return;
    const row = endOf(this.#context.db).get();
    const times = [row?.at ?? null, this.#context.outbox.nextDueAt()].filter((at) => at !== null);
    if (times.length === 0) return;
    const at = Math.min(...times);
    // Setting an alarm is a write, so an unchanged one is not set again.
    if (at === this.#armedAt) return;
    this.#armedAt = at;
    await this.#ctx.storage.setAlarm(Math.max(at, this.#context.now() + 5));
  }

  /** The alarm rang, so none is set now. */
  rang(): void {
    this.#armedAt = null;
  }

  /** After an eviction nothing is running any more, so every lease is void. */
  takeUpOrphans(): void {
    const { outbox, now } = this.#context;
    for (const { id } of outbox.pending("reply")) outbox.postpone(id, now());
    for (const { id, attempts } of outbox.pending("feedback")) {
      if (attempts === 0) outbox.postpone(id, now());
    }
  }

  /** Ends all work before the session is erased. */
  async finish(): Promise<void> {
    const { closing, replying } = this.#context;
    closing.abort();
    for (const controller of replying.values()) controller.abort();
    await Promise.allSettled(this.#working.values());
  }

  /** From here on nothing touches the storage. */
  close(): void {
    this.#isOver = true;
  }

  /** Starts work, or joins running work. */
  #once(id: string, work: () => Promise<void>): Promise<void> {
    const started = this.#working.get(id);
    if (started !== undefined) return started;
    const promise = work().finally(async () => {
      this.#working.delete(id);
      await this.arm();
    });
    this.#working.set(id, promise);
    // From here on the alarm takes over if this object ends before the work does.
    this.background(this.arm());
    return promise;
  }

  async #run(job: Job): Promise<void> {
    const { outbox, now } = this.#context;
    if (job.kind === "prune") {
      pruneLog(this.#context);
    } else if (job.kind === "file") {
      await this.dropFile(job).catch((error) => {
        logFailure("file", error);
        if (!this.#isOver) outbox.failed(job, now());
      });
    } else if (job.kind === "reply") {
      const { turnId } = job.payload as { turnId: string };
      leaseReply(this.#context, turnId);
      if (!this.#working.has(job.id)) await this.reply(turnId, {}).catch(logUnexpected);
    } else if (job.kind === "feedback") {
      const { feedbackId } = job.payload as { feedbackId: string };
      if (this.#working.has(job.id)) outbox.postpone(job.id, now() + leaseMs);
      else if (feedbackRow(this.#context, feedbackId).createdAt + giveUpMs < now()) {
        this.#giveUp(feedbackId);
      } else await this.learn(feedbackId, {}).catch(logUnexpected);
    } else {
      await this.#once(job.id, () => this.#report(job));
    }
  }

  /** Reports to the account. The job stays until there is nothing to report and nothing to give back. */
  async #report(job: Job): Promise<void> {
    const { outbox, purse, now, meteringMs } = this.#context;
    try {
      await purse.report(meteringMs);
      if (this.#isOver) return;
      if (purse.isQuiet(meteringMs)) outbox.delete(job.id);
      else outbox.postpone(job.id, now() + meteringMs);
    } catch (error) {
      logFailure("account", error);
      if (!this.#isOver) outbox.failed(job, now());
    }
  }

  /** Deletes a file that was stored for an update which then was not kept. */
  async dropFile(job: Job): Promise<void> {
    const { env, tenantId, outbox, db } = this.#context;
    const { digest } = job.payload as { digest: string };
    const kept = db.select().from(generations).where(eq(generations.digest, digest)).get();
    if (kept === undefined) await accountOf(env, tenantId).dropFile(tenantId, digest);
    if (!this.#isOver) outbox.delete(job.id);
  }

  #giveUp(feedbackId: string): void {
    const { db, log, outbox, now, transaction } = this.#context;
    const row = feedbackRow(this.#context, feedbackId);
    const reason = "given up: it could not be finished in a day";
    transaction(() => {
      const weights = row.weights ?? { ...idleWeights, decision: "rejected" as const, reason };
      db.update(feedback).set({ step: "done", weights }).where(eq(feedback.id, feedbackId)).run();
      outbox.delete(`feedback:${feedbackId}`);
      this.#context.purse.release(meterIdOfUpdate(this.#context, feedbackId));
      log.append({
        turnId: row.turnId,
        type: "error",
        data: { error: { code: "gpu_unavailable", message: reason }, feedback_id: feedbackId },
        at: now(),
        feedbackId,
      });
    });
  }
}

function logUnexpected(error: unknown): void {
  if (!(error instanceof RosaError)) logFailure("job", error);
}
