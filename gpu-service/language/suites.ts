/**
 * The plane of ambiguity × incapacity as streams of requests of one user. Knows which requests come, not how a model
 * answers them.
 */
import { pick, type Random } from "@rosa2/shared/random";
import { drawNewWordTask, type NewWordTask } from "./new-words.ts";
import {
  type Chain,
  heldOutPairs,
  pairs,
  trainedPairs,
  triples,
  untaughtChains,
} from "./skills.ts";
import { drawTask, type Task, type TaskOptions, withNewItems } from "./task.ts";

interface Suite {
  chains: readonly Chain[];
  /** `format` leaves every operation ambiguous and spells the format out alone. */
  stated: TaskOptions["stated"];
  /** Lists of another kind or length than the ordinary ones. */
  lists?: Pick<TaskOptions, "kind" | "length">;
  /** How many items are taken, where it is not one of the numbers that training asks with. */
  taken?: number;
}

/** Words cannot be shifted. */
const unshifted = (chains: readonly Chain[]) => chains.filter((chain) => !chain.includes("shift"));

/** Chains that take some of the list, unless an earlier operation may have left fewer. */
const taking = (chains: readonly Chain[]) =>
  chains.filter((chain) => {
    const before = chain.slice(0, chain.indexOf("take"));
    return chain.includes("take") && !before.some((one) => one === "filter" || one === "dedupe");
  });

/**
 * What the model lacks in each suite: the words (AMB; UNTAUGHT, where no rewriting was trained), the skill (CAP, THREE,
 * LONG), or both (MIX, THREEA, MIX4, THREE4, LONGA). A chain of operations can be split into operations that the model
 * has. A list that is too long cannot be split, and neither can taking four items: nobody ever asked the model for more
 * than three.
 */
export const suites = {
  AMB: { chains: trainedPairs, stated: "format" },
  CAP: { chains: heldOutPairs, stated: "clear" },
  MIX: { chains: heldOutPairs, stated: "format" },
  THREE: { chains: triples, stated: "clear" },
  UNTAUGHT: { chains: untaughtChains, stated: "format" },
  THREEA: { chains: triples, stated: "format" },
  MIX4: { chains: taking(pairs), stated: "format", lists: { length: 7 }, taken: 4 },
  THREE4: { chains: taking(triples), stated: "format", lists: { length: 7 }, taken: 4 },
  LONG: {
    chains: unshifted(trainedPairs),
    stated: "clear",
    lists: { kind: "nouns", length: 8 },
  },
  LONGA: {
    chains: unshifted(trainedPairs),
    stated: "format",
    lists: { kind: "nouns", length: 8 },
  },
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
  const { chains, stated, lists, taken }: Suite = suites[suite];
  const options = { stated, readings: "uniform", ...lists } as const;
  const task = drawTask(random, pick(random, chains), options);
  const operations = task.operations.map((operation) =>
    operation.family === "take" && taken !== undefined ? { ...operation, count: taken } : operation,
  );
  return streamOf(random, { ...task, operations }, length, lists?.length);
}

/** A session about one new word: it stands for a composition that the model was never trained on. */
export function drawNewWordSession(random: Random, length: number = sessionLength): NewWordTask[] {
  return streamOf(random, drawNewWordTask(random, pick(random, heldOutPairs)), length);
}

function streamOf<T extends Task>(
  random: Random,
  task: T,
  length: number,
  itemCount?: number,
): T[] {
  return Array.from({ length }, (_, i) =>
    i === 0 ? task : { ...task, items: withNewItems(random, task, itemCount).items },
  );
}
