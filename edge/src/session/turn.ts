/**
 * One turn, told in order: words → budget → stored → prompt to the GPU → event log → finished → metered.
 *
 * Read `beginTurn` and `answerTurn` first. A turn is stored before its first token, and its reply goes to
 * the log whether or not anybody is listening. HTTP is not known here.
 */
import { RosaError } from "@rosa2/shared/errors";
import type { Usage } from "@rosa2/shared/protocol";
import { and, eq } from "drizzle-orm";
import { release, reserve } from "../accounts/budget.ts";
import { replyCostNanosMax, settledCostNanos } from "../accounts/usage.ts";
import { logFailure } from "../failure.ts";
import { newId } from "../ids.ts";
import type { Trace } from "../rpc.ts";
import {
  adapterOf,
  callContext,
  type Desk,
  runningTurn,
  sessionRow,
  type TurnRow,
  turnRow,
} from "./context.ts";
import { draftTurn, type NewTurn, type Retry } from "./planned-turn.ts";
import { Page } from "./reply-writer.ts";
import { findIdempotent, noteIdempotent } from "./store/idempotency.ts";
import { gpuMsOf, meter, meterId, noteIndex, Spending } from "./store/meter.ts";
import { leaseMs } from "./store/outbox.ts";
import { notePrune } from "./store/prune.ts";
import { turns } from "./store/schema.ts";
import { turnBody } from "./store/views.ts";

/**
 * Stores a turn that is ready to be answered, or finds the one that its Idempotency-Key made before.
 *
 * @throws RosaError `conflict` while another turn is being answered, `budget_exceeded`, `idempotency_mismatch`.
 */
export async function beginTurn(desk: Desk, input: NewTurn, retry?: Retry): Promise<string> {
  const earlier = findEarlier(desk, input);
  if (earlier !== null) return earlier;
  const turnId = newId("turn");
  const draft = draftTurn(desk, turnId, input, retry);
  refuseWhileReplying(desk);
  const eventId = meterId(desk, turnId, 1);
  const amountNanos = replyCostNanosMax(
    desk.config.prices,
    draft.messages,
    draft.sampling.max_tokens,
  );
  const { tenantId } = sessionRow(desk);
  await reserve(desk.env.DB, { eventId, tenantId, amountNanos }, desk.now());
  let stored = turnId;
  try {
    desk.transaction(() => {
      // Another call may have come in while the budget was asked.
      const meanwhile = findEarlier(desk, input);
      if (meanwhile !== null) {
        stored = meanwhile;
        return;
      }
      refuseWhileReplying(desk);
      const row = draftTurn(desk, turnId, input, retry);
      desk.db.insert(turns).values(row).run();
      noteIdempotent(desk, input.idempotency, turnId);
      retry?.alongside(turnId);
      leaseReply(desk, turnId);
      desk.log.append({
        turnId,
        type: "turn",
        data: turnBody(desk, turnRow(desk, turnId)),
        at: desk.now(),
      });
    });
  } finally {
    const isOurs = stored === turnId && turnExists(desk, turnId);
    if (!isOurs) await release(desk.env.DB, eventId).catch(() => {});
  }
  return stored;
}

/** Writes the reply of a running turn to the log, to the end, a stop or a failure; the row tells which. */
export async function answerTurn(desk: Desk, turnId: string, trace: Trace): Promise<void> {
  const turn = turnRow(desk, turnId);
  if (turn.status !== "running") return;
  const { tenantId } = sessionRow(desk);
  if (desk.replying.has(turnId)) throw new Error(`Turn ${turnId} is being answered already`);
  const stop = new AbortController();
  desk.replying.set(turnId, stop);
  const page = new Page(desk, turnId);
  const spending = new Spending(turn.messages, desk.now);
  try {
    const events = desk.gpu.generate(
      {
        tenant: tenantId,
        adapter: adapterOf(desk, turn.generation),
        messages: turn.messages,
        sampling: turn.sampling,
        rejected: turn.rejected,
      },
      { ...callContext(desk, tenantId, trace), signal: stop.signal },
    );
    for await (const event of events) {
      if (event.type === "delta") {
        spending.read(event);
        page.write(event.text, event.logprobs);
      } else if (event.type === "done") {
        page.finish(event.text);
        finishTurn(desk, turn, {
          status: "completed",
          reply: event.text,
          finishReason: event.finish_reason,
          logprob: event.logprob,
          usage: event.usage,
          gpuMs: gpuMsOf(event),
        });
      }
    }
  } catch (error) {
    if (stop.signal.aborted) {
      finishTurn(desk, turn, {
        status: "stopped",
        reply: page.text,
        finishReason: "stopped",
        logprob: null,
        usage: spending.usage,
        gpuMs: spending.gpuMs,
      });
    } else {
      await failTurn(desk, turn, error, spending.gpuMs);
    }
  } finally {
    desk.replying.delete(turnId);
    desk.log.wake();
  }
}

/**
 * Makes a failed turn run again, under the same id and with the same prompt.
 *
 * @throws RosaError `conflict` for any other turn, `budget_exceeded`.
 */
