/** Plays a drawn wish with the real services, and checks whether it shows the promised story. */
import type { Rosa2 } from "../client/src/index.ts";
import {
  type KindName,
  type Mode,
  type Outcome,
  type Outcomes,
  outcomeOf,
  play,
  type Step,
  untold,
} from "../playground/src/story.ts";
import type { DrawnWish } from "./drawn.ts";

/** `why` is one of few reasons, so that they can be counted. */
export type Verdict =
  | { told: true; hint: string | null; outcomes: Outcomes }
  | { told: false; why: string };

const keptS = 3_600;

/** What a mode's failure to do its part means for the story. */
const reasons: Record<Mode, (outcome: Outcome) => string> = {
  both: ({ rightAt }) => (rightAt === 0 ? "the correction did not come back" : "it did not last"),
  off: () => "a retry without learning was enough",
  words: () => "the words alone were enough, or did not help",
  weights: () => "the weights alone were enough, or did not help",
};

/** Whether every mode behaves as an example of this kind must. Throws `Rosa2Error`. */
export async function checkStory(client: Rosa2, drawn: DrawnWish): Promise<Verdict> {
  const steps = await playBoth(client, drawn);
  if (steps === null) return { told: false, why: "right at the first try" };
  const both = outcomeOf(steps);
  if (untold(drawn.kind, { both }).length > 0) return { told: false, why: reasons.both(both) };
  const outcomes: Partial<Outcomes> = {};
  // The cheapest check first: most failing wishes fail there.
  for (const mode of ["off", "words", "weights"] as const) {
    const outcome = await playIn(client, drawn, mode);
    outcomes[mode] = outcome;
    if (untold(drawn.kind, outcomes).length > 0)
      return { told: false, why: reasons[mode](outcome) };
  }
  const hint = drawn.hintOn(steps[0]!.turn.reply);
  return { told: true, hint, outcomes: { ...(outcomes as Outcomes), both } };
}

/** Null where the very first reply is right: then there is nothing to adapt to. */
async function playBoth(client: Rosa2, drawn: DrawnWish): Promise<Step[] | null> {
  const steps: Step[] = [];
  const session = await open(client, drawn, "both");
  for await (const step of play(session, drawn.wish, drawn.hintOn)) {
    steps.push(step);
    if (step.right && steps.length === 1) return null;
  }
  return steps;
}

/** The same wish without one of the axes, or without both. */
async function playIn(client: Rosa2, drawn: DrawnWish, mode: Mode): Promise<Outcome> {
  const steps: Step[] = [];
  const session = await open(client, drawn, mode);
  for await (const step of play(session, drawn.wish, drawn.hintOn)) steps.push(step);
  return outcomeOf(steps);
}

function open(client: Rosa2, { kind, seed }: { kind: KindName; seed: number }, mode: Mode) {
  const title = `${kind} ${seed} · ${mode}`;
  return client.createSession({ title, adaptation: { mode }, ttl_seconds: keptS });
}
