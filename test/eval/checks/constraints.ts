/**
 * Constraints that a reply keeps or does not, with the names and arguments of IFEval (arXiv 2311.07911). A reply is
 * right when it keeps all of them, in the strict reading. `language:response_language` is not among them: recognising
 * languages needs a model.
 */
import { z } from "zod";

const relation = z.enum(["less than", "at least"]);
const count = z.int().min(0);
const text = z.string().min(1);

type Holds = (reply: string) => boolean;

/** Makes a constraint from its arguments; throws a ZodError for wrong ones. */
const rule =
  <T>(schema: z.ZodType<T>, holds: (reply: string, given: T) => boolean) =>
  (given: unknown): Holds => {
    const parsed = schema.parse(given);
    return (reply) => holds(reply, parsed);
  };
const none = z.strictObject({});

const rules: Record<string, (given: unknown) => Holds> = {
  "punctuation:no_comma": rule(none, (reply) => !reply.includes(",")),
  "length_constraints:number_words": rule(
    z.strictObject({ relation, num_words: count }),
    (reply, given) => compare(words(reply).length, given.relation, given.num_words),
  ),
  "length_constraints:number_sentences": rule(
    z.strictObject({ relation, num_sentences: count }),
    (reply, given) => compare(sentences(reply).length, given.relation, given.num_sentences),
  ),
  "length_constraints:number_paragraphs": rule(
    z.strictObject({ num_paragraphs: count }),
    (reply, given) => {
      const parts = reply.split(/\s?\*\*\*\s?/u).map((part) => part.trim());
      if (parts.slice(1, -1).some((part) => part === "")) return false;
      return parts.filter((part) => part !== "").length === given.num_paragraphs;
    },
  ),
  "length_constraints:nth_paragraph_first_word": rule(
    z.strictObject({ num_paragraphs: count, nth_paragraph: z.int().min(1), first_word: text }),
    (reply, given) => {
      const parts = reply.split(/\n\n/u).filter((part) => part.trim() !== "");
      const first = words(parts[given.nth_paragraph - 1] ?? "")[0] ?? "";
      return (
        parts.length === given.num_paragraphs &&
        first.toLowerCase() === given.first_word.toLowerCase()
      );
    },
  ),
  "keywords:existence": rule(z.strictObject({ keywords: z.array(text) }), (reply, given) =>
    given.keywords.every((word) => contains(reply, word)),
  ),
  "keywords:forbidden_words": rule(
    z.strictObject({ forbidden_words: z.array(text) }),
    (reply, given) => !given.forbidden_words.some((word) => occurrences(reply, word, true) > 0),
  ),
  "keywords:frequency": rule(
    z.strictObject({ keyword: text, relation, frequency: count }),
    (reply, given) =>
      compare(occurrences(reply, given.keyword, false), given.relation, given.frequency),
  ),
  "keywords:letter_frequency": rule(
    z.strictObject({ letter: z.string().length(1), let_relation: relation, let_frequency: count }),
    (reply, given) =>
      compare(
        [...reply.toLowerCase()].filter((letter) => letter === given.letter.toLowerCase()).length,
        given.let_relation,
        given.let_frequency,
      ),
  ),
  "detectable_content:number_placeholders": rule(
    z.strictObject({ num_placeholders: count }),
    (reply, given) => (reply.match(/\[.*?\]/gu)?.length ?? 0) >= given.num_placeholders,
  ),
  "detectable_content:postscript": rule(
    z.strictObject({ postscript_marker: text }),
    (reply, { postscript_marker: marker }) =>
      marker === "P.P.S" || marker === "P.S."
        ? new RegExp(marker === "P.S." ? "\\bp\\.\\s?s\\." : "\\bp\\.\\s?p\\.\\s?s", "iu").test(
            reply,
          )
        : contains(reply, marker),
  ),
  "detectable_format:number_bullet_lists": rule(
    z.strictObject({ num_bullets: count }),
    (reply, given) => (reply.match(/^\s*(?:\*[^*]|-).*$/gmu)?.length ?? 0) === given.num_bullets,
  ),
  "detectable_format:number_highlighted_sections": rule(
    z.strictObject({ num_highlights: count }),
    (reply, given) =>
      (reply.match(/\*\*[^\n*]*[^\s*][^\n*]*\*\*|(?<!\*)\*[^\n*]*[^\s*][^\n*]*\*(?!\*)/gu)
        ?.length ?? 0) >= given.num_highlights,
  ),
  "detectable_format:title": rule(none, (reply) => /<<[^\n]*[^\s<>][^\n]*>>/u.test(reply)),
  "detectable_format:json_format": rule(none, (reply) => isJson(withoutFence(reply))),
  "detectable_format:multiple_sections": rule(
    z.strictObject({ section_spliter: text, num_sections: count }),
    (reply, given) =>
      reply.split(new RegExp(`\\s?${escaped(given.section_spliter)}\\s?\\d+\\s?`, "u")).length -
        1 >=
      given.num_sections,
  ),
  "detectable_format:constrained_response": rule(none, (reply) =>
    ["My answer is yes.", "My answer is no.", "My answer is maybe."].some((one) =>
      reply.includes(one),
    ),
  ),
  "change_case:english_capital": rule(none, (reply) => isCase(reply, "upper")),
  "change_case:english_lowercase": rule(none, (reply) => isCase(reply, "lower")),
  "change_case:capital_word_frequency": rule(
    z.strictObject({ capital_relation: relation, capital_frequency: count }),
    (reply, given) =>
      compare(
        words(reply).filter((word) => /\p{Lu}/u.test(word) && word === word.toUpperCase()).length,
        given.capital_relation,
        given.capital_frequency,
      ),
  ),
  "startend:end_checker": rule(z.strictObject({ end_phrase: text }), (reply, given) =>
    reply
      .trim()
      .replace(/^"|"$/gu, "")
      .toLowerCase()
      .endsWith(given.end_phrase.trim().toLowerCase()),
  ),
  "startend:quotation": rule(
    none,
    (reply) => /^"[\s\S]*"$/u.test(reply.trim()) && reply.trim().length > 1,
  ),
  "combination:two_responses": rule(none, (reply) => {
    const parts = reply.split("******").map((part) => part.trim());
    const said = parts.filter((part) => part !== "");
    return said.length === 2 && said[0] !== said[1] && !parts.slice(1, -1).includes("");
  }),
  "combination:repeat_prompt": rule(z.strictObject({ prompt_to_repeat: text }), (reply, given) =>
    reply.trim().toLowerCase().startsWith(given.prompt_to_repeat.trim().toLowerCase()),
  ),
};

