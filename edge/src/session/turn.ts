/**
 * One turn, in order: words → budget → stored → prompt to the GPU → event log → finished → metered.
 *
 * Read `beginTurn` and `answerTurn` first. A turn is stored before its first token. Its reply goes to the log whether
 * or not anybody reads it. This file knows no HTTP.
 */
import { RosaError } from "@rosa2/shared/errors";
import type { Usage } from "@rosa2/shared/protocol";
import { and, eq } from "drizzle-orm";
import { type Charge, spend } from "../accounts/spending.ts";
import { replyCostNanosMax, settledCostNanos } from "../accounts/usage.ts";
import type { LogEvent } from "../contract/index.ts";
import { logFailure } from "../failure.ts";
import { isTransient } from "../gpu-client/index.ts";
import { newId } from "../ids.ts";
import type { CallContext, ReplyEvent } from "../inference/index.ts";
import type { IdempotencyKey, Trace } from "../rpc.ts";
import { callContext, type SessionContext } from "./context.ts";
import { type NewTurn, noteRefusal, planTurn, type Retry } from "./planned-turn.ts";
import { shorterDialogue } from "./policy/prompt.ts";
import { takeHistory, takeInstructions } from "./store/dialogue.ts";
import { followLog } from "./store/event-log.ts";
import { findIdempotent, noteIdempotent } from "./store/idempotency.ts";
import { gpuMsOf, meterId, noteReport, ReplyMeter } from "./store/meter.ts";
import { leaseMs } from "./store/outbox.ts";
import { notePrune } from "./store/prune.ts";
import { ReplyWriter } from "./store/reply-writer.ts";
import { adapterOf, runningTurn, type TurnRow, turnRow } from "./store/rows.ts";
import { idempotency, turns } from "./store/schema.ts";
import { isReplySettled, turnBody } from "./store/views.ts";

/** How long the error event of a dropped turn is kept for its readers. */
const droppedMs = 60_000;

/**
 * Stores a turn that is ready to be answered, or finds the turn that the same Idempotency-Key made before.
 *
 * @throws RosaError `conflict` while another turn is being answered, `budget_exceeded`, `idempotency_mismatch`.
 */
export async function beginTurn(
  context: SessionContext,
  input: NewTurn,
  retry?: Retry,
): Promise<string> {
  const earlier = findEarlier(context, input);
  if (earlier !== null) return earlier;
  const turnId = newId("turn");
  const planned = planTurn(context, turnId, input, retry);
  refuseWhileReplying(context);
  let stored = turnId;
  await spend(context.purse, chargeOf(context, { ...planned, runs: 1 }), (keep) => {
    context.transaction(() => {
      // Another call may have come in while this one waited for the budget.
      const meanwhile = findEarlier(context, input);
      if (meanwhile !== null) {
        stored = meanwhile;
        return;
      }
      refuseWhileReplying(context);
      takeInstructions(context, input.said);
      takeHistory(context, input.said, input.keyId);
      context.db
        .insert(turns)
        .values(planTurn(context, turnId, input, retry))
        .run();
      noteIdempotent(context, input.idempotency, turnId);
      retry?.alongside(turnId);
      leaseReply(context, turnId);
      context.log.append({
        turnId,
        type: "turn",
        data: turnBody(context, turnRow(context, turnId)),
        at: context.now(),
      });
    });
    if (stored === turnId) keep();
  });
  return stored;
}

/** A new turn, or the turn of this Idempotency-Key. If that turn failed, the repeated call runs it again. */
export async function beginOrRevive(context: SessionContext, input: NewTurn): Promise<string> {
  const turnId = await beginTurn(context, input);
  if (turnRow(context, turnId).status === "failed") await reviveTurn(context, turnId);
  return turnId;
}

/**
 * Makes a failed turn run again. Returns the number of the last event before that; for a repeated Idempotency-Key,
 * before the key's first call.
 */
export async function reviveOnce(
  context: SessionContext,
  turnId: string,
  key: IdempotencyKey | undefined,
): Promise<number> {
  const earlier = key === undefined ? null : findIdempotent(context, key);
  const after = earlier === null ? context.log.lastSeq() : Number(earlier);
  // The key's run has ended. Its turn is the answer, unless it failed again.
  if (earlier !== null && turnRow(context, turnId).status !== "failed") return after;
  await reviveTurn(context, turnId);
  noteIdempotent(context, key, String(after));
  return after;
}

/**
 * Writes the reply of a running turn to the log until it ends, is stopped or fails; the row's status says which.
 *
 * @throws RosaError when the service refused the request before a token; the turn is then deleted.
 */
