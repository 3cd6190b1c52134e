/**
 * One turn, told in order: words → budget → stored → prompt to the GPU → event log → finished → metered.
 *
 * Read `beginTurn` and `answerTurn` first. A turn is stored before its first token, and its reply goes to
 * the log whether or not anybody is listening. HTTP is not known here.
 */
import { RosaError } from "@rosa2/shared/errors";
import type { Sampling, TokenLogprob, Usage } from "@rosa2/shared/protocol";
import { and, asc, eq, inArray, max } from "drizzle-orm";
import { release, reserve } from "../accounts/budget.ts";
import { replyCostNanos, replyCostNanosMax, type UsageEvent } from "../accounts/usage.ts";
import { turnsMax } from "../contract.ts";
import { newId } from "../ids.ts";
import { reviseRequest } from "../words/index.ts";
import {
  adapterOf,
  callContext,
  type Desk,
  runningTurn,
  sessionRow,
  type Trace,
  type TurnRow,
  turnRow,
} from "./desk.ts";
import { buildPrompt, type Exchange, estimateTokens } from "./prompt.ts";
import { idempotency, turns } from "./schema.ts";
import { turnBody } from "./views.ts";

/** `max_tokens` is always sent, so that a reply's price is bounded before it starts. */
export type TurnSampling = Partial<Omit<Sampling, "max_tokens">> & { max_tokens: number };

export interface NewTurn {
  content: string;
  sampling: Partial<Sampling>;
  keyId: string;
  idempotency?: { key: string; fingerprint: string };
}

/** How a retry differs from a new request: the words are given, and so are the replies to avoid. */
export interface Retry {
  of: TurnRow;
  prompt: string;
  rejected: string[];
  /** Runs in the transaction that stores the turn. */
  alongside(turnId: string): void;
}

