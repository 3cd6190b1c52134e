/** Reads constraints out of what a person says, in the person's own language. Pure; it knows no session. */

import { neutraliseNote } from "../neutralise.ts";
import { protect, restore } from "./atoms.ts";
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
/** Common words that give a language away; one alone does not: "lol way 2 long" is no French. */
const localeHitsMin = 2;

/**
 * Languages that are only recognised, so that their common words are not taken for those of a language we know;
 * what is said in them is quoted.
 */
const others: readonly ReadonlySet<string>[] = [
  // Portuguese, Dutch, Polish, Swedish with Danish and Norwegian, Turkish
  "o os um uma uns umas do da dos das em no na nos nas não sem mais menos e ou mas que para por com muito isso isto eu você meu minha curto longo",
  "het een en of maar niet is zijn de van voor met zonder te meer minder ik je jij wij mij dit dat deze korter langer graag op naar",
  "i oraz ale nie jest są w z na do bez bardziej mniej dla to ten ta te proszę krócej dłużej po się",
  "och og men inte ikke är er en ett et det den utan uten mer mindre med för for på kortare kortere tack takk jag jeg",
  "ve ama değil bir bu şu için ile daha az çok lütfen kısa uzun olsun yaz",
].map((list) => new Set(list.split(" ")));

/** The locale of a text, or null where the script or the words are none we know. */
export function detectLocale(text: string): Locale | null {
  return localeOf(text).locale;
}

/** The locale, and how many of the text's words speak for it. */
function localeOf(text: string): { locale: Locale | null; hits: number } {
  const words =
    text
      .slice(0, readCharsMax)
      .toLowerCase()
      .match(/\p{L}+/gu) ?? [];
  if (words.length === 0) return { locale: english, hits: 0 };
  let best: Locale | null = null;
  let hitsMost = 0;
  const hitsOf = (stopwords: ReadonlySet<string>) =>
    words.filter((word) => stopwords.has(word)).length;
  for (const locale of locales) {
    const hits = hitsOf(locale.stopwords);
    if (hits > hitsMost) [best, hitsMost] = [locale, hits];
  }
  for (const stopwords of others) {
    const hits = hitsOf(stopwords);
    if (hits > hitsMost) [best, hitsMost] = [null, hits];
  }
  return { locale: best, hits: hitsMost };
}

/** Characters at each end of a request where people say how they want it. */
const instructionChars = 300;

/** Topics of style on which a request has its own word, so that the session's constraints stand back. */
export function statedTopics(request: string): ReadonlySet<string> {
  const ends =
    request.length <= 2 * instructionChars
      ? request
      : `${request.slice(0, instructionChars)}\n${request.slice(-instructionChars)}`;
  const context: RuleContext = { request: ends, isRequest: true, reply: "", replyWords: 0 };
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
 * The feedback's language is tried first where its words give it away, then the request's, then English:
 * people answer a French request with "shorter please".
 */
export function readConstraints(
  text: string,
  context: RuleContext,
): { drafts: Draft[]; rest: string } {
  const atoms = protect(text.slice(0, readCharsMax));
  let rest = atoms;
  const own = localeOf(rest);
  const asked = detectLocale(context.request);
  const likeliest = own.hits < localeHitsMin ? [asked, own.locale] : [own.locale, asked];
  const order = [...likeliest, english].filter(
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
        if (wholeTopics.has(read.topic) && partOfReply.test(clauseAround(rest, match.index))) {
          continue;
        }
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
  return {
    drafts: settle(drafts).map((one) => ({
      ...one,
      text: restore(one.text),
      value: restore(one.value),
    })),
    rest: restore(remainder(atoms, rest, order[0] ?? english)),
  };
}

/** Topics that are about the whole reply; said of a part of it ("shorten the intro") they are quoted instead. */
const wholeTopics: ReadonlySet<string> = new Set([
  ...["language", "length", "form", "tone", "audience", "tense", "person", "voice", "case"],
  "emphasis",
]);
const partOfReply =
  /\b(?:the|your|my|each|every)\s+(?:(?:first|second|third|fourth|last|final|opening|closing|middle|next|other|whole)\s+){0,2}(?:paragraphs?|sections?|sentences?|intro(?:duction)?|conclusion|ending|beginning|opening|titles?|headings?|headlines?|subject(?: line)?|parts?|bullets?|points?|steps?|chapters?|verses?|stanzas?|lines?|ones?|half|greeting|sign-off|caption)\b/iu;

/** The clause of a text that holds an index. */
function clauseAround(text: string, index: number): string {
  const before =
    text
      .slice(0, index)
      .split(/[.!?;,\n]|\bbut\b/u)
      .at(-1) ?? "";
  const after = text.slice(index).split(/[.!?;,\n]|\bbut\b/u)[0] ?? "";
  return before + after;
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
  const neutral = restore(neutraliseNote(protect(remark), 200)).replace(
    /^[\s,;:.!?]+|[\s,;:]+$/gu,
    "",
  );
  if (!/[\p{L}\p{N}]/u.test(neutral)) return null;
  const words = neutral.split(/\s+/u).length;
  const own = localeOf(neutral);
  const asked = detectLocale(request);
  const locale = words < 4 || own.hits < localeHitsMin ? (asked ?? own.locale) : own.locale;
  const latin = /^[\p{Script=Latin}\P{L}]*$/u.test(neutral);
  const text = latin && locale !== null ? locale.quote(quote(neutral)) : quote(neutral);
  return { topic: "note", value: neutral.toLowerCase(), negated: false, text, scope: "turn" };
}
