/**
 * A task: operations on a list, with a hidden reading for each ambiguity. Knows the right answer, not how the task is
 * worded.
 */
import { pick, type Random } from "@rosa2/shared/random";
import { drawItems, drawLength, type Kind } from "./items.ts";
import { applyOperation, counts, type Operation, readingsOf, senseOf } from "./operations.ts";
import { combinations, type Readings } from "./question.ts";
import { drawReading } from "./senses.ts";
import type { Chain } from "./skills.ts";

export interface Task {
  kind: Kind;
  items: readonly string[];
  operations: readonly Operation[];
  /** What the user means: a reading of each operation, then one of the format. */
  hidden: Readings;
  /** For each reading, whether the request spells it out. */
  stated: readonly boolean[];
}

/** How a task is drawn. */
export interface TaskOptions {
  /**
   * Which readings the request spells out: a share drawn slot by slot, all of them (`clear`), or
   * the format alone (`format`), which leaves every operation ambiguous.
   */
  stated: number | "clear" | "format";
  /**
   * `uniform`: all readings equally likely. `habits`: what is left unsaid follows the senses' priors. `usual format`:
   * the format does, the operations are uniform.
   */
  readings: "uniform" | "habits" | "usual format";
  kind?: Kind;
  length?: number;
}

/** A task on a chain of families. */
export function drawTask(random: Random, chain: Chain, options: TaskOptions): Task {
  const kind = options.kind ?? drawKind(random, chain);
  const slots = [...chain, "format" as const];
  const stated = slots.map((slot) => drawStated(random, slot, options.stated));
  return {
    kind,
    operations: chain.map((family) => ({ family, count: pick(random, counts[family]) })),
    hidden: slots.map((slot, i) =>
      !stated[i] &&
      (options.readings === "habits" || (options.readings === "usual format" && slot === "format"))
        ? drawReading(random, senseOf(slot))
        : pick(random, readingsOf(slot)),
    ),
    stated,
    items: drawTaskItems(random, kind, chain, options.length),
  };
}

/** The same request of the same user about another list. */
export function withNewItems(random: Random, task: Task, length?: number): Task {
  const chain = task.operations.map(({ family }) => family);
  return { ...task, items: drawTaskItems(random, task.kind, chain, length) };
}

/** Every combination of readings. */
export function allReadings(task: Task): Readings[] {
  return combinations(slotsOf(task).map(readingsOf));
}

/** The readings that fit what the request spells out. */
export function consistentReadings(task: Task): Readings[] {
  return allReadings(task).filter((readings) =>
    readings.every((id, slot) => !task.stated[slot] || id === task.hidden[slot]),
  );
}

/** The list that is right under the given readings. */
export function result(task: Task, readings: Readings = task.hidden): readonly string[] {
  return task.operations.reduce<readonly string[]>(
    (items, operation, i) => applyOperation(operation, readings[i]!, items, task.kind),
    task.items,
  );
}

/** The reply that is right under the given readings. */
export function answer(task: Task, readings: Readings = task.hidden): string {
  return render(result(task, readings), readings.at(-1)!);
}

/** The answer step by step: each operation with the list it leaves, then the answer. */
export function stepwiseAnswer(task: Task): string {
  let items = task.items;
  const steps = task.operations.map(({ family, count }, i) => {
    items = applyOperation({ family, count }, task.hidden[i]!, items, task.kind);
    return `${family === "dedupe" ? "duplicates" : family}: ${render(items, "plain")}`;
  });
  return [...steps, `answer: ${answer(task)}`].join("\n");
}

/** Whether a reply is what the user wants, white space around it aside. */
export function isRight(task: Task, reply: string): boolean {
  return reply.trim() === answer(task);
}

/** The slots of a task's readings, in order. */
export function slotsOf(task: Task) {
  return [...task.operations.map(({ family }) => family), "format" as const];
}

/** A list in a format; an empty list reads `none`. */
export function render(items: readonly string[], format: string): string {
  const text = items.length === 0 ? "none" : items.join(" ");
  if (format === "brackets") return `[${text}]`;
  return format === "quotes" ? `"${text}"` : text;
}

/** Letters and words have so many values that repeats must be forced more often than for digits. */
function drawTaskItems(random: Random, kind: Kind, chain: Chain, length = drawLength(random)) {
  const repeatShare = chain.includes("dedupe") ? 0.8 : kind === "digits" ? 0.35 : 0.45;
  return drawItems(random, kind, length, repeatShare);
}

/** Words cannot be shifted. */
function drawKind(random: Random, chain: Chain): Kind {
  const u = random();
  if (chain.includes("shift")) return u < 0.6 ? "digits" : "letters";
  if (u < 0.45) return "digits";
  return u < 0.75 ? "letters" : "words";
}

function drawStated(random: Random, slot: string, stated: TaskOptions["stated"]): boolean {
  if (stated === "clear") return true;
  if (stated === "format") return slot === "format";
  return random() < stated;
}
