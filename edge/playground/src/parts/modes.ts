/** The ways a session can adapt, as the page names them. */
import type { Mode } from "../story.ts";

export const modes: readonly { value: Mode; text: string; says: string }[] = [
  { value: "both", text: "Both", says: "Words first, then weights on the clearer request." },
  {
    value: "words",
    text: "Words",
    says: "Only the request is reworded; the model stays as it is.",
  },
  {
    value: "weights",
    text: "Weights",
    says: "Only the model changes; the request stays as it is.",
  },
  { value: "off", text: "None", says: "Nothing adapts; a retry only avoids rejected replies." },
];

export function modeText(mode: Mode): string {
  return modes.find(({ value }) => value === mode)?.text ?? mode;
}
