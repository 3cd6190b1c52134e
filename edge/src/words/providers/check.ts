/** Checks a model's wording as data: its bounds, and whether the user's own facts are kept. */
import { languageOf } from "../language.ts";
import { neutraliseRequest } from "../neutralise.ts";
import { englishLanguage } from "../remarks/english.ts";
import type { RewriteTask } from "./provider.ts";

/** Share of the request's longer words that a wording must keep: it may clarify, not digress. */
const keptShareMin = 0.5;
/** Characters of a list that is protected as a whole. */
const listCharsMax = 2_000;
/** Characters that a wording of the shortest request may have. */
const wordingCharsMin = 200;

/** A wording that is safe to put into a prompt, or one sentence on what is wrong with it. */
type Checked = { ok: true; wording: string } | { ok: false; fault: string };

/** Checks a model's wordings of one request, in their order. */
export function checkWordings(raws: readonly string[], task: RewriteTask): Checked[] {
  const facts = factsOf(task);
  return raws.map((raw) => {
    const wording = neutraliseRequest(raw).trim();
    const fault = faultOf(wording, facts);
    return fault === null ? { ok: true, wording } : { ok: false, fault };
  });
}

/** What a wording is compared with: read once for all of them. */
type Facts = ReturnType<typeof factsOf>;

function factsOf({ request, attempts }: RewriteTask) {
  const said = [request, ...attempts.map(({ feedback }) => feedback)].join("\n");
  const language = languageOf(request);
  return {
    charsMax: Math.max(wordingCharsMin, 2 * said.length),
    literals: new Set(literalsOf(said)),
    parts: protectedParts(request).map((part) => ({ part, count: countOf(part, request) })),
    hasRoles: roles.test(request),
    words: longWords(request),
    orders: new Set(ordersOf(said)),
    /** Null where a wording may be in any language. */
    language: request.split(/\s+/u).length >= 5 && languageOf(said) === language ? language : null,
  };
}

const roles =
  /^[^\S\r\n\u2028\u2029]*(?:#+[^\S\r\n\u2028\u2029]*)?(?:system|assistant|developer|tool)[^\S\r\n\u2028\u2029]*[:：]|<[|｜]|\[\/?INST\]/imu;

function faultOf(wording: string, facts: Facts): string | null {
  if (wording === "") return "The rewritten request is empty.";
  if (wording.length > facts.charsMax) {
    return "The rewritten request is more than twice as long as what was said.";
  }
  const lost = facts.parts.filter(({ part, count }) => countOf(part, wording) < count);
  if (lost.length > 0) {
    const named = lost.slice(0, 8).map(({ part }) => part);
    return `The rewritten request must keep these parts unchanged: ${named.join(" · ")}`;
  }
  const added = literalsOf(wording).filter((part) => !facts.literals.has(part));
  if (added.length > 0) {
    return `The rewritten request must not add parts that nobody said: ${added.slice(0, 8).join(" · ")}`;
  }
  if (!facts.hasRoles && roles.test(wording)) {
    return "The rewritten request must not contain role markers.";
  }
  const words = longWords(wording);
  const kept = [...facts.words].filter((word) => words.has(word)).length;
  if (kept < keptShareMin * facts.words.size) {
    return "The rewritten request must stay with the user's own words.";
  }
  const orders = ordersOf(wording).filter((order) => !facts.orders.has(order));
  if (orders.length > 0) {
    return `The rewritten request must not add wishes that nobody stated: ${orders.join(" · ")}`;
  }
  if (facts.language !== null && ![facts.language, null].includes(languageOf(wording))) {
    return "The rewritten request must be in the language of the request.";
  }
  return null;
}

/** Numbers, quotations, code, links, names and a final list: what a rewrite may not drop or change. */
export function protectedParts(request: string): string[] {
  const names = [...request.matchAll(name)].map(([match]) => match);
  const list = listedData(request);
  const parts = [...literalsOf(request), ...names.filter((one) => one !== "I")];
  return [...new Set(list === null ? parts : [...parts, list])];
}

const literals = [
  /```[\s\S]*?```|`[^`\n]+`/gu,
  /"[^"\n]+"|“[^“”\n]+”|«[^«»\n]+»/gu,
  /https?:\/\/[^\s)>\]]+|(?<![\w.+-])[\w.+-]+@[\w-]+\.[\w.]+/gu,
  /(?<![\p{L}\d])[$€£#]?\d+(?:[.,:/-]\d+)*%?/gu,
];
const name = /(?<=[\p{L}\p{N},;:)]\s)\p{Lu}[\p{L}\p{N}'’-]*/gu;

/** Code, quotations, links and numbers in a text: a wording may not add one either. */
function literalsOf(text: string): string[] {
  return literals.flatMap((pattern) =>
    [...text.matchAll(pattern)].map(([match]) =>
      match.startsWith("http") ? match.replace(/(?<![.,;:!?])[.,;:!?]+$/u, "") : match,
    ),
  );
}

/** The text after the last colon, if it is a list and not a sentence: items without a common word among them. */
export function listedData(request: string): string | null {
  const text = request.trim();
  const data = text.slice(text.lastIndexOf(":") + 1).trimStart();
  if (data.length === text.length || data.length > listCharsMax || /[\n.!?]/u.test(data))
    return null;
  const items = data.split(/[\s,]+/u);
  if (items.length < 2) return null;
  const isList = items.every((item) => item.length <= 2) || languageOf(data) === null;
  return isList ? data : null;
}

/** How often a part stands by itself in a text: "4" is not in "14". */
function countOf(part: string, text: string): number {
  const isWordy = (character: string | undefined) =>
    character !== undefined && /[\p{L}\p{N}]/u.test(character);
  let count = 0;
  for (let at = text.indexOf(part); at >= 0; at = text.indexOf(part, at + part.length)) {
    const isCut =
      (isWordy(part[0]) && isWordy(text[at - 1])) ||
      (isWordy(part.at(-1)) && isWordy(text[at + part.length]));
    if (!isCut) count++;
  }
  return count;
}

function longWords(text: string): Set<string> {
  return new Set(text.toLowerCase().match(/[\p{L}\p{N}]{4,}/gu));
}

/** Wishes about tone, length, form or language; a wording may not add one that nobody stated. */
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

function ordersOf(text: string): string[] {
  return [...new Set([...text.matchAll(orders)].map(([match]) => match.toLowerCase()))];
}
