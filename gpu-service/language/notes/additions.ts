/**
 * What a user may want besides, such as a signature. Training rewrites requests with additions and never carries one
 * out: here the skill is missing.
 */
import type { Facts } from "./facts.ts";

export const additions = {
  signed: { phrase: "signed Tom", add: (text: string) => `${text} Tom` },
  headed: {
    phrase: "with a heading",
    add: (text: string, { event }: Facts) =>
      `${event.name[0]!.toUpperCase()}${event.name.slice(1)}: ${text}`,
  },
  reminding: { phrase: "with a reminder", add: (text: string) => `${text} Do not forget it!` },
} as const;
export type Addition = keyof typeof additions;
export const additionNames = Object.keys(additions) as Addition[];
