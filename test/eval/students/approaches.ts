/**
 * Ways of asking a model that learns nothing: with the remarks below the request, step by step, the most frequent of
 * several replies, with everything spelled out.
 */
import type { Asking } from "../problem.ts";
import type { Approach, AskModel } from "./plain-student.ts";

/** Asked where a problem has no steps of its own. */
const stepByStep = "Work step by step, then give the answer.";

/** The request, then each remark of the user on it, word for word: nothing that the user said is lost. */
export const composed: Approach = ({ problem, remarks, ask }) =>
  ask([problem.request, ...remarks].join("\n"));

/** One operation at a time where the problem has steps; each step asks about the reply to the one before. */
export const plan: Approach = ({ problem, ask }) => askInSteps(problem, ask);

/** The request with everything that the user means spelled out: perfect words. */
export const oracle: Approach = ({ problem, ask }) => ask((problem.clear ?? problem).request);

/** Perfect words, one operation at a time: the upper bound for words. */
export const oraclePlan: Approach = ({ problem, ask }) => askInSteps(problem.clear ?? problem, ask);

/** The reply that comes most often among `count` draws, the first of those that tie (self-consistency). */
export function bestOf(count: number): Approach {
  return async ({ problem, ask, nextSeed }) => {
    const votes = new Map<string, number>();
    for (let i = 0; i < count; i++) {
      const reply = await ask(problem.request, { temperature: 1, seed: nextSeed() });
      votes.set(reply, (votes.get(reply) ?? 0) + 1);
    }
    const most = Math.max(...votes.values());
    return [...votes].find(([, n]) => n === most)![0];
  };
}

async function askInSteps({ request, steps }: Asking, ask: AskModel): Promise<string> {
  if (steps === null) return ask(`${request}\n${stepByStep}`);
  let reply = "";
  for (const step of steps) reply = await ask(step(reply));
  return reply;
}