export const constraintNames = Object.keys(rules);

export const constraintSchema = z.looseObject({ id: z.string() });
export type Constraint = z.infer<typeof constraintSchema>;

/** @throws Error for no constraint, an unknown one, or arguments that it does not take. */
export function constraintCheck(constraints: readonly Constraint[]): (reply: string) => boolean {
  if (constraints.length === 0) throw new Error('"ifeval" needs constraints');
  const checks = constraints.map(({ id, ...given }) => {
    const found = rules[id];
    if (found === undefined) throw new Error(`there is no constraint "${id}"`);
    try {
      return found(given);
    } catch (error) {
      if (!(error instanceof z.ZodError)) throw error;
      const [issue] = error.issues;
      throw new Error(`${id}: ${issue!.path.join(".") || "arguments"}: ${issue!.message}`);
    }
  });
  return (reply) => reply.trim() !== "" && checks.every((holds) => holds(reply));
}

function compare(value: number, how: z.infer<typeof relation>, bound: number): boolean {
  return how === "less than" ? value < bound : value >= bound;
}

function words(reply: string): string[] {
  return reply.match(/[\p{L}\p{N}_]+(?:['’-][\p{L}\p{N}_]+)*/gu) ?? [];
}

function sentences(reply: string): string[] {
  const segmenter = new Intl.Segmenter("en", { granularity: "sentence" });
  return [...segmenter.segment(reply)]
    .map(({ segment }) => segment)
    .filter((one) => /\S/u.test(one));
}

function contains(reply: string, part: string): boolean {
  return reply.toLowerCase().includes(part.toLowerCase());
}

function occurrences(reply: string, word: string, isWhole: boolean): number {
  const edge = isWhole ? "\\b" : "";
  return reply.match(new RegExp(edge + escaped(word) + edge, "giu"))?.length ?? 0;
}

function escaped(literal: string): string {
  return literal.replace(/[.*+?^${}()|[\]\\]/gu, "\\$&");
}

function withoutFence(reply: string): string {
  return /^```(?:json)?\n?([\s\S]*?)\n?```$/iu.exec(reply.trim())?.[1] ?? reply;
}

function isJson(value: string): boolean {
  try {
    JSON.parse(value);
    return true;
  } catch {
    return false;
  }
}

function isCase(reply: string, which: "upper" | "lower"): boolean {
  const changed = which === "upper" ? reply.toUpperCase() : reply.toLowerCase();
  return /\p{L}/u.test(reply) && reply === changed;
}
