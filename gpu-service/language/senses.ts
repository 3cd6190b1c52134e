/**
 * What requests about lists leave open, and the phrases that settle it: for the training language only, nothing else
 * reads them.
 *
 * The bundled model is trained on the clarified wordings below, so a change here needs a new training run.
 */

import type { Random } from "@rosa2/shared/random";

/** One meaning of what a request leaves open. */
interface Reading {
  id: string;
  /** Words that follow the span and make the request mean this reading and no other. */
  phrase: string;
  /**
   * Prior of this reading: the share of requests that mean it when nothing else is known. The readings of a sense sum
   * to 1.
   */
  prior: number;
}

/** One kind of ambiguity. */
export interface Sense {
  id: string;
  /** Name of what is unclear, as a person would say it: "the order". */
  label: string;
  readings: Reading[];
}

export const listSenses: readonly Sense[] = [
  {
    id: "sort",
    label: "the order",
    readings: [
      { id: "up", phrase: "from smallest to largest", prior: 0.85 },
      { id: "down", phrase: "from largest to smallest", prior: 0.15 },
    ],
  },
  {
    id: "shift",
    label: "the direction of the shift",
    readings: [
      { id: "forward", phrase: "forward", prior: 0.55 },
      { id: "back", phrase: "back", prior: 0.45 },
    ],
  },
  {
    id: "rotate",
    label: "which way to rotate",
    readings: [
      { id: "left", phrase: "to the left", prior: 0.55 },
      { id: "right", phrase: "to the right", prior: 0.45 },
    ],
  },
  {
    id: "flip",
    label: "what to flip",
    readings: [
      { id: "order", phrase: "end to end", prior: 0.55 },
      { id: "halves", phrase: "half for half", prior: 0.225 },
      { id: "ends", phrase: "first for last", prior: 0.225 },
    ],
  },
  {
    id: "take",
    label: "which ones to take",
    readings: [
      { id: "first", phrase: "from the start", prior: 0.55 },
      { id: "last", phrase: "from the end", prior: 0.15 },
      { id: "largest", phrase: "that are largest", prior: 0.15 },
      { id: "smallest", phrase: "that are smallest", prior: 0.15 },
    ],
  },
  {
    id: "dedupe",
    label: "which copy to keep",
    readings: [
      { id: "first", phrase: "keeping first copies", prior: 0.55 },
      { id: "last", phrase: "keeping last copies", prior: 0.45 },
    ],
  },
  {
    id: "double",
    label: "how to double",
    readings: [
      { id: "each", phrase: "one by one", prior: 0.55 },
      { id: "whole", phrase: "as a whole", prior: 0.45 },
    ],
  },
  {
    id: "filter",
    label: "keep or drop",
    readings: [
      { id: "keep", phrase: "in", prior: 0.55 },
      { id: "drop", phrase: "out", prior: 0.45 },
    ],
  },
  {
    id: "format",
    label: "the format",
    readings: [
      { id: "plain", phrase: "as plain text", prior: 0.9 },
      { id: "brackets", phrase: "in brackets", prior: 0.05 },
      { id: "quotes", phrase: "in quotes", prior: 0.05 },
    ],
  },
];

/** The id of a reading, as its prior has it. */
export function drawReading(random: Random, { readings }: Sense): string {
  let u = random();
  for (const reading of readings) {
    u -= reading.prior;
    if (u < 0) return reading.id;
  }
  return readings.at(-1)!.id;
}
