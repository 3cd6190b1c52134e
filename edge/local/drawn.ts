/**
 * What the demo and the page's examples ask, drawn by seed: a request, what is meant by it, and the same about another
 * list. Knows the training language and computes the right answers from it; knows no service.
 */
import { pick, type Random, seededRandom } from "@rosa2/shared/random";
import {
  type Chain,
  heldOutPairs,
  trainedPairs,
  triples,
} from "../../gpu-service/language/skills.ts";
import {
  answer,
  drawTask,
  isRight,
  type Task,
  type TaskOptions,
  withNewItems,
} from "../../gpu-service/language/task.ts";
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

interface Drawing {
  chain(random: Random): Chain;
  /** `format`: how to do the operations is left open. */
  stated: TaskOptions["stated"];
}

/** What is missing: the words, the skill, or both. */
const drawings: Record<KindName, Drawing> = {
  unclear: { chain: (random) => pick(random, trainedPairs), stated: "format" },
  unpractised: { chain: (random) => pick(random, triples), stated: "clear" },
  both: { chain: (random) => pick(random, heldOutPairs), stated: "format" },
};

/** Hints whenever one misreading explains the reply. */
const hintingUser = { hint: 1, statement: 0, varied: false };

export function drawWish(kind: KindName, seed: number): DrawnWish {
  const random = seededRandom(`${kind} ${seed}`);
  const { chain, stated } = drawings[kind];
  const task = drawTask(random, chain(random), { stated, readings: "uniform" });
  const other = drawOther(random, task);
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
        : feedback(seededRandom(`${kind} ${seed} said`), task, reply, hintingUser),
  };
}

/** Another list whose right answer is another one, so that repeating the first is not right by chance. */
function drawOther(random: Random, task: Task): Task {
  for (;;) {
    const other = withNewItems(random, task);
    if (answer(other) !== answer(task)) return other;
  }
}

/** "sort them from largest to smallest, in brackets", without the list. */
function meaningOf(task: Task): string {
  const clear = clearRequest(task);
  const said = clear.slice(0, clear.lastIndexOf(": "));
  return said[0]!.toLowerCase() + said.slice(1);
}
