/** Senses without rewrites in the training. Knows phrases, not what operations do. */
import type { Sense } from "./senses.ts";

const reading = (id: string, phrase: string, prior: number) => ({ id, phrase, prior });

export const untaughtSenses: readonly Sense[] = [
  {
    id: "trim",
    label: "where to trim",
    readings: [
      reading("start", "at the start", 0.34),
      reading("end", "at the end", 0.33),
      reading("both", "at both ends", 0.33),
    ],
  },
  {
    id: "halve",
    label: "which half to keep",
    readings: [
      reading("front", "to the front half", 0.34),
      reading("back", "to the back half", 0.33),
      reading("others", "to every other one", 0.33),
    ],
  },
];
