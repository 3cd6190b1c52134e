/** Lists as questions: a task in one wording, with the mistakes a reply can hold and what a user says about it. */
import { pick, type Random, randomInt } from "@rosa2/shared/random";
import { kinds } from "./items.ts";
import { hints, spoken, statements } from "./phrasings.ts";
import { asSentence, type Question, type Readings, type Sayings } from "./question.ts";
import {
  answer,
  consistentReadings,
  render,
  result,
  slotsOf,
  type Task,
  withNewItems,
} from "./task.ts";
import { canonicalWording, clearRequest, numerals, request, type Wording } from "./wording.ts";

export function listQuestion(task: Task, wording: Wording = canonicalWording(task)): Question {
  return {
    request: request(task, wording),
    hidden: task.hidden,
    clearRequest: () => clearRequest(task, task.hidden, wording),
    consistent: () => consistentReadings(task),
    answer: (readings) => answer(task, readings),
    mistake: (random, readings) => drawMistake(random, task, readings),
    sayings: (slot) => sayingsOf(task, slot),
    next: (random) => listQuestion(withNewItems(random, task), wording),
  };
}

function sayingsOf(task: Task, index: number): Sayings {
  const slot = slotsOf(task)[index]!;
  const reading = task.hidden[index]!;
  const { clauses, format } = canonicalWording(task);
  const { count } = task.operations[index] ?? { count: 0 };
  return {
    hints: hints[slot],
    statements: statements[slot][reading]!,
    spoken: spoken[slot][reading]!.map((text) => text.replace("{n}", numerals[count]!)),
    restated: asSentence(clauses[index]?.clear[reading] ?? `answer ${format[reading]}`),
  };
}

/** The answer with one item changed, two exchanged, or one lost. */
function drawMistake(random: Random, task: Task, readings: Readings): string {
  const list = [...result(task, readings)];
  const at = randomInt(random, 0, list.length);
  const u = random();
  if (list.length === 0) list.push(pick(random, task.items));
  else if (u < 0.5) list[at] = pick(random, kinds[task.kind].items);
  else if (u < 0.75 && list.length > 1) {
    const other = randomInt(random, 0, list.length);
    [list[at], list[other]] = [list[other]!, list[at]!];
  } else list.splice(at, 1);
  return render(list, readings.at(-1)!);
}
