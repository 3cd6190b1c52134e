/** Skills with one meaning and one answer: counting, comparing, small arithmetic. Knows nothing of lists of operations. */
import { pick, type Random, randomInt, shuffled } from "@rosa2/shared/random";
import { drawItems, drawLength, kinds, listKinds, rankOf } from "./items.ts";

export interface Exchange {
  request: string;
  reply: string;
}

export const baseSkills = {
  count,
  occurrences,
  compare,
  alphabet,
  add,
  subtract,
  twice,
} satisfies Record<string, (random: Random) => Exchange>;
export type BaseSkill = keyof typeof baseSkills;
const baseSkillNames = Object.keys(baseSkills) as BaseSkill[];

/** One exchange of a base skill. */
export function drawBaseSkill(
  random: Random,
  skill: BaseSkill = pick(random, baseSkillNames),
): Exchange {
  return baseSkills[skill](random);
}

/** How many items a list has. */
function count(random: Random): Exchange {
  const kind = pick(random, listKinds);
  const list = drawItems(random, kind, randomInt(random, 2, 9), 0.3);
  const ask = pick(random, [
    "How many are there",
    `How many ${kinds[kind].noun}s are there`,
    "Count them",
    `Count the ${kinds[kind].noun}s`,
  ]);
  return { request: `${ask}: ${list.join(" ")}`, reply: String(list.length) };
}

/** How often one item occurs. */
function occurrences(random: Random): Exchange {
  const kind = pick(random, listKinds);
  const list = drawItems(random, kind, drawLength(random), 0.8);
  const item = pick(random, list);
  const times = list.filter((other) => other === item).length;
  return { request: `How often is ${item} in the list: ${list.join(" ")}`, reply: String(times) };
}

/** The larger or smaller of two numbers below 100. */
function compare(random: Random): Exchange {
  const a = randomInt(random, 0, random() < 0.5 ? 10 : 100);
  const b = differentFrom(a, () => randomInt(random, 0, a < 10 ? 10 : 100));
  const larger = random() < 0.5;
  const ask = pick(random, larger ? ["larger", "bigger"] : ["smaller", "lower"]);
  return {
    request: `Which is ${ask}: ${a} or ${b}?`,
    reply: String(larger ? Math.max(a, b) : Math.min(a, b)),
  };
}

/** Which of two letters or words comes first or last in the alphabet. */
function alphabet(random: Random): Exchange {
  const kind = pick(random, ["letters", "words"] as const);
  const [a, b] = shuffled(random, kinds[kind].items) as [string, string];
  const first = random() < 0.5;
  const rising = rankOf(kind, a) < rankOf(kind, b);
  return {
    request: `Which comes ${first ? "first" : "last"} in the alphabet: ${a} or ${b}?`,
    reply: rising === first ? a : b,
  };
}

function add(random: Random): Exchange {
  const a = randomInt(random, 0, 11);
  const b = randomInt(random, 0, 11);
  const request = pick(random, [
    `What is ${a} plus ${b}?`,
    `What is ${a} + ${b}?`,
    `Add ${a} and ${b}.`,
  ]);
  return { request, reply: String(a + b) };
}

function subtract(random: Random): Exchange {
  const b = randomInt(random, 0, 11);
  const a = b + randomInt(random, 0, 11);
  const request = pick(random, [
    `What is ${a} minus ${b}?`,
    `What is ${a} - ${b}?`,
    `Subtract ${b} from ${a}.`,
  ]);
  return { request, reply: String(a - b) };
}

function twice(random: Random): Exchange {
  const a = randomInt(random, 0, 21);
  const request = pick(random, [`What is twice ${a}?`, `What is double ${a}?`]);
  return { request, reply: String(2 * a) };
}

function differentFrom(a: number, draw: () => number): number {
  for (;;) {
    const b = draw();
    if (b !== a) return b;
  }
}
