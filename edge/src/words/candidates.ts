/** Reports which wordings were weighed, who proposed them, and why one is used. It decides nothing. */
import { logprobOf } from "@rosa2/shared/objective";
import type { Scored } from "./evidence.ts";
import { asSaid, inPlace } from "./learnt.ts";
import * as ledger from "./ledger.ts";
import { type Chosen, choose, type Reading } from "./reading.ts";
import type { GradientInput, Ledger, Revision, Score } from "./types.ts";

/** Wordings that are reported. */
const candidatesMax = 8;

interface Weighing {
  reading: Reading;
  weighed: Ledger;
  scored: Scored;
  /** The readings stated in the wording that is used. */
  chosen: Chosen;
  turnId: string;
}

export function candidatesOf(
  { reading, weighed, scored, turnId }: Weighing,
  wordingOf: (chosen: Chosen) => string,
): Revision["candidates"] {
  if (reading.senses.length === 0) return [];
  return ledger.topReadings(weighed, candidatesMax, 1).map((key) => {
    const chosen = choose(reading, key.split("|"));
    return {
      wording: wordingOf(chosen),
      by: proposerOf(chosen, turnId),
      prior: reading.ledger.weights[key] ?? 0,
      share: weighed.weights[key] ?? 0,
      rejected: logprob(scored.rejected[0]?.get(key)),
      right: logprob(scored.right.get(key)),
    };
  });
}

/** Log-prob (nats) of a reply that was scored; null if it was not. */
const logprob = (score: Score | undefined) => (score === undefined ? null : logprobOf(score));

/** The source of what a wording states beyond the user's own words. */
function proposerOf(chosen: Chosen, turnId: string): string {
  let by = "composed";
  for (const [{ readings, learnt }, id] of chosen) {
    const said = readings.find((one) => one.id === id);
    if (said === undefined || said.phrase === "") continue;
    if (learnt === undefined) {
      by = "senses";
      continue;
    }
    const source = learnt.readings.find(({ phrase }) => phrase === said.phrase);
    return source?.turnId === turnId ? source.by : "session";
  }
  return by;
}

/** The source of the wording that is used, and the reason. */
export function reasonFor(
  { reading, scored, chosen, turnId }: Weighing,
  { request, feedback }: GradientInput,
  { accepted, after, isStated }: { accepted: boolean; after: string; isStated: boolean },
): { by: string; reason: string } {
  if (after === request)
    return { by: "said", reason: "nothing was said or found that words it better" };
  const by = proposerOf(chosen, turnId);
  if (accepted) return { by, reason: "the reply was accepted, so its wording stays" };
  if (by === inPlace)
    return { by, reason: "the remark repeats that part of the request and says more" };
  if (isStated) return { by, reason: "the remark says it in so many words" };
  const hasScores = scored.right.size > 0 || scored.rejected.length > 0;
  if (by === "composed") {
    return {
      by,
      reason: hasScores
        ? "no other wording explains what was seen better than what was said"
        : "nothing was scored, so it is what was said",
    };
  }
  const key = ledger.keyOf(
    reading.senses.map((one) => chosen.get(one) ?? (one.learnt === undefined ? "" : asSaid)),
  );
  const plain = ledger.keyOf(reading.plain);
  /** Nats between the two wordings; NaN if either was not scored. */
  const gained = (scores: Scored["right"] | undefined) =>
    (logprob(scores?.get(key)) ?? Number.NaN) - (logprob(scores?.get(plain)) ?? Number.NaN);
  const [right, rejected] = [gained(scored.right), -gained(scored.rejected[0])];
  const what = feedback.correction === undefined ? "right reply" : "correction";
  if (right > 0)
    return { by, reason: `the ${what} is ${right.toFixed(1)} nats likelier than as composed` };
  const nats = rejected.toFixed(1);
  if (rejected > 0)
    return { by, reason: `the rejected reply is ${nats} nats less likely than as composed` };
  return { by, reason: "what was seen so far speaks for it" };
}
