/** Words the model never met, each standing for a composition that only corrections can teach. */
import { pick, type Random } from "@rosa2/shared/random";
import type { Chain } from "./skills.ts";
import { drawTask, type Task } from "./task.ts";

/** Never used in training. */
export const newWords = ["zig", "blorp", "wug", "dax"] as const;

export interface NewWordTask extends Task {
  word: string;
}

/** A meaning for a word: operations and readings, answered as plain text, on a first list. */
export function drawNewWordTask(
  random: Random,
  chain: Chain,
  word: string = pick(random, newWords),
): NewWordTask {
  const task = drawTask(random, chain, { stated: "clear", readings: "uniform" });
  return { ...task, hidden: task.hidden.with(-1, "plain"), word };
}

/** "Zig them, as plain text: 4 7 1". */
export function newWordRequest({ word, items }: NewWordTask): string {
  return `${word[0]!.toUpperCase()}${word.slice(1)} them, as plain text: ${items.join(" ")}`;
}
