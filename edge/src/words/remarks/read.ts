/**
 * Reads the wish in a remark. It knows no session and, on purpose, hardly any language: a remark is quoted as it was
 * said, unless the whole of it is a plain instruction about the reply.
 *
 * A rule that matched content would put words into the user's mouth, so none looks inside a sentence: "don't be so
 * formal" is an instruction about the reply; "talk about a formal dinner" is quoted, and so is "not in French, I said".
 */
import { neutraliseNote } from "../neutralise.ts";
import { english, englishLanguage } from "./english.ts";
import { restatedNumber } from "./number.ts";
import { otherLanguages } from "./others.ts";
import { asks, type Draft, type PlainLanguage, type RemarkContext } from "./plain.ts";

/** Characters of a remark that are kept: all that the API accepts. */
export const remarkCharsMax = 4_096;
/** A longer remark contains more than plain instructions, a verdict or a number. */
const shortCharsMax = 100;

/** Verdicts that say no more than a thumb up or down. */
const verdict =
  /^(?:(?:no|nope|nah|hm+|huh|sorry|ok|okay|still|again|this is|that is|that's|it is|it's|thats|all|just|try|the|great|good|very good|well done|nice|perfect|thanks|thank you|please|yes|right|correct|exactly|cool|wrong|incorrect|false|bad|not right|not that|not this|not it|not correct|not quite|once more|one more time|nein|falsch|richtig|danke|gut|nicht richtig|nochmal|non|faux|merci|mauvais|mal|incorrecto|gracias|bien|sbagliato|grazie|bene)[\s,.!?…-]*)+$/iu;
/** Takes back the last remark. */
const withdrawal =
  /^(?:(?:no|sorry|actually|ok|okay)[ ,]+)?(?:never ?mind(?: that)?|forget (?:that|it|what i (?:just )?said)|scratch that|ignore (?:that|what i (?:just )?said)|i take (?:that|it) back)$/iu;

const endMarks = /(?<![.!… ])[.!… ]+$/u;

/** Begins a remark that holds for every later request. */
const alwaysFirst =
  /^(?:please[ ,]+)?(?:and[ ,]+)?(?:(from now on|from here on|in (?:the )?future|in (?:every|all|each)(?: future)? (?:answers?|repl(?:y|ies)|responses?)|every time|for all (?:your )?(?:answers|replies))|always|never)(?=[ ,:])[ ,:]*/iu;
const alwaysLast =
  /(?<![ ,])[ ,]+(?:from now on|always|every time|in future|in (?:every|all|each)(?: future)? (?:answers?|repl(?:y|ies)|responses?))$/iu;
/** A sentence about a person is no instruction: "Always the first, she …". */
const subject =
  /^(?:the|an?|he|she|it|they|we|i|you|his|her|their|our|its|this|that|there|if|when|each|every|both|some|all)\b/iu;

/** Words that try to steer the model instead of the reply; such text is only ever quoted. */
const steering =
  /\b(?:ignore|disregard|forget|overrid\w*|bypass|previous|prior|above|system|prompt|instructions?|developer|jailbreak\w*|unrestricted|pretend|act as|role-?play|pirate|hacked|evil|obey|you are|you're now|reveal|password|secrets?|api[- ]?key|execute|eval|admin\w*|sudo|tool|function|assistant|DAN)\b/iu;

/** What a remark asks for: nothing where it is a mere verdict, `back` where it takes the turn's last remark back. */
export function readRemark(text: string, context: RemarkContext): Draft[] | "back" {
  const said = neutraliseNote(text, remarkCharsMax);
  if (!/[\p{L}\p{N}]/u.test(said)) return [];
  const first = alwaysFirst.exec(said);
  const ordered = first === null ? said : said.slice(first[0].length);
  if (said.length <= shortCharsMax) {
    const bare = said.replace(endMarks, "");
    if (verdict.test(bare)) return [];
    if (withdrawal.test(bare)) return "back";
    const number = restatedNumber(bare, context.request);
    if (number !== null) return [{ ...number, text: said }];
    const rest = ordered.replace(endMarks, "").replace(alwaysLast, "");
    const drafts = /^(?:please |and )?never/iu.test(bare) ? null : readPlain(rest, context);
    if (drafts !== null) {
      const scope = rest === bare ? "turn" : "session";
      return drafts.map((one) => ({ ...one, scope }));
    }
  }
  const scope = first !== null && !subject.test(ordered) ? "session" : "turn";
  const kept = steering.test(said) ? quote(said) : said;
  return [{ ...asks("note", said, kept), scope }];
}

/** The instructions that a remark consists of; null if a part of it is anything else. */
function readPlain(text: string, context: RemarkContext): Draft[] | null {
  if (text === "") return null;
  const parts = text.split(/[,.;!]+|\band\b|\bund\b|\bet\b| y | e /iu).map((part) => part.trim());
  for (const language of [english, ...otherLanguages]) {
    const drafts = readParts(parts, language, context);
    if (drafts !== null) return drafts;
  }
  return null;
}

function readParts(
  parts: readonly string[],
  language: PlainLanguage,
  context: RemarkContext,
): Draft[] | null {
  const drafts: Draft[] = [];
  for (const part of parts) {
    const drafted = readPart(part, language, context);
    if (drafted === null) return null;
    if (drafted !== "nothing") drafts.push(drafted);
  }
  return drafts.length === 0 ? null : drafts;
}

function readPart(
  part: string,
  { before, after, plain }: PlainLanguage,
  context: RemarkContext,
): Draft | "nothing" | null {
  let core = part;
  for (;;) {
    if (core === "" || verdict.test(core)) return "nothing";
    for (const { pattern, read } of plain) {
      const match = pattern.exec(core);
      if (match !== null) return read(match, context);
    }
    const shorter = core.replace(before, "").replace(after, "").trim();
    if (shorter === core) return null;
    core = shorter;
  }
}

/** Words by which a request settles a topic itself, so that a standing constraint gives way. */
const settledBy: Record<string, RegExp> = {
  language: new RegExp(
    `\\b(?:in|into) (?:${englishLanguage})\\b|\\bauf \\p{L}+isch\\b|\\ben (?:français|anglais|allemand|español|inglés|francés|alemán|italiano)\\b|\\bin (?:italiano|inglese|francese|tedesco|spagnolo)\\b`,
    "iu",
  ),
  length:
    /\b\d+ (?:words|sentences|lines|paragraphs|pages|characters)\b|\b(?:short|brief|briefly|concise|long|detailed|in detail)\b/iu,
  form: /\b(?:table|bullet points|bullets|numbered list|prose|json|yaml|csv|xml|html|markdown|poem|e-?mail)\b/iu,
};

/** Characters at each end of a request where people say how they want it. */
const instructionChars = 300;

export function settles(request: string, topic: string): boolean {
  const ends =
    request.length <= 2 * instructionChars
      ? request
      : `${request.slice(0, instructionChars)}\n${request.slice(-instructionChars)}`;
  return settledBy[topic]?.test(ends) ?? false;
}

/** The user's own sentence; in quotation marks if it tries to steer the model instead of the reply. */
export function ownSentence(text: string, charsMax: number): string {
  const neutral = neutraliseNote(text, charsMax - 2);
  return steering.test(neutral) ? quote(neutral) : neutral;
}

/** Text in quotation marks, without inner ones that could close them. */
function quote(text: string): string {
  return `“${text.replace(/[“”„‟]/gu, '"')}”`;
}