export async function answerTurn(
  context: SessionContext,
  turnId: string,
  trace: Trace,
): Promise<void> {
  const turn = turnRow(context, turnId);
  if (turn.status !== "running") return;
  if (context.replying.has(turnId)) throw new Error(`Turn ${turnId} is being answered already`);
  const stop = new AbortController();
  context.replying.set(turnId, stop);
  const writer = new ReplyWriter(context, turnId);
  const spending = new ReplyMeter(turn, context.now);
  try {
    // The budget's lease may have ended before a turn is continued after a crash.
    const { eventId, amountNanos } = chargeOf(context, turn);
    await context.purse.reserve(eventId, amountNanos);
    const call = { ...callContext(context, trace), signal: stop.signal };
    for await (const event of replyEvents(context, turn, call)) {
      if (event.type === "delta") {
        spending.read(event);
        writer.write(event);
      } else if (event.type === "done") {
        writer.finish(event.text);
        finishTurn(context, turn, {
          status: "completed",
          reply: event.text,
          finishReason: event.finish_reason,
          repeatsRejected: event.repeats_rejected ?? false,
          logprob: event.logprob,
          usage: event.usage,
          gpuMs: gpuMsOf(event),
        });
      }
    }
  } catch (error) {
    if (stop.signal.aborted) {
      finishTurn(context, turn, {
        status: "stopped",
        reply: writer.text,
        finishReason: "stopped",
        logprob: null,
        usage: spending.usage,
        gpuMs: spending.gpuMs,
      });
    } else {
      if (isRefusal(error) && !spending.hasBegun && turn.retryOf === null) {
        dropTurn(context, turn, error);
        throw error;
      }
      failTurn(context, turn, error, spending.gpuMs);
    }
  } finally {
    context.replying.delete(turnId);
    context.log.wake();
  }
}

/** The events of a reply. A dialogue that exceeds the model's window is cut, in the turn too, until it fits. */
async function* replyEvents(
  context: SessionContext,
  turn: TurnRow,
  call: CallContext,
): AsyncGenerator<ReplyEvent> {
  const adapter = adapterOf(context, turn.generation);
  for (;;) {
    const { messages, sampling, rejected } = turn;
    try {
      yield* context.gpu.generate(
        { tenant: context.tenantId, adapter, messages, sampling, rejected },
        call,
      );
      return;
    } catch (error) {
      const isTooLong = error instanceof RosaError && error.code === "context_length_exceeded";
      const shorter = isTooLong ? shorterDialogue(messages) : null;
      if (shorter === null) throw error;
      turn.messages = shorter;
      context.db.update(turns).set({ messages: shorter }).where(eq(turns.id, turn.id)).run();
    }
  }
}

/** A reply's events after the given number, then live until the reply ends. */
export function followReply(
  context: SessionContext,
  turnId: string,
  afterSeq: number,
): ReadableStream<Uint8Array> {
  const types: LogEvent["type"][] = ["turn", "delta", "reset", "done", "error"];
  const settled = () => isReplySettled(context, turnId);
  return followLog(context.log, () => [{ turnId, types }], afterSeq, settled);
}

/**
 * Makes a failed turn run again, with the same id and the same prompt. A running turn just goes on.
 *
 * @throws RosaError `conflict` for a turn that has ended otherwise, `budget_exceeded`.
 */
export async function reviveTurn(context: SessionContext, turnId: string): Promise<void> {
  const turn = turnRow(context, turnId);
  if (turn.status === "running") return;
  if (turn.status !== "failed") {
    throw new RosaError(
      "conflict",
      `Cannot run turn ${turnId} again: it is ${turn.status}. For another try at its reply send feedback with "retry": true`,
    );
  }
  refuseWhileReplying(context);
  const runs = turn.runs + 1;
  await spend(context.purse, chargeOf(context, { ...turn, runs }), (keep) =>
    context.transaction(() => {
      if (turnRow(context, turnId).status !== "failed") return;
      refuseWhileReplying(context);
      context.db
        .update(turns)
        .set({ status: "running", runs, error: null, finishedAt: null })
        .where(eq(turns.id, turnId))
        .run();
      context.log.forgetErrors({ turnId });
      leaseReply(context, turnId);
      keep();
    }),
  );
}

/** Ends a reply where it is; the partial text stays. Stopping a turn that has ended changes nothing. */
export async function stopTurn(context: SessionContext, turnId: string): Promise<void> {
  const turn = turnRow(context, turnId);
  if (turn.status !== "running") return;
  const controller = context.replying.get(turnId);
  if (controller !== undefined) {
    controller.abort();
    return;
  }
  // Interrupted by an eviction and not yet continued: the text in the log is the reply.
  const { usage, gpuMs } = new ReplyMeter(turn, context.now);
  finishTurn(context, turn, {
    status: "stopped",
    reply: context.log.textSoFar(turnId),
    finishReason: "stopped",
    logprob: null,
    usage,
    gpuMs,
  });
}

