/** Senses that no rewriting of the training holds, and formats that no reply of it has. Knows phrases, not what operations do. */
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

/** Ways of writing a list that are said clearly and that the model has never written: a skill that is missing. */
export const untaughtFormats: Record<string, { phrase: string; render(text: string[]): string }> = {
  dashes: { phrase: "with dashes", render: (items) => items.join(" - ") },
  slashes: { phrase: "with slashes", render: (items) => items.join(" / ") },
  arrows: { phrase: "with arrows", render: (items) => items.join(" > ") },
  stars: { phrase: "between stars", render: (items) => ["*", ...items, "*"].join(" ") },
};
