/** Senses that no lexicon of the product and no rewriting of the training holds. Knows phrases, not what operations do. */
import type { Sense } from "@rosa2/shared/lexicon/sense";

type UntaughtSense = Pick<Sense, "id" | "label" | "readings">;

const reading = (id: string, phrase: string, prior: number) => ({ id, phrase, prior, cues: [] });

export const untaughtSenses: readonly UntaughtSense[] = [
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
