/** The plan of a retry: drawn, compared with the wording that would be sent, and kept apart from what the user asked. */
import type { Usage } from "@rosa2/shared/protocol";
import { and, eq, isNotNull } from "drizzle-orm";
import { isTransient } from "../gpu-client/index.ts";
import type { GradientInput, Revision } from "../words/index.ts";
import { judgePlan, proposePlan, splitSteps } from "../words/providers/index.ts";
import type { SessionContext } from "./context.ts";
import { scoreTokens } from "./evidence.ts";
import { type Asking, oneReply } from "./one-reply.ts";
import { withRequest } from "./policy/prompt.ts";
import { type TurnRow, turnRow } from "./store/rows.ts";
import { feedback, turns } from "./store/schema.ts";

interface Planning extends Asking {
  turn: TurnRow;
  input: GradientInput;
}

/** The result of trying a plan: its prompt and the reason for using it, or none. Its steps are paid in either case. */
export interface TriedPlan {
  plan: { prompt: string; reason: string } | null;
  usage: Usage;
}

/**
 * Tries the plan of a problem that had none, under the metered event `eventId`: one reply gives its steps. Then the
 * earlier replies are scored in one batch, under the wording and after those steps. Null if there is no plan to try, or
 * no service.
 */
export async function tryPlan(
  planning: Planning,
  revision: Revision,
  eventId: string,
): Promise<TriedPlan | null> {
  const { context, turn, input } = planning;
  const prompt = proposePlan(input, revision);
  const hasModel = context.gpu.fixedWeights === null;
  if (prompt === null || !hasModel || plannedTurns(context, turn.problemId).size > 0) return null;
  const messages = withRequest(turn.messages, prompt);
  const drawn = await oneReply(planning, messages, turn.sampling.max_tokens, eventId);
  if (drawn === null) return null;
  const made = splitSteps(drawn.reply);
  // Steps that lead to a rejected reply show that it was no slip.
  const isNew = !input.attempts.some(({ reply }) => reply.trim() === made?.answer);
  if (made === null || !isNew) return { plan: null, usage: drawn.usage };
  try {
    const reason = await judge(planning, messages, made.steps, revision);
    return { plan: reason === null ? null : { prompt, reason }, usage: drawn.usage };
  } catch (error) {
    if (isTransient(error)) return null;
    throw error;
  }
}

async function judge(
  { context, turn, trace, gpuTime, input }: Planning,
  planned: TurnRow["messages"],
  steps: string,
  { after }: Revision,
): Promise<string | null> {
  const rejected = input.attempts.at(-1)?.reply ?? "";
  const { correction = "" } = input.feedback;
  const replies = [rejected, correction].filter((reply) => reply !== "");
  const worded = withRequest(turn.messages, after);
  const items = replies.flatMap((reply) => [
    { messages: worded, reply },
    { messages: planned, reply: steps + reply },
  ]);
  const scores = await scoreTokens(context, trace, gpuTime, items);
  if (scores === null) return null;
  const comparedOf = (reply: string) => {
    const at = 2 * replies.indexOf(reply);
    if (at < 0) return null;
    const logprobs = scores[at]!.token_logprobs;
    // After the steps the reply is the last message.
    const behind = scores[at + 1]!.token_logprobs.slice(-logprobs.length);
    return { worded: logprobs, planned: behind };
  };
  return judgePlan(comparedOf(rejected), correction === "" ? null : comparedOf(correction));
}

/** Turns of a problem that were asked as a plan, with the wording of each. */
function plannedTurns(context: SessionContext, problemId: string): Map<string, string> {
  const rows = context.db
    .select({ id: turns.id, words: feedback.words })
    .from(feedback)
    .innerJoin(turns, eq(feedback.retryTurnId, turns.id))
    .where(and(eq(turns.problemId, problemId), isNotNull(feedback.words)))
    .all();
  return new Map(rows.flatMap(({ id, words }) => (words?.plan ? [[id, words.after]] : [])));
}

/** Turns of one problem as the user's remarks refer to them: nobody asked for a plan's steps, so its answer is the reply. */
export function asJudged(context: SessionContext, ones: readonly TurnRow[]): TurnRow[] {
  const planned = plannedTurns(context, ones[0]?.problemId ?? "");
  return ones.map((turn) => {
    const prompt = planned.get(turn.id);
    if (prompt === undefined) return turn;
    const reply = splitSteps(turn.reply)?.answer ?? turn.reply;
    return { ...turn, prompt, reply, logprob: null };
  });
}

export function judgedTurn(context: SessionContext, turnId: string): TurnRow {
  return asJudged(context, [turnRow(context, turnId)])[0]!;
}
