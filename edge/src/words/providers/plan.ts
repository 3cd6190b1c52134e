/**
 * The proposer of a plan: the request as it is worded, to be worked on step by step. A plan is a reading of how to answer
 * and says nothing of what is meant: it is for one retry, and no lexicon keeps it. It asks no model: its steps are brought.
 */
import { confidenceOf } from "@rosa2/shared/objective";
import { languageOf } from "../language.ts";
import type { GradientInput, Revision, Score } from "../types.ts";
import { listedData } from "./check.ts";

const manner = "step by step";
const ending = "End with a line “Answer:” and the answer alone.";

/** Share of belief from which on a reading is settled. */
const settledShare = 0.6;
/** Mean probability of a token from which on a correction is explained. */
const explainedMin = 0.5;
/** Nats by which a rejected reply has to speak for the steps. */
const supportNats = 0.1;

/**
 * The plan where skill rather than meaning seems to be missing: one reading is settled, and the wording that would go out
 * was tried and failed, twice or against a correction. Null elsewhere, and where an English order would be out of place.
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

/** A reply as the steps to its answer and the answer; null where it does not say which is which. */
export function splitSteps(reply: string): { steps: string; answer: string } | null {
  const label = [...reply.matchAll(/^[*_# ]{0,4}(?:final )?answer[*_ ]{0,4}:[*_ ]{0,4}/gimu)].at(
    -1,
  );
  if (label === undefined || reply.slice(0, label.index).trim() === "") return null;
  const at = label.index + label[0].length;
  const answer = reply.slice(at).trim();
  return answer === "" ? null : { steps: reply.slice(0, at), answer };
}

/** Log-probs of one reply as the request is worded, and behind the plan's own steps. */
export interface Compared {
  worded: Score;
  planned: Score;
}

/**
 * Why the plan goes out, or null: its steps explain the correction, which the wording does not, or, without one, speak
 * against the rejected reply as wordings do.
 */
export function judgePlan(rejected: Compared | null, right: Compared | null): string | null {
  const confidence = ({ logprob, tokens }: Score) => confidenceOf(logprob, tokens);
  if (right !== null) {
    const isExplained = confidence(right.planned) >= explainedMin;
    if (confidence(right.worded) >= explainedMin || !isExplained) return null;
    const nats = right.planned.logprob - right.worded.logprob;
    return `the correction is ${nats.toFixed(1)} nats likelier after its own steps`;
  }
  if (rejected === null) return null;
  const doubt = (score: Score) => Math.log(Math.max(1e-3, 1 - confidence(score)));
  if (doubt(rejected.planned) < doubt(rejected.worded) + supportNats) return null;
  const nats = rejected.worded.logprob - rejected.planned.logprob;
  return `the rejected reply is ${nats.toFixed(1)} nats less likely after its own steps`;
}