/** While this object lives it renews the lease of a reply in progress; when it ran out, the reply was orphaned. */
export const leaseMs = 20_000;

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
      if (input.idempotency !== undefined) {
        desk.db
          .insert(idempotency)
          .values({ ...input.idempotency, ref: turnId, createdAt: desk.now() })
          .run();
      }
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
  let deltaCount = 0;
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
        deltaCount++;
        page.write(event.text, event.logprobs);
      } else if (event.type === "done") {
        page.finish(event.text);
        finishTurn(desk, turn, {
          status: "completed",
          reply: event.text,
          finishReason: event.finish_reason,
          logprob: event.logprob,
          usage: event.usage,
          gpuMs: event.ms.prefill + event.ms.decode,
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
        usage: estimateUsage(turn, deltaCount),
        gpuMs: 0,
      });
    } else {
      failTurn(desk, turn, error);
      await release(desk.env.DB, meterId(desk, turnId, turn.runs)).catch(() => {});
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
  finishTurn(desk, turn, {
    status: "stopped",
    reply: desk.log.textSoFar(turnId),
    finishReason: "stopped",
    logprob: null,
    usage: estimateUsage(turn, 0),
    gpuMs: 0,
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

/** @throws RosaError `idempotency_mismatch` when the key came with another request before. */
export function findIdempotent(
  desk: Desk,
  { key, fingerprint }: { key: string; fingerprint: string },
): string | null {
  const row = desk.db.select().from(idempotency).where(eq(idempotency.key, key)).get();
  if (row === undefined) return null;
  if (row.fingerprint === fingerprint) return row.ref;
  throw new RosaError(
    "idempotency_mismatch",
    "This Idempotency-Key was used with another request before",
    { param: "Idempotency-Key" },
  );
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

/** The row of a turn as it would be stored now: the words as learnt, the active generation, the dialogue so far. */
function draftTurn(
  desk: Desk,
  turnId: string,
  input: NewTurn,
  retry: Retry | undefined,
): typeof turns.$inferInsert & { sampling: TurnSampling; messages: TurnRow["messages"] } {
  const session = sessionRow(desk);
  const index =
    (desk.db
      .select({ last: max(turns.index) })
      .from(turns)
      .get()?.last ?? -1) + 1;
  if (index >= turnsMax) {
    throw new RosaError(
      "conflict",
      `A session holds at most ${turnsMax} turns; fork it or start anew`,
    );
  }
  const wordsAdapt = session.mode === "both" || session.mode === "words";
  const prompt =
    retry?.prompt ??
    (wordsAdapt ? reviseRequest(session.wordsState, input.content).prompt : input.content);
  const sampling = {
    ...input.sampling,
    max_tokens: input.sampling.max_tokens ?? desk.config.replyTokens,
  };
  const problemId = retry?.of.problemId ?? turnId;
  const messages = buildPrompt({
    instructions: session.instructions,
    policy: session.context,
    dialogue: session.context === "dialogue" ? dialogueBefore(desk, problemId) : [],
    request: prompt,
    tokensMax: Math.max(64, desk.config.contextTokens - sampling.max_tokens),
  });
  return {
    id: turnId,
    index,
    problemId,
    attempt: (retry?.of.attempt ?? 0) + 1,
    retryOf: retry?.of.id ?? null,
    content: input.content,
    prompt,
    messages,
    sampling,
    rejected: retry?.rejected ?? [],
    status: "running",
    generation: session.activeGeneration,
    keyId: input.keyId,
    runs: 1,
    createdAt: desk.now(),
  };
}

/** Finished exchanges of other problems, oldest first, each with its last try. */
function dialogueBefore(desk: Desk, problemId: string): Exchange[] {
  const rows = desk.db
    .select({ problemId: turns.problemId, prompt: turns.prompt, reply: turns.reply })
    .from(turns)
    .where(inArray(turns.status, ["completed", "stopped"]))
    .orderBy(asc(turns.index))
    .all();
  const last = new Map<string, Exchange>();
  for (const row of rows) {
    if (row.problemId !== problemId && row.reply !== "") last.set(row.problemId, row);
  }
  return [...last.values()].map(({ prompt, reply }) => ({ prompt, reply }));
}

/** A reply on its way to the log. After an eviction it is written anew and what readers already have is skipped. */
class Page {
  text = "";
  readonly #desk: Desk;
  readonly #turnId: string;
  #shown: string;

  constructor(desk: Desk, turnId: string) {
    this.#desk = desk;
    this.#turnId = turnId;
    this.#shown = desk.log.textSoFar(turnId);
  }

  write(delta: string, logprobs?: TokenLogprob[]): void {
    this.text += delta;
    if (this.#shown.startsWith(this.text)) return;
    if (!this.text.startsWith(this.#shown)) {
      this.#append("reset", {});
      this.#shown = "";
    }
    const fresh = this.text.slice(this.#shown.length);
    this.#append("delta", logprobs === undefined ? { text: fresh } : { text: fresh, logprobs });
    this.#shown = this.text;
  }

  /** Makes what readers have equal to the reply as the service finally reports it. */
  finish(reply: string): void {
    if (this.#shown === reply) return;
    if (!reply.startsWith(this.#shown)) {
      this.#append("reset", {});
      this.#shown = "";
    }
    const rest = reply.slice(this.#shown.length);
    if (rest !== "") this.#append("delta", { text: rest });
    this.#shown = reply;
  }

  #append(type: "delta" | "reset", data: unknown): void {
    this.#desk.log.append({ turnId: this.#turnId, type, data, at: this.#desk.now() });
  }
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
  const costNanos = replyCostNanos(desk.config.prices, outcome.usage);
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
    desk.outbox.delete(`reply:${turn.id}`);
    desk.log.append({
      turnId: turn.id,
      type: "done",
      data: turnBody(desk, turnRow(desk, turn.id)),
      at: desk.now(),
    });
  });
}

function failTurn(desk: Desk, turn: TurnRow, error: unknown): void {
  if (!(error instanceof RosaError)) console.error("reply failed", error);
  const failure =
    error instanceof RosaError
      ? { code: error.code, message: error.message }
      : { code: "internal_error", message: "The reply failed for an unexpected reason" };
  desk.transaction(() => {
    desk.db
      .update(turns)
      .set({ status: "failed", error: failure, finishedAt: desk.now() })
      .where(and(eq(turns.id, turn.id), eq(turns.status, "running")))
      .run();
    desk.outbox.delete(`reply:${turn.id}`);
    desk.log.append({
      turnId: turn.id,
      type: "error",
      data: { error: failure, turn_id: turn.id },
      at: desk.now(),
    });
  });
}

/** A stopped reply is never reported by the service; this counts what was read, and estimates what was sent. */
function estimateUsage(turn: TurnRow, deltaCount: number): Usage {
  return {
    prompt_tokens: estimateTokens(turn.messages),
    completion_tokens: deltaCount,
    cached_tokens: 0,
  };
}

/** Event id in the ledger; it holds the session's id because a fork keeps the ids of its turns. */
function meterId(desk: Desk, turnId: string, run: number): string {
  return `${sessionRow(desk).id}/${turnId}:${run}`;
}

export function meter(desk: Desk, event: UsageEvent): void {
  desk.outbox.put({
    id: `usage:${event.eventId}`,
    kind: "usage",
    payload: event,
    dueAt: desk.now(),
  });
}

/** The list of sessions is brought up to date soon; many changes become one write. */
export function noteIndex(desk: Desk): void {
  desk.outbox.put({ id: "index", kind: "index", payload: {}, dueAt: desk.now() });
}
