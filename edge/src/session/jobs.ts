/**
 * What a session has to do, now or after a crash: who runs which job, and when the alarm must ring.
 *
 * A job under way is known by its id, so whoever asks for the same work joins it. Feedback is worked on one
 * at a time, in the order it came. What a job does is told elsewhere (turn.ts, learn.ts).
 */
import { RosaError } from "@rosa2/shared/errors";
import { eq } from "drizzle-orm";
import { countUsage } from "../accounts/metrics.ts";
import { release, settle } from "../accounts/spending.ts";
import type { UsageEvent } from "../accounts/usage.ts";
import { logFailure } from "../failure.ts";
import type { Trace } from "../rpc.ts";
import type { SessionContext } from "./context.ts";
import { learnFrom } from "./feedback.ts";
import { type Job, type JobKind, leaseMs } from "./store/outbox.ts";
import { pruneLog } from "./store/prune.ts";
import { feedbackRow } from "./store/rows.ts";
import { feedback, session } from "./store/schema.ts";
import { idleWeights, sessionSummary } from "./store/views.ts";
import { answerTurn, leaseReply } from "./turn.ts";

/** Feedback that could not be finished in a day is closed without an update. */
const giveUpMs = 24 * 3_600_000;

/** Jobs that write to D1 what happened here. */
const written: readonly JobKind[] = ["usage", "index", "release"];

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

  /** Runs work on the words' state when no feedback is being worked on. */
  async inTurn<T>(work: () => T | Promise<T>): Promise<T> {
    const mine = this.#learning.then(work);
    this.#learning = mine.then(
      () => {},
      () => {},
    );
    return await mine;
  }

  /** The work on a reply that is under way, if any. */
  replying(turnId: string): Promise<void> | undefined {
    return this.#working.get(`reply:${turnId}`);
  }

  /** Keeps the object alive for work that nobody waits for; its failure is in the outbox or the log. */
  background(work: Promise<unknown>): void {
    this.#ctx.waitUntil(work.catch(logUnexpected));
  }

  async runDue(
    kinds: readonly JobKind[] = [...written, "reply", "feedback", "prune"],
  ): Promise<void> {
    const jobs = this.#context.outbox
      .due(this.#context.now())
      .filter(({ kind }) => kinds.includes(kind));
    await Promise.all(jobs.map((job) => this.#run(job)));
  }

  /** Sets the alarm for the next due job or the session's end. */
  async arm(): Promise<void> {
    if (this.#isOver) return;
    const row = this.#context.db.select({ at: session.expiresAt }).from(session).get();
    const times = [row?.at ?? null, this.#context.outbox.nextDueAt()].filter((at) => at !== null);
    if (times.length === 0) return;
    const at = Math.min(...times);
    // Setting an alarm is a write; the same one need not be set again.
    if (at === this.#armedAt) return;
    this.#armedAt = at;
    await this.#ctx.storage.setAlarm(Math.max(at, this.#context.now() + 5));
  }

  /** The alarm rang, so none is set. */
  rang(): void {
    this.#armedAt = null;
  }

  /** After an eviction nothing runs in memory any more, so every lease is void. */
  takeUpOrphans(): void {
    const { outbox, now } = this.#context;
    for (const { id } of outbox.pending("reply")) outbox.postpone(id, now());
    for (const { id, attempts } of outbox.pending("feedback")) {
      if (attempts === 0) outbox.postpone(id, now());
    }
  }

  /** Ends all work before the session is erased, and writes down what was metered. */
  async finish(): Promise<void> {
    const { closing, replying, outbox } = this.#context;
    closing.abort();
    for (const controller of replying.values()) controller.abort();
    await Promise.allSettled(this.#working.values());
    for (const job of outbox.pending("usage")) {
      await this.#recordUsage(job.payload as UsageEvent);
      outbox.delete(job.id);
    }
  }

  /** From here on nothing touches the storage any more. */
  close(): void {
    this.#isOver = true;
  }

  /** Starts work, or joins it; afterwards what it put into the outbox for D1 is written. */
  #once(id: string, work: () => Promise<void>): Promise<void> {
    const started = this.#working.get(id);
    if (started !== undefined) return started;
    const promise = work().finally(async () => {
      this.#working.delete(id);
      if (this.#isOver) return;
      this.background(this.runDue(written));
      await this.arm();
    });
    this.#working.set(id, promise);
    // From here on the alarm takes over should this object end before the work does.
    this.background(this.arm());
    return promise;
  }

  async #run(job: Job): Promise<void> {
    const { outbox, now } = this.#context;
    if (job.kind === "prune") {
      pruneLog(this.#context);
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
      await this.#once(job.id, () => this.#write(job));
    }
  }

  async #write(job: Job): Promise<void> {
    const { outbox, now } = this.#context;
    try {
      if (job.kind === "usage") await this.#recordUsage(job.payload as UsageEvent);
      else if (job.kind === "release") {
        await release(this.#context.env.DB, (job.payload as { eventId: string }).eventId);
      } else await this.#writeIndex();
      if (!this.#isOver) outbox.delete(job.id);
    } catch (error) {
      logFailure(`write ${job.kind}`, error);
      if (!this.#isOver) outbox.failed(job, now());
    }
  }

  async #recordUsage(event: UsageEvent): Promise<void> {
    const { env } = this.#context;
    await settle(env.DB, event);
    countUsage(env, event);
  }

  async #writeIndex(): Promise<void> {
    const { id, turn_count, generation, updated_at } = sessionSummary(this.#context);
    await this.#context.env.DB.prepare(
      "UPDATE session_index SET turns = ?2, generation = ?3, updated_at = ?4 WHERE id = ?1",
    )
      .bind(id, turn_count, generation, Date.parse(updated_at))
      .run();
  }

  #giveUp(feedbackId: string): void {
    const { db, log, outbox, now, transaction } = this.#context;
    const row = feedbackRow(this.#context, feedbackId);
    const reason = "given up: it could not be finished in a day";
    transaction(() => {
      const weights = row.weights ?? { ...idleWeights, decision: "rejected" as const, reason };
      db.update(feedback).set({ step: "done", weights }).where(eq(feedback.id, feedbackId)).run();
      outbox.delete(`feedback:${feedbackId}`);
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
