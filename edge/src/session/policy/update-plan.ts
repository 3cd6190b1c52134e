/**
 * The examples of one update, its differences from the model's update plan, and when a session may not learn any more.
 * Pure.
 */
import type { AdaptPlan, AdaptResult, AdaptRow, Message, RowKind } from "@rosa2/shared/protocol";
import type { ShiftCaps } from "../../config.ts";
import { estimateTokens } from "../../inference/estimate.ts";
import { shorterDialogue } from "./prompt.ts";

/** Right replies kept for replay with later updates. */
export const replayMax = 16;
/**
 * Nats. An accepted reply whose log-prob S is nearer to 0 than the first needs no place. One that lacks no more than the
 * second is cheap to settle.
 */
const sureNats = 0.1;
const cheapNats = 4;

/**
 * A step away from a rejected reply has less evidence behind it, so it is shorter and smoother. Steps toward right
 * replies follow the model's own plan (adaptPlanDefaults, and its rosa2.json).
 */
const negativePlan: Partial<AdaptPlan> = { lambda: 1, rho: 3, iterations: 2 };

/** A right reply that later updates replay. */
export interface ReplayExample {
  problemId: string;
  messages: Message[];
  reply: string;
  kind: ReplayKind;
}

/**
 * Learned again if it had been hard (a correction or a late success). A reply that was accepted at once is learned with
 * them if it lacks little. Otherwise it is only held in place: a long one that was drawn has many tokens that could as
 * well have been others.
 */
export const replayKinds = ["accepted", "corrected", "held"] as const satisfies RowKind[];
export type ReplayKind = (typeof replayKinds)[number];

/** The kind of a right reply in the replay buffer; null if it is not worth a place. */
export function replayKind(example: {
  kind: "accepted" | "corrected";
  logprob: number | null;
  attempt: number;
}): ReplayKind | null {
  if (example.kind === "corrected") return "corrected";
  if (example.attempt > 1) return "accepted";
  if (example.logprob === null || example.logprob < -cheapNats) return "held";
  return example.logprob > -sureNats ? null : "accepted";
}

/**
 * Rows of one update: the newest right replies to other problems, then the example at hand.
 * The example comes last, so that a bound on rows never drops it.
 */
export function updateRows(
  kept: readonly ReplayExample[],
  example: { problemId: string; row: AdaptRow },
): { rows: AdaptRow[]; updatePlan: Partial<AdaptPlan> } {
  const replayed = kept
    .filter(({ problemId }) => problemId !== example.problemId)
    .slice(-(replayMax - 1))
    .map(({ messages, reply, kind }): AdaptRow => ({ messages, reply, kind, weight: 1 }));
  return {
    rows: [...replayed, example.row],
    updatePlan: example.row.kind === "rejected" ? negativePlan : {},
  };
}

/**
 * The rows after one of them exceeded the model's window: the longest by estimate has less of its dialogue or, without
 * any, is left out. Null if it is the example at hand, which comes last.
 */
export function cutLongest(rows: readonly AdaptRow[]): AdaptRow[] | null {
  const tokens = rows.map(({ messages, reply }) =>
    estimateTokens([...messages, { content: reply }]),
  );
  const longest = tokens.lastIndexOf(Math.max(...tokens));
  const row = rows[longest]!;
  const messages = shorterDialogue(row.messages);
  if (messages !== null) return rows.with(longest, { ...row, messages });
  return longest === rows.length - 1 ? null : rows.toSpliced(longest, 1);
}

/** Why a generation is too far from the base model, or null. */
export function beyondCaps(
  { kl_base: kl, shift_norm: shift }: Pick<AdaptResult, "kl_base" | "shift_norm">,
  { klMax, shiftMax }: ShiftCaps,
): string | null {
  const way =
    kl >= klMax
      ? `its KL from the base model is ${kl.toFixed(3)} of ${klMax} nats a token`
      : shift >= shiftMax
        ? `its adapter's norm is ${shift.toFixed(1)} of ${shiftMax}`
        : null;
  return way === null
    ? null
    : `this session may not move its model any further: ${way}; activate an earlier generation to learn again`;
}
