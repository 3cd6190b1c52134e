/** What each family of operations does to a list under each of its readings. Knows nothing of wording. */
import { type Kind, kinds, rankOf } from "./items.ts";
import { listSenses, type Sense } from "./senses.ts";
import { untaughtSenses } from "./untaught.ts";

export const families = [
  "sort",
  "shift",
  "rotate",
  "flip",
  "take",
  "dedupe",
  "double",
  "filter",
] as const;
/**
 * Families whose clear requests the model learns. Their vague requests are never rewritten in training, so they show
 * how the words axis works on senses that training did not prepare.
 */
export const untaughtFamilies = ["trim", "halve"] as const;
export type Family = (typeof families)[number] | (typeof untaughtFamilies)[number];

export interface Operation {
  family: Family;
  /** "by two", "take three"; 0 where the family takes no number. */
  count: number;
}

/** The numbers a family can be asked with. */
export const counts: Record<Family, readonly number[]> = {
  sort: [0],
  shift: [1, 2, 3],
  rotate: [1, 2],
  flip: [0],
  take: [2, 3],
  dedupe: [0],
  double: [0],
  filter: [0],
  trim: [0],
  halve: [0],
};

type Apply = (items: readonly string[], reading: string, count: number, kind: Kind) => string[];

const rules: Record<Family, Apply> = {
  sort: (items, reading, _count, kind) => sorted(items, kind, reading === "down"),
  shift: (items, reading, count, kind) => {
    const alphabet = kinds[kind].items;
    const step = reading === "forward" ? count : alphabet.length - count;
    return items.map((item) => alphabet[(rankOf(kind, item) + step) % alphabet.length]!);
  },
  rotate: (items, reading, count) => {
    const k = count % items.length;
    const start = reading === "left" ? k : (items.length - k) % items.length;
    return [...items.slice(start), ...items.slice(0, start)];
  },
  flip: (items, reading) => {
    if (reading === "order") return items.toReversed();
    if (reading === "halves") {
      const half = Math.floor(items.length / 2);
      return [...items.slice(half), ...items.slice(0, half)];
    }
    return items.with(0, items.at(-1)!).with(-1, items[0]!);
  },
  take: (items, reading, count, kind) => {
    if (reading === "first") return items.slice(0, count);
    if (reading === "last") return items.slice(-count);
    return sorted(items, kind, reading === "largest").slice(0, count);
  },
  dedupe: (items, reading) =>
    reading === "first" ? [...new Set(items)] : [...new Set(items.toReversed())].reverse(),
  double: (items, reading) =>
    reading === "each" ? items.flatMap((item) => [item, item]) : [...items, ...items],
  filter: (items, reading, _count, kind) =>
    items.filter((item) => kinds[kind].marked.has(item) === (reading === "keep")),
  trim: (items, reading) =>
    items.slice(reading === "end" ? 0 : 1, reading === "start" ? undefined : -1),
  halve: (items, reading) => {
    const half = Math.ceil(items.length / 2);
    if (reading === "front") return items.slice(0, half);
    if (reading === "back") return items.slice(-half);
    return items.filter((_, i) => i % 2 === 0);
  },
};

/** The list after one operation; an empty list stays empty. */
export function applyOperation(
  operation: Operation,
  reading: string,
  items: readonly string[],
  kind: Kind,
): string[] {
  if (items.length === 0) return [];
  return rules[operation.family](items, reading, operation.count, kind);
}

/** The sense of a family, or of the format. */
export function senseOf(slot: Family | "format"): Sense {
  const sense = [...listSenses, ...untaughtSenses].find(({ id }) => id === slot);
  if (!sense) throw new Error(`The language has no sense "${slot}"`);
  return sense;
}

/** Ids of the readings of a family, or of the format, the likeliest first. */
export function readingsOf(slot: Family | "format"): string[] {
  return senseOf(slot).readings.map(({ id }) => id);
}

function sorted(items: readonly string[], kind: Kind, falling: boolean): string[] {
  const rising = items.toSorted((a, b) => rankOf(kind, a) - rankOf(kind, b));
  return falling ? rising.reverse() : rising;
}
