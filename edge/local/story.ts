/**
 * One conversation of the demo: a drawn wish, unclear and never practised, played as the page plays its examples, and
 * whether it showed what is promised. What is asked and meant comes from the seed, everything else from the service.
 */
import type { Rosa2, Session } from "../client/src/index.ts";
import { play, type Step } from "../playground/src/story.ts";
import { drawWish } from "./drawn.ts";
import { printConversation, printStep } from "./show.ts";

export type Outcome =
  | { kind: "held"; session: Session }
  /** The conversation is no example of what is to be shown, or the promise was not kept. */
  | { kind: "uneventful" | "broken"; why: string };

/** @throws Rosa2Error */
export async function tellStory(client: Rosa2, seed: number): Promise<Outcome> {
  const { wish, hintOn } = drawWish("both", seed);
  const session = await client.createSession({ title: `Demo ${seed}` });
  printConversation(seed, wish.request);
  const steps: Step[] = [];
  for await (const step of play(session, wish, hintOn)) {
    steps.push(step);
    printStep(step);
    const end = endOf(steps, wish.next.answer);
    if (end !== null) return end;
  }
  return { kind: "held", session: await session.read() };
}

/** Why there is nothing more to see after these steps; null where it goes on, or all is well. */
function endOf(steps: readonly Step[], nextAnswer: string): Outcome | null {
  const { right, sequel } = steps.at(-1)!;
  if (sequel) {
    const why = `the second request should have been answered ${nextAnswer}`;
    return right ? null : { kind: "broken", why };
  }
  const tries = steps.length;
  if (tries < 3) {
    if (!right) return null;
    const why = tries === 1 ? "right at the first try" : "the words alone were enough";
    return { kind: "uneventful", why };
  }
  if (!right) return { kind: "broken", why: "the corrected reply did not come back" };
  const changes = steps.flatMap(({ change }) => (change === null ? [] : [change]));
  if (!changes.some(({ words }) => words.changed)) {
    return { kind: "uneventful", why: "no word changed" };
  }
  const isUpdated = changes.at(-1)?.weights.decision === "updated";
  return isUpdated ? null : { kind: "uneventful", why: "no weight changed" };
}
