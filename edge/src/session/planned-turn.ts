/**
 * A turn as it would be stored now: with the words learnt, the active generation and the dialogue so far. It writes
 * nothing.
 */
import { RosaError } from "@rosa2/shared/errors";
import type { Sampling } from "@rosa2/shared/protocol";
import { max } from "drizzle-orm";
import { replyLength } from "../config.ts";
import { turnsMax } from "../contract/index.ts";
import { thinks } from "../contract/sampling.ts";
import type { Effort } from "../contract/sets.ts";
import type { IdempotencyKey } from "../rpc.ts";
import { reviseRequest } from "../words/index.ts";
import { refuseWhenFull, type SessionContext } from "./context.ts";
import { buildPrompt } from "./policy/prompt.ts";
import { exchanges, type Said } from "./store/dialogue.ts";
import { activeGeneration, sessionRow, type TurnRow } from "./store/rows.ts";
import { type TurnSampling, turns } from "./store/schema.ts";
import { wordsOptions, wordsState } from "./store/words.ts";

export interface NewTurn {
  content: string;
  sampling: Partial<Sampling>;
  keyId: string;
  idempotency?: IdempotencyKey;
  /** What a chat client sent besides the request. */
  said?: Said;
}

/** What distinguishes a retry from a new request: given words, and replies to avoid. */
export interface Retry {
  of: TurnRow;
  prompt: string;
  rejected: string[];
  /** Runs in the transaction that stores the turn. */
  alongside(turnId: string): void;
}

/** The row of a turn as it would be stored now. */
export function planTurn(
  context: SessionContext,
  turnId: string,
  input: NewTurn,
  retry: Retry | undefined,
): typeof turns.$inferInsert & { sampling: TurnSampling; messages: TurnRow["messages"] } {
  const session = sessionRow(context);
  const index =
    (context.db
      .select({ last: max(turns.index) })
      .from(turns)
      .get()?.last ?? -1) + 1;
  if (index >= turnsMax) {
    throw new RosaError(
      "session_full",
      `A session holds at most ${turnsMax} turns; fork it at an earlier one, or open another`,
    );
  }
  // A retry belongs to feedback, for which room was checked.
  if (retry === undefined) {
    refuseWhenFull(context);
    refuseAfterRefusals(context);
  }
  const wordsAdapt = session.mode === "both" || session.mode === "words";
  const prompt =
    retry?.prompt ??
    (wordsAdapt && !input.content.startsWith("<tool_response>")
      ? reviseRequest(wordsState(context), input.content, wordsOptions(context)).prompt
      : input.content);
  const sampling = {
    ...input.sampling,
    ...thinkingOf(session.reasoningEffort, input.sampling),
    ...replyLength(input.sampling, context.config),
  };
  const problemId = retry?.of.problemId ?? turnId;
  const messages = buildPrompt({
    instructions: session.instructions,
    policy: session.context,
    dialogue: session.context === "dialogue" ? exchanges(context, problemId) : [],
    request: prompt,
    tokensMax: Math.max(64, context.config.contextTokens - sampling.max_tokens),
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
    generation: activeGeneration(context),
    keyId: input.keyId,
    runs: 1,
    createdAt: context.now(),
  };
}

/** Whether to think: as the request says, otherwise the session. */
function thinkingOf(
  effort: Effort | null,
  { output }: Partial<Sampling>,
): Pick<Partial<Sampling>, "output"> {
  if (effort === null || output?.thinking !== undefined) return {};
  return { output: { ...output, thinking: thinks(effort) } };
}

/** Turns of a session that the service may refuse within `refusedMs`; they cost its time, and nobody pays for them. */
const refusedMax = 10;
const refusedMs = 60_000;

/** Counts a turn that the service refused. */
export function noteRefusal(context: SessionContext): void {
  context.refusedAt = [...context.refusedAt, context.now()].slice(-refusedMax);
}

function refuseAfterRefusals({ refusedAt, now }: SessionContext): void {
  const first = refusedAt.length < refusedMax ? 0 : (refusedAt[0] ?? 0);
  const waitMs = first + refusedMs - now();
  if (waitMs <= 0) return;
  throw new RosaError(
    "rate_limited",
    `The last ${refusedMax} turns of this session could not be answered as they were sent; mend the request first`,
    { retryAfterS: Math.ceil(waitMs / 1000) },
  );
}
