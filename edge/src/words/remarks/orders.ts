/** Wishes about tone, length, form or language that a text holds; no wording may add one that nobody stated. */
import { englishLanguage } from "./english.ts";

const orders = new RegExp(
  [
    `\\bin (?:${englishLanguage})\\b`,
    "\\b(?:formal|informal|casual|friendly|polite|professional|cheerful|enthusiastic|humorous|serious|conversational)(?:ly)?\\b",
    "\\b(?:brief|briefly|concise|concisely|detailed|in detail|short|shorter|longer|step[- ]by[- ]step)\\b",
    "\\b(?:\\d+|one|two|three|four|five|ten) (?:words?|sentences?|paragraphs?|lines?|bullet points?)\\b",
    "\\b(?:table|bullet points?|bulleted|numbered list|json|yaml|csv|xml|html|markdown|poem|haiku|emojis?)\\b",
  ].join("|"),
  "giu",
);

export function ordersOf(text: string): string[] {
  return [...new Set([...text.matchAll(orders)].map(([match]) => match.toLowerCase()))];
}