export function leaseReply(context: SessionContext, turnId: string): void {
  context.outbox.put({
    id: `reply:${turnId}`,
    kind: "reply",
    payload: { turnId },
    dueAt: context.now() + leaseMs,
  });
}

/** Whether the service refuses this request for good: nothing of the turn is worth keeping. */
function isRefusal(error: unknown): error is RosaError {
  return (
    error instanceof RosaError && error.status >= 400 && error.status < 500 && !isTransient(error)
  );
}

/** Deletes a turn that was refused before a token. Only an error event for its readers stays for a while. */
function dropTurn(context: SessionContext, turn: TurnRow, error: RosaError): void {
  const { db, outbox, purse } = context;
  const { code, message, param } = error;
  noteRefusal(context);
  context.transaction(() => {
    const at = context.now();
    db.delete(turns).where(eq(turns.id, turn.id)).run();
    context.log.forgetTurn(turn.id, at - droppedMs);
    db.delete(idempotency).where(eq(idempotency.ref, turn.id)).run();
    outbox.delete(`reply:${turn.id}`);
    purse.release(meterId(context, turn.id, turn.runs));
    const failure = { code, message, ...(param === undefined ? {} : { param }) };
    context.log.append({ turnId: turn.id, type: "error", data: { error: failure }, at });
  });
}

/** The most that one run of a turn can cost. */
function chargeOf(
  context: SessionContext,
  turn: Pick<TurnRow, "id" | "runs" | "messages" | "sampling">,
): Charge {
  return {
    eventId: meterId(context, turn.id, turn.runs),
    amountNanos: replyCostNanosMax(context.config.prices, turn.messages, turn.sampling.max_tokens),
  };
}

function findEarlier(context: SessionContext, input: NewTurn): string | null {
  if (input.idempotency === undefined) return null;
  return findIdempotent(context, input.idempotency);
}

function refuseWhileReplying(context: SessionContext): void {
  const running = runningTurn(context);
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
  finishReason: NonNullable<TurnRow["finishReason"]>;
  repeatsRejected?: boolean;
  logprob: number | null;
  usage: Usage;
  gpuMs: number;
}

function finishTurn(context: SessionContext, turn: TurnRow, outcome: Outcome): void {
  const { gpuMs, ...columns } = outcome;
  const { sessionId, tenantId } = context;
  const costNanos = settledCostNanos(context.config.prices, outcome.usage, turn);
  context.transaction(() => {
    const finished = context.db
      .update(turns)
      .set({ ...columns, costNanos, finishedAt: context.now() })
      .where(and(eq(turns.id, turn.id), eq(turns.status, "running")))
      .returning({ id: turns.id })
      .all();
    if (finished.length === 0) return;
    context.purse.settle({
      eventId: meterId(context, turn.id, turn.runs),
      tenantId,
      keyId: turn.keyId,
      sessionId,
      kind: "reply",
      at: context.now(),
      promptTokens: outcome.usage.prompt_tokens,
      cachedTokens: outcome.usage.cached_tokens,
      completionTokens: outcome.usage.completion_tokens,
      gpuMs,
      costNanos,
    });
    noteReport(context);
    notePrune(context);
    context.outbox.delete(`reply:${turn.id}`);
    context.log.append({
      turnId: turn.id,
      type: "done",
      data: turnBody(context, turnRow(context, turn.id)),
      at: context.now(),
    });
  });
}

/**
 * Ends a turn without a reply and without a bill. The amount set aside for it is free again, and the GPU time it took
 * (ms) is recorded if known.
 */
function failTurn(context: SessionContext, turn: TurnRow, error: unknown, gpuMs: number): void {
  if (!(error instanceof RosaError)) logFailure("reply", error);
  const failure =
    error instanceof RosaError
      ? { code: error.code, message: error.message }
      : { code: "internal_error", message: "The reply failed for an unexpected reason" };
  const eventId = meterId(context, turn.id, turn.runs);
  context.transaction(() => {
    const at = context.now();
    const failed = context.db
      .update(turns)
      .set({ status: "failed", error: failure, finishedAt: at })
      .where(and(eq(turns.id, turn.id), eq(turns.status, "running")))
      .returning({ id: turns.id })
      .all();
    if (failed.length === 0) return;
    context.outbox.delete(`reply:${turn.id}`);
    const { sessionId, tenantId, purse } = context;
    const { keyId } = turn;
    if (gpuMs === 0) purse.release(eventId);
    else
      purse.settle({
        eventId,
        tenantId,
        keyId,
        sessionId,
        kind: "failed",
        at,
        gpuMs,
        costNanos: 0,
      });
    context.log.append({
      turnId: turn.id,
      type: "error",
      data: { error: failure, turn_id: turn.id },
      at,
    });
  });
}
