/**
 * What the demo and the page's examples ask, drawn by seed: a request, what is meant by it, and the same about another
 * list. Knows the training language and computes the right answers from it; knows no service.
 */
import { seededRandom } from "@rosa2/shared/random";
import { listQuestion } from "../../gpu-service/language/list-question.ts";
import { drawSession, type SuiteName, suites } from "../../gpu-service/language/suites.ts";
import { answer, isRight, type Task } from "../../gpu-service/language/task.ts";
import { feedback } from "../../gpu-service/language/user.ts";
import { clearRequest, request } from "../../gpu-service/language/wording.ts";
import type { KindName, Wish } from "../playground/src/story.ts";

export interface DrawnWish {
  kind: KindName;
  seed: number;
  task: Task;
  /** Its hint is null: what is said depends on the reply. */
  wish: Wish & { next: { request: string; answer: string } };
  /** The wish in clear words. */
  meaning: string;
  /** What its user says about a wrong reply; null where the request was clear, so that only the answer helps. */
  hintOn(reply: string): string | null;
}

/** What is missing: the words, the skill, or both. */
const drawnFrom: Record<KindName, SuiteName> = {
  unclear: "AMB",
  unpractised: "THREE",
  both: "MIX4",
};
/** Lists to look at for one whose right answer is another one. */
const listsMax = 20;

/** Hints whenever one misreading explains the reply. */
const hintingUser = { hint: 1, statement: 0, varied: false };

export function drawWish(kind: KindName, seed: number): DrawnWish {
  const random = seededRandom(`${kind} ${seed}`);
  const [task, ...others] = drawSession(random, drawnFrom[kind], listsMax) as [Task, ...Task[]];
  const { stated } = suites[drawnFrom[kind]];
  // Otherwise repeating the first answer would be right by chance.
  const other = others.find((one) => answer(one) !== answer(task))!;
  return {
    kind,
    seed,
    task,
    wish: {
      request: request(task),
      hint: null,
      answer: answer(task),
      next: { request: request(other), answer: answer(other) },
    },
    meaning: meaningOf(task),
    hintOn: (reply) =>
      stated === "clear" || isRight(task, reply)
        ? null
        : feedback(seededRandom(`${kind} ${seed} said`), listQuestion(task), reply, hintingUser),
  };
}

/** "sort them from largest to smallest, in brackets", without the list. */
function meaningOf(task: Task): string {
  const clear = clearRequest(task);
  const said = clear.slice(0, clear.lastIndexOf(": "));
  return said[0]!.toLowerCase() + said.slice(1);
}
