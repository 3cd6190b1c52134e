/**
 * How a task is worded in ordinary English, vague or clear.
 *
 * The canonical wording is a family's span plus the phrase of the reading: what the words rewriter inserts is what the
 * model knows best. Other wordings are a minority in training.
 */
import { pick, type Random } from "@rosa2/shared/random";
import { type Kind, kinds } from "./items.ts";
import { type Operation, readingsOf, senseOf } from "./operations.ts";
import { synonyms, unambiguous, vagueSpans } from "./phrasings.ts";
import type { Readings } from "./question.ts";
import type { Task } from "./task.ts";

/** One operation's wording: as said, and under each reading when spelled out. */
interface Clause {
  vague: string;
  clear: Record<string, string>;
}

/** A user's way of asking, fixed through a conversation. */
export interface Wording {
  /** "Please ", "could you ": what stands before the first clause, in its final case. */
  opening: string;
  capital: boolean;
  clauses: readonly Clause[];
  chain: string;
  /** Between the last clause and a spelled-out format. */
  formatJoint: string;
  format: Record<string, string>;
  /** What stands after everything else: ", step by step". */
  manner?: string;
  /** Between the instruction and the list. */
  colon: string;
  separator: string;
  close: string;
}

/** As words up to three; training asks for no more. */
export const numerals = ["none", "one", "two", "three", "4"];

/** Share of training requests that depart from the canonical wording in some way. */
const variedShare = 0.4;

export function canonicalWording(task: Task): Wording {
  return {
    opening: "",
    capital: true,
    clauses: task.operations.map((operation) => clauseOf(operation, task.kind)),
    chain: ", then ",
    formatJoint: ", ",
    format: phrases("format"),
    colon: ": ",
    separator: " ",
    close: "",
  };
}

/** A wording as people vary it: mostly canonical. */
export function drawWording(random: Random, task: Task): Wording {
  const wording = { ...canonicalWording(task), formatJoint: drawFormatJoint(random, task) };
  if (random() >= variedShare) return wording;
  const polite = random();
  const question = polite < 0.16;
  const numeral = random() < 0.35 ? String : (count: number) => numerals[count]!;
  return {
    opening: question ? pick(random, ["Could you ", "Can you "]) : polite < 0.32 ? "Please " : "",
    capital: random() < 0.75,
    clauses: task.operations.map((operation) =>
      drawClause(random, operation, task.kind, numeral(operation.count)),
    ),
    chain: random() < 0.6 ? ", then " : pick(random, [", and then ", ", next "]),
    formatJoint: wording.formatJoint,
    format: Object.fromEntries(
      readingsOf("format").map((id) => [id, drawPhrase(random, "format", id)]),
    ),
    colon: random() < 0.9 ? ": " : ":\n",
    separator: random() < 0.85 ? " " : ", ",
    close: question && random() < 0.5 ? "?" : "",
  };
}

/** The request as the user says it: only what is stated is spelled out. */
export function request(task: Task, wording: Wording = canonicalWording(task)): string {
  return compose(task, wording, (slot) => (task.stated[slot] ? task.hidden[slot]! : null));
}

/**
 * The same request with every reading spelled out. What the user spelled out stays in the user's words. For the rest,
 * the sense's phrase follows its span, and the format comes last.
 */
export function clearRequest(
  task: Task,
  readings: Readings = task.hidden,
  wording: Wording = canonicalWording(task),
): string {
  const plain = canonicalWording(task);
  const inserted: Wording = {
    ...wording,
    clauses: wording.clauses.map((clause, i) =>
      task.stated[i] ? clause : insertPhrases(clause, task.operations[i]!),
    ),
    format: task.stated.at(-1) ? wording.format : plain.format,
    formatJoint: task.stated.at(-1) ? wording.formatJoint : plain.formatJoint,
  };
  return compose(task, inserted, (slot) => readings[slot]!);
}

/** A filter and the format always have a comma between them: "filter the vowels in brackets" would say something else. */
function drawFormatJoint(random: Random, task: Task): string {
  return task.operations.at(-1)!.family !== "filter" && random() < 0.15 ? " " : ", ";
}

function compose(task: Task, wording: Wording, readingOf: (slot: number) => string | null): string {
  const clauses = wording.clauses.map((clause, slot) => {
    const reading = readingOf(slot);
    return reading === null ? clause.vague : clause.clear[reading]!;
  });
  const format = readingOf(clauses.length);
  const instruction =
    wording.opening +
    clauses.join(wording.chain) +
    (format === null ? "" : wording.formatJoint + wording.format[format]) +
    (wording.manner ?? "");
  const start = wording.capital ? instruction[0]!.toUpperCase() : instruction[0]!.toLowerCase();
  const list = task.items.join(wording.separator);
  return start + instruction.slice(1) + wording.colon + list + wording.close;
}

function clauseOf(operation: Operation, kind: Kind): Clause {
  const [span] = vagueSpans(operation.family, nounsOf(kind), numerals[operation.count]!);
  return insertPhrases({ vague: span!, clear: {} }, operation);
}

function insertPhrases(clause: Clause, { family }: Operation): Clause {
  const clear = Object.entries(phrases(family)).map(([id, phrase]) => [
    id,
    `${clause.vague} ${phrase}`,
  ]);
  return { vague: clause.vague, clear: Object.fromEntries(clear) };
}

function drawClause(random: Random, operation: Operation, kind: Kind, numeral: string): Clause {
  const { family } = operation;
  const spans = vagueSpans(family, nounsOf(kind), numeral);
  const vague = random() < 0.5 ? spans[0]! : pick(random, spans);
  const whole = unambiguous(family, nounsOf(kind), numeral);
  const clear = readingsOf(family).map((id) => {
    const alternatives = whole[id] ?? [];
    return alternatives.length > 0 && random() < 0.3
      ? [id, pick(random, alternatives)]
      : [id, `${vague} ${drawPhrase(random, family, id)}`];
  });
  return { vague, clear: Object.fromEntries(clear) };
}

/** The sense's phrase, or with equal chance one of its synonyms. */
function drawPhrase(
  random: Random,
  slot: Parameters<typeof senseOf>[0],
  readingId: string,
): string {
  const others = synonyms[slot][readingId] ?? [];
  return others.length > 0 && random() < 0.5 ? pick(random, others) : phrases(slot)[readingId]!;
}

/** The sense's phrase of each reading. */
function phrases(slot: Parameters<typeof senseOf>[0]): Record<string, string> {
  return Object.fromEntries(senseOf(slot).readings.map(({ id, phrase }) => [id, phrase]));
}

function nounsOf(kind: Kind) {
  const { noun, markedNames } = kinds[kind];
  return { noun, markedNames };
}
