/** Reads constraints out of what a person says, in the person's own language. Pure; it knows no session. */

import { neutraliseNote } from "../neutralise.ts";
import { english } from "./english.ts";
import { french } from "./french.ts";
import { german } from "./german.ts";
import { italian } from "./italian.ts";
import { type Draft, type Locale, quote, type RuleContext, stacks, steering } from "./rule.ts";
import { spanish } from "./spanish.ts";

const locales: readonly Locale[] = [english, german, french, spanish, italian];

/** Characters of feedback that are read; the rest is ignored. */
const readCharsMax = 2_000;
const draftsMax = 12;

/** The locale of a text, or null where the script or the words are none we know. */
export function detectLocale(text: string): Locale | null {
  const words =
    text
      .slice(0, readCharsMax)
      .toLowerCase()
      .match(/\p{L}+/gu) ?? [];
  if (words.length === 0) return english;
  let best: Locale | null = null;
  let hitsMost = 0;
  for (const locale of locales) {
    const hits = words.filter((word) => locale.stopwords.has(word)).length;
    if (hits > hitsMost) [best, hitsMost] = [locale, hits];
  }
  return best;
}

/** Characters at each end of a request where people say how they want it. */
const instructionChars = 300;

/** Topics of style on which a request has its own word, so that the session's constraints stand back. */
export function statedTopics(request: string): ReadonlySet<string> {
  const ends =
    request.length <= 2 * instructionChars
      ? request
      : `${request.slice(0, instructionChars)}\n${request.slice(-instructionChars)}`;
  const context: RuleContext = { request: ends, reply: "", replyWords: 0 };
  const topics = new Set<string>();
  for (const rule of (detectLocale(ends) ?? english).styleRules) {
    if (rule.anchor?.test(ends) === false) continue;
    for (const match of ends.matchAll(rule.pattern)) {
      const topic = rule.read(match, context)?.topic;
      if (topic !== undefined) topics.add(topic);
    }
  }
  return topics;
}

/**
 * Constraints stated in `text`, and what no rule understood, as said.
 *
 * The feedback's language is tried first, then the request's, then English: people answer a French
 * request with "shorter please".
 */
export function readConstraints(
  text: string,
  context: RuleContext,
): { drafts: Draft[]; rest: string } {
  let rest = text.slice(0, readCharsMax);
  const own = detectLocale(rest);
  const order = [own, detectLocale(context.request), english].filter(
    (locale, i, all): locale is Locale => locale !== null && all.indexOf(locale) === i,
  );
  const drafts: Draft[] = [];
  for (const locale of order) {
    // Text that speaks to the model may set style, which is a closed list; the rest of it is quoted.
    for (const rule of steering.test(text) ? locale.styleRules : locale.rules) {
      if (rule.anchor?.test(rest) === false) continue;
      for (const match of [...rest.matchAll(rule.pattern)]) {
        if (drafts.length >= draftsMax) break;
        const read = rule.read(match, context);
        if (read === null) continue;
        const scope = locale.always.test(text)
          ? "session"
          : locale.once.test(text)
            ? "turn"
            : read.scope;
        drafts.push({ ...read, scope });
        const at = match.index;
        rest = `${rest.slice(0, at)}${"\ue000".repeat(match[0].length)}${rest.slice(at + match[0].length)}`;
      }
    }
  }
  return { drafts: settle(drafts), rest: remainder(text, rest, order[0] ?? english) };
}

/** What is left after the rules took their share, clause by clause, without words that say nothing. */
function remainder(text: string, rest: string, locale: Locale): string {
  const clauses: string[] = [];
  for (const match of rest.matchAll(/[^.!?;\n,]+(?:[.,](?=\d)[^.!?;\n,]*)*/gu)) {
    const own = match[0];
    const words = own
      .replaceAll("\ue000", " ")
      .replace(english.filler, " ")
      .replace(locale.filler, " ")
      .match(/[\p{L}\p{N}]+/gu);
    const taken = own.includes("\ue000");
    // Beside understood words a scrap or two is how people talk; more is something they mean.
    if (words === null || words.length < (taken ? 3 : 1)) continue;
    clauses.push(text.slice(match.index, match.index + own.length).trim());
  }
  return clauses.join(", ");
}

/** What one feedback says of one topic belongs together: "by price, cheapest first". */
function settle(drafts: readonly Draft[]): Draft[] {
  const settled: Draft[] = [];
  for (const one of drafts) {
    const same = settled.findIndex(
      (other) => other.topic === one.topic && !stacks(one.topic) && other.negated === one.negated,
    );
    const before = settled[same];
    if (before === undefined) settled.push(one);
    else if (!before.text.includes(one.text)) {
      settled[same] = { ...before, value: one.value, text: `${before.text} ${one.text}` };
    }
  }
  return settled;
}

/**
 * The sentence for a remark that no rule understood, in the remark's own language; a remark of a few words
 * is taken to be in the request's. Null when nothing readable is left of it.
 */
export function quotedRemark(remark: string, { request }: RuleContext): Draft | null {
  const neutral = neutraliseNote(remark, 200).replace(/^[\s,;:.!?]+|[\s,;:]+$/gu, "");
  if (!/[\p{L}\p{N}]/u.test(neutral)) return null;
  const words = neutral.split(/\s+/u).length;
  const own = detectLocale(neutral);
  const locale = words < 4 ? (detectLocale(request) ?? own) : (own ?? detectLocale(request));
  const latin = /^[\p{Script=Latin}\P{L}]*$/u.test(neutral);
  const text = latin && locale !== null ? locale.quote(quote(neutral)) : quote(neutral);
  return { topic: "note", value: neutral.toLowerCase(), negated: false, text, scope: "turn" };
}
