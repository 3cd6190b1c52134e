/**
 * Whether a correction can be learned, told in advance: what the tokenizer can write, what fits the window, and what
 * one update may move. It changes nothing and is free.
 *
 * The answer is the least effort needed. The bounds on KL show only while an update is computed, and the words step may
 * find a wording that makes the correction likelier.
 */
import { RosaError } from "@rosa2/shared/errors";
import type { ScoreResult } from "@rosa2/shared/protocol";
import type { Mode, ReachBody } from "../contract/index.ts";
import type { ReachVerdict } from "../contract/sets.ts";
import type { Trace } from "../rpc.ts";
import { callContext, type SessionContext } from "./context.ts";
import { cannotWrite, refuseUnfit, rightReply } from "./evidence.ts";
import { judgedTurn } from "./plan.ts";
import { withRequest } from "./policy/prompt.ts";
import { activeGeneration, adapterOf, sessionRow, type TurnRow } from "./store/rows.ts";
import { boundReached } from "./weights-step.ts";

export interface Correction {
  turnId: string;
  correction: string;
}

/** @throws RosaError `not_found`, `conflict` while the turn is not answered, `invalid_request`, or the GPU service's own. */
export async function reachOf(
  context: SessionContext,
  { turnId, correction }: Correction,
  trace: Trace,
): Promise<ReachBody> {
  const turn = judgedTurn(context, turnId);
  const body = { reward: -1, correction };
  refuseUnfit(turn, body);
  const verdict = (verdict: ReachVerdict, reason: string, known: Partial<ReachBody> = {}) => ({
    ...unmeasured,
    ...known,
    object: "reach" as const,
    turn_id: turnId,
    verdict,
    reason,
  });
  const fixed = whyFixed(context);
  if (fixed !== null) return verdict("fixed_weights", fixed);
  const reply = rightReply(body, turn)?.reply ?? correction;
  const score = await measure(context, turn, reply, trace);
  if (score === null) {
    return verdict("too_long", "This is too long: with the request it exceeds the model’s window.");
  }
  return verdict(...judge(score), measured(score));
}

type Score = ScoreResult["scores"][number];

const unmeasured = {
  updates_min: null,
  logprob: null,
  tokens: null,
  total_tokens: null,
  context_length: null,
  owed_nats: null,
  owed_nats_max: null,
  in_bytes: [],
  unwritable: [],
};

const axes: Record<Mode, string | null> = {
  both: null,
  weights: null,
  words: "This session adapts its words alone: a correction helps to choose a wording.",
  off: "This session does not adapt: a correction teaches nothing.",
};

function whyFixed(context: SessionContext): string | null {
  const { fixedWeights } = context.gpu;
  const bound = boundReached(context, activeGeneration(context));
  const reason = fixedWeights ?? bound?.reason;
  return axes[sessionRow(context).mode] ?? (reason === undefined ? null : sentenceOf(reason));
}

/** Measures under the active wording and generation; null if the window is too small. */
async function measure(
  context: SessionContext,
  turn: TurnRow,
  reply: string,
  trace: Trace,
): Promise<Score | null> {
  const { tenantId } = context;
  const adapter = adapterOf(context, activeGeneration(context));
  const items = [{ messages: withRequest(turn.messages, turn.prompt), reply }];
  try {
    const { scores } = await context.gpu.score(
      { tenant: tenantId, adapter, items, reach: true },
      callContext(context, trace),
    );
    const [score] = scores;
    if (score === undefined)
      throw new RosaError("gpu_unavailable", "The GPU service gave no score");
    return score;
  } catch (error) {
    if (error instanceof RosaError && error.code === "context_length_exceeded") return null;
    throw error;
  }
}

function judge({ reach }: Score): [ReachVerdict, string] {
  if (reach === undefined) return ["one_update", "One correction may teach this."];
  const { unwritable, in_bytes, owed_nats } = reach;
  if (unwritable.length > 0) {
    return ["unwritable", sentenceOf(cannotWrite(unwritable))];
  }
  const spelled =
    in_bytes.length === 0 ? "" : ` It has no token for ${list(in_bytes)} and spells it in bytes.`;
  const updates = updatesMin(reach);
  if (owed_nats === 0) return ["settled", "The model would say this already."];
  if (updates === 1) return ["one_update", `One correction can teach this.${spelled}`];
  const far = `This is far from what the model would say: it takes at least ${updates} corrections.`;
  return ["several_updates", far + spelled];
}

function measured({ reach, logprob, token_logprobs, prompt_tokens }: Score): Partial<ReachBody> {
  const tokens = token_logprobs.length;
  return {
    ...reach,
    updates_min: reach === undefined || reach.unwritable.length > 0 ? null : updatesMin(reach),
    logprob,
    tokens,
    total_tokens: prompt_tokens + tokens,
  };
}

function updatesMin({ owed_nats, owed_nats_max }: NonNullable<Score["reach"]>): number {
  return Math.ceil(owed_nats / owed_nats_max);
}

function list(parts: readonly string[]): string {
  return parts.map((part) => `“${part}”`).join(", ");
}

function sentenceOf(reason: string): string {
  return `${reason[0]?.toUpperCase()}${reason.slice(1)}.`;
}
