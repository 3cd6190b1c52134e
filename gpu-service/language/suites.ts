/** The plane of ambiguity × incapacity as streams of requests of one user. Knows what is asked, not how a model does. */
import { pick, type Random } from "@rosa2/shared/random";
import { drawNewWordTask, type NewWordTask } from "./new-words.ts";
import { type Chain, heldOutPairs, trainedPairs, triples, untaughtChains } from "./skills.ts";
import { drawTask, type Task, type TaskOptions, withNewItems } from "./task.ts";

interface Suite {
  chains: readonly Chain[];
  /** `format` leaves every operation ambiguous and spells the format out alone. */
  stated: TaskOptions["stated"];
  isFormatUntaught?: boolean;
}

/**
 * What is missing: the words (AMB; UNTAUGHT, where no rewriting was trained), the skill (CAP, THREE, FORM), or both (MIX,
 * THREEA, FORMA). FORM's skill does not come apart into ones that the model has: a format that no training had.
 */
export const suites = {
  AMB: { chains: trainedPairs, stated: "format" },
  CAP: { chains: heldOutPairs, stated: "clear" },
  MIX: { chains: heldOutPairs, stated: "format" },
  THREE: { chains: triples, stated: "clear" },
  UNTAUGHT: { chains: untaughtChains, stated: "format" },
  THREEA: { chains: triples, stated: "format" },
  FORM: { chains: trainedPairs, stated: "clear", isFormatUntaught: true },
  FORMA: { chains: trainedPairs, stated: "format", isFormatUntaught: true },
} as const satisfies Record<string, Suite>;
export type SuiteName = keyof typeof suites;

/** Problems in one session. */
const sessionLength = 12;

/** A user's session: the same operations, meant in the same way, on a new list each time. */
export function drawSession(
  random: Random,
  suite: SuiteName,
  length: number = sessionLength,
): Task[] {
  const { chains, ...drawn }: Suite = suites[suite];
  return streamOf(
    random,
    drawTask(random, pick(random, chains), { ...drawn, readings: "uniform" }),
    length,
  );
}

/** A session in which one word the model never met stands for a composition it was never trained on. */
export function drawNewWordSession(random: Random, length: number = sessionLength): NewWordTask[] {
  return streamOf(random, drawNewWordTask(random, pick(random, heldOutPairs)), length);
}

function streamOf<T extends Task>(random: Random, task: T, length: number): T[] {
  return Array.from({ length }, (_, i) =>
    i === 0 ? task : { ...task, items: withNewItems(random, task).items },
  );
}
