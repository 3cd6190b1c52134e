/**
 * What the conversations of the training language are about: a request in one wording, and what it would ask for under
 * each of its readings. Lists and notes are its two subjects; what is built on this knows neither.
 */
import type { Random } from "@rosa2/shared/random";
import type { Exchange } from "./base-skills.ts";

/** One reading id for each slot that a request leaves open or spells out. */
export type Readings = readonly string[];

/** What a user can say about one slot whose meaning the reply missed. */
export interface Sayings {
  /** Hints that name no reading; the first is the canonical one. */
  hints: readonly [string, ...string[]];
  /** Statements of what is meant, terse. */
  statements: readonly string[];
  /** The same in more ways, as people say it. */
  spoken: readonly string[];
  /** That part of the request anew, with what is meant. */
  restated: string;
}

export interface Question {
  /** As the user says it. */
  request: string;
  /** What the user means. */
  hidden: Readings;
  /** The same request with every reading spelled out. */
  clearRequest(): string;
  /** All readings that fit what the request spells out. */
  consistent(): Readings[];
  /** The right reply under the given readings; what the user means unless said. */
  answer(readings?: Readings): string;
  /** A reply with a mistake that is no misreading. */
  mistake(random: Random, readings: Readings): string;
  sayings(slot: number): Sayings;
  /** The same request of the same user about something else. */
  next(random: Random): Question;
}

/** The request as said, with its right reply. */
export function asExchange(question: Question): Exchange {
  return { request: question.request, reply: question.answer() };
}

/** Whether a reply is what the user wants, white space around it aside. */
export function isAnswered(question: Pick<Question, "answer">, reply: string): boolean {
  return reply.trim() === question.answer();
}

/** Every combination of the given readings of each slot. */
export function combinations(slots: readonly (readonly string[])[]): Readings[] {
  return slots.reduce<string[][]>(
    (prefixes, readings) => prefixes.flatMap((prefix) => readings.map((id) => [...prefix, id])),
    [[]],
  );
}

/** "largest first" → "Largest first." */
export function asSentence(text: string): string {
  return `${text[0]!.toUpperCase()}${text.slice(1)}.`;
}
