/**
 * Proposes a plan: the request as it is worded, to be answered step by step. A plan concerns the way to the answer, not
 * the meaning: it serves one retry, and no lexicon keeps it. It asks no model: the caller brings the steps.
 */
import { logprobOf, replyConfidence } from "@rosa2/shared/objective";
import { languageOf } from "../language.ts";
import type { GradientInput, Revision, Score } from "../types.ts";
import { listedData } from "./check.ts";

const manner = "step by step";
const ending = "End with a line “Answer:” and the answer alone.";

/** From this share of belief on a reading is settled. */
const settledShare = 0.6;
/** From this mean token probability on a correction is explained. */
const explainedMin = 0.5;
/** Nats by which a rejected reply must support the steps. */
const supportNats = 0.1;

/**
 * The plan, if skill rather than meaning seems to be missing: one reading is settled, and the wording that would be
 * used was tried and failed, twice or against a correction. Null otherwise, and where an English instruction would be
 * out of place.
 */
export function proposePlan(
  { attempts, feedback }: GradientInput,
  { after, confidence }: Revision,
): string | null {
  const isTried = attempts.at(-1)?.prompt === after && confidence >= settledShare;
  const isEnough = attempts.length > 1 || feedback.correction !== undefined;
  const isEnglish = [null, "en"].includes(languageOf(after));
  if (!isTried || !isEnough || !isEnglish || after.toLowerCase().includes(manner)) return null;
  const [head = ""] = after.split("\n\n", 1);
  if (listedData(head) === null) return `${after}\n\nWork ${manner}. ${ending}`;
  const at = head.lastIndexOf(":");
  return `${after.slice(0, at)}, ${manner}${after.slice(at)}`;
}

/** A reply split into steps and answer; null if it does not separate them. */
export function splitSteps(reply: string): { steps: string; answer: string } | null {
  const label = [...reply.matchAll(/^[*_# ]{0,4}(?:final )?answer[*_ ]{0,4}:[*_ ]{0,4}/gimu)].at(
    -1,
  );
  if (label === undefined || reply.slice(0, label.index).trim() === "") return null;
  const at = label.index + label[0].length;
  const answer = reply.slice(at).trim();
  return answer === "" ? null : { steps: reply.slice(0, at), answer };
}

/** Log-probs of one reply under the wording, and after the plan's own steps. */
export interface Compared {
  worded: Score;
  planned: Score;
}

/**
 * Why the plan is used, or null. Its steps explain the correction, which the wording does not; or, without one, they
 * oppose the rejected reply as much as wordings must.
 */
export function judgePlan(rejected: Compared | null, right: Compared | null): string | null {
  if (right !== null) {
    const isExplained = replyConfidence(right.planned) >= explainedMin;
    if (replyConfidence(right.worded) >= explainedMin || !isExplained) return null;
    const nats = logprobOf(right.planned) - logprobOf(right.worded);
    return `the correction is ${nats.toFixed(1)} nats likelier after its own steps`;
  }
  if (rejected === null) return null;
  const doubt = (score: Score) => Math.log(Math.max(1e-3, 1 - replyConfidence(score)));
  if (doubt(rejected.planned) < doubt(rejected.worded) + supportNats) return null;
  const nats = logprobOf(rejected.worded) - logprobOf(rejected.planned);
  return `the rejected reply is ${nats.toFixed(1)} nats less likely after its own steps`;
}