export async function reviveTurn(desk: Desk, turnId: string): Promise<void> {
  const turn = turnRow(desk, turnId);
  if (turn.status === "running") return;
  if (turn.status !== "failed") {
    throw new RosaError(
      "conflict",
      `Cannot run turn ${turnId} again: it is ${turn.status}. For another try at its reply send feedback with "retry": true`,
    );
  }
  refuseWhileReplying(desk);
  const runs = turn.runs + 1;
  const eventId = meterId(desk, turnId, runs);
  const amountNanos = replyCostNanosMax(
    desk.config.prices,
    turn.messages,
    turn.sampling.max_tokens,
  );
  const { tenantId } = sessionRow(desk);
  await reserve(desk.env.DB, { eventId, tenantId, amountNanos }, desk.now());
  desk.transaction(() => {
    if (turnRow(desk, turnId).status !== "failed") return;
    refuseWhileReplying(desk);
    desk.db
      .update(turns)
      .set({ status: "running", runs, error: null, finishedAt: null })
      .where(eq(turns.id, turnId))
      .run();
    desk.log.forgetErrors({ turnId });
    leaseReply(desk, turnId);
  });
}

/** Ends a reply where it is; the partial text stays. Stopping a turn that is over changes nothing. */
export async function stopTurn(desk: Desk, turnId: string): Promise<void> {
  const turn = turnRow(desk, turnId);
  if (turn.status !== "running") return;
  const controller = desk.replying.get(turnId);
  if (controller !== undefined) {
    controller.abort();
    return;
  }
  // Orphaned by an eviction and not yet taken up again: what the log holds is the reply.
  const { usage, gpuMs } = new Spending(turn.messages, desk.now);
  finishTurn(desk, turn, {
    status: "stopped",
    reply: desk.log.textSoFar(turnId),
    finishReason: "stopped",
    logprob: null,
    usage,
    gpuMs,
  });
}

export function leaseReply(desk: Desk, turnId: string): void {
  desk.outbox.put({
    id: `reply:${turnId}`,
    kind: "reply",
    payload: { turnId },
    dueAt: desk.now() + leaseMs,
  });
}

function findEarlier(desk: Desk, input: NewTurn): string | null {
  if (input.idempotency === undefined) return null;
  return findIdempotent(desk, input.idempotency);
}

function turnExists(desk: Desk, turnId: string): boolean {
  return (
    desk.db.select({ id: turns.id }).from(turns).where(eq(turns.id, turnId)).get() !== undefined
  );
}

function refuseWhileReplying(desk: Desk): void {
  const running = runningTurn(desk);
  if (running === undefined) return;
  throw new RosaError(
    "conflict",
    `Turn ${running.id} of this session is still being answered; wait for it or stop it`,
    { retryAfterS: 1 },
  );
}

interface Outcome {
  status: "completed" | "stopped";
  reply: string;
  finishReason: "stop" | "length" | "stopped";
  logprob: number | null;
  usage: Usage;
  gpuMs: number;
}

function finishTurn(desk: Desk, turn: TurnRow, outcome: Outcome): void {
  const { gpuMs, ...columns } = outcome;
  const { id: sessionId, tenantId } = sessionRow(desk);
  const costNanos = settledCostNanos(desk.config.prices, outcome.usage, turn);
  desk.transaction(() => {
    const finished = desk.db
      .update(turns)
      .set({ ...columns, costNanos, finishedAt: desk.now() })
      .where(and(eq(turns.id, turn.id), eq(turns.status, "running")))
      .returning({ id: turns.id })
      .all();
    if (finished.length === 0) return;
    meter(desk, {
      eventId: meterId(desk, turn.id, turn.runs),
      tenantId,
      keyId: turn.keyId,
      sessionId,
      kind: "reply",
      at: desk.now(),
      promptTokens: outcome.usage.prompt_tokens,
      cachedTokens: outcome.usage.cached_tokens,
      completionTokens: outcome.usage.completion_tokens,
      gpuMs,
      costNanos,
    });
    noteIndex(desk);
    notePrune(desk);
    desk.outbox.delete(`reply:${turn.id}`);
    desk.log.append({
      turnId: turn.id,
      type: "done",
      data: turnBody(desk, turnRow(desk, turn.id)),
      at: desk.now(),
    });
  });
}

/**
 * Ends a turn without a reply, and bills nothing. Its reservation is given back with the record of the GPU time it
 * took (ms), where any is known; by the outbox if this object dies first.
 */
async function failTurn(desk: Desk, turn: TurnRow, error: unknown, gpuMs: number): Promise<void> {
  if (!(error instanceof RosaError)) logFailure("reply", error);
  const failure =
    error instanceof RosaError
      ? { code: error.code, message: error.message }
      : { code: "internal_error", message: "The reply failed for an unexpected reason" };
  const eventId = meterId(desk, turn.id, turn.runs);
  const job = `release:${eventId}`;
  desk.transaction(() => {
    desk.db
      .update(turns)
      .set({ status: "failed", error: failure, finishedAt: desk.now() })
      .where(and(eq(turns.id, turn.id), eq(turns.status, "running")))
      .run();
    desk.outbox.delete(`reply:${turn.id}`);
    if (gpuMs > 0) {
      const { id: sessionId, tenantId } = sessionRow(desk);
      const { keyId } = turn;
      const at = desk.now();
      meter(desk, { eventId, tenantId, keyId, sessionId, kind: "failed", at, gpuMs, costNanos: 0 });
    } else {
      const dueAt = desk.now() + leaseMs;
      desk.outbox.put({ id: job, kind: "release", payload: { eventId }, dueAt });
    }
    desk.log.append({
      turnId: turn.id,
      type: "error",
      data: { error: failure, turn_id: turn.id },
      at: desk.now(),
    });
  });
  if (gpuMs > 0) return;
  try {
    await release(desk.env.DB, eventId);
    desk.outbox.delete(job);
  } catch (failed) {
    logFailure("release", failed);
  }
}
