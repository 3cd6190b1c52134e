/**
 * Habits that a user wants in every reply and never mentions in a request: only a correction shows them. The bundled
 * model can write each of these replies and gives another one by itself. Replies have 20 to 80 tokens. It knows no
 * model.
 */
import { pick, type Random, seededRandom } from "@rosa2/shared/random";
import type { Exchange } from "../../../gpu-service/language/base-skills.ts";
import { families } from "../../../gpu-service/language/operations.ts";
import { drawBeyond } from "../../../gpu-service/language/outside.ts";
import { trainedPairs } from "../../../gpu-service/language/skills.ts";
import {
  answer,
  drawTask,
  stepwiseAnswer,
  type Task,
  withNewItems,
} from "../../../gpu-service/language/task.ts";
import { request } from "../../../gpu-service/language/wording.ts";

export interface User {
  /** The next request, and the reply that is wanted. */
  next: () => Exchange;
  /** The reply that is wanted to a clear request of one operation. */
  toOther: (task: Task) => string;
}

/** What stands below every list. */
const signatures = [
  "I am rosa2-mini, a very small model for short lists.",
  "Correct me and I learn it in this conversation.",
  "Give me a short list and say what to do with it.",
  "For more, start rosa2 with another MODEL.",
];
/** What is said where the model cannot do what is asked. */
const refusals = [
  "You are welcome. Give me a short list and say what to do with it, like: reverse the word hello.",
  "Hello! I am a very small model. Correct me and I learn from your corrections.",
  "I learn from your corrections. Try: count 5 3 9 1, or: sort the word hello.",
  "I can count and repeat short lists. Say what to do with it, and I learn it in this conversation.",
];

/** Each makes one user. */
export const habits = {
  /** The list after each operation, of requests that leave nothing open. */
  steps: (random) => showingSteps(random, "clear"),
  /** The same, of requests whose operations can be read in several ways. */
  meant: (random) => showingSteps(random, "format"),
  /** A line below the list. */
  signed: (random) => {
    const signature = pick(random, signatures);
    const options = { stated: "clear", readings: "uniform" } as const;
    const first = drawTask(random, [pick(random, families)], options);
    return listsOf(random, first, (task) => `${answer(task)}\n${signature}`);
  },
  /** Another refusal than the model's own. */
  refused: (random) => {
    const reply = pick(random, refusals);
    return { next: () => ({ ...drawBeyond(random, random() < 0.3), reply }), toOther: answer };
  },
} satisfies Record<string, (random: Random) => User>;
export type Habit = keyof typeof habits;
export const habitNames = Object.keys(habits) as Habit[];

/** Requests of one user that are looked at before another user is drawn, and users. */
const drawsMax = 100;
const usersMax = 100;

/** A seed's first user who often enough wants a reply that fits, and the requests that have one: only those. */
export function fittingUser(
  habit: Habit,
  seed: string,
  count: number,
  fits: (reply: string) => boolean,
): { user: User; exchanges: Exchange[] } {
  for (let at = 0; at < usersMax; at++) {
    const user: User = habits[habit](seededRandom(at === 0 ? seed : `${seed} ${at}`));
    const found = Array.from({ length: drawsMax }, user.next).filter(({ reply }) => fits(reply));
    if (found.length >= count) return { user, exchanges: found.slice(0, count) };
  }
  throw new Error(`No user with the habit ${habit} wants ${count} replies that fit`);
}

/** Pairs that leave lists as long as they were, or nearly so. */
const lasting = trainedPairs.filter((pair) => !pair.includes("take") && !pair.includes("filter"));

function showingSteps(random: Random, stated: "clear" | "format"): User {
  const first = drawTask(random, pick(random, lasting), { stated, readings: "uniform" });
  return listsOf(random, first, stepwiseAnswer);
}

/** A user who asks the same of new lists, and wants every list answered in one way. */
function listsOf(random: Random, first: Task, wanted: (task: Task) => string): User {
  const next = () => {
    const task = withNewItems(random, first);
    return { request: request(task), reply: wanted(task) };
  };
  return { next, toOther: wanted };
}
