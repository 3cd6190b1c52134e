/**
 * A word that nobody taught the model, where a list's operation would stand: "zig them". What a user means by it may
 * be an operation that the model knows well under another name; corrections tell which.
 */
import { listed, listSenses, numeralWords, sentenceWords } from "./lists.ts";
import type { Reading, Sense } from "./sense.ts";

/** The reading that the word is none of the others: the request goes out as it is. */
export const unknownMeaning = "unknown";

/** Clauses by family, as the model knows them best; a family that takes a number has one clause for each. */
const clauses: Record<string, readonly string[]> = {
  sort: ["sort them"],
  shift: numeralWords.map((numeral) => `shift each one by ${numeral}`),
  rotate: ["one", "two"].map((numeral) => `rotate them by ${numeral}`),
  flip: ["flip them"],
  take: ["two", "three"].map((numeral) => `take ${numeral}`),
  dedupe: ["remove duplicates"],
  double: ["repeat them"],
  filter: ["filter the even ones", "filter the vowels", "filter the short ones"],
};

const meanings = listSenses.flatMap(({ id: family, readings }) =>
  (clauses[family] ?? []).flatMap((clause) => readings.map(({ phrase }) => `${clause} ${phrase}`)),
);

/** Verbs of ordinary requests about a list, whose meaning a model knows. */
const knownVerbs =
  "sort|order|arrange|shift|move|rotate|turn|cycle|flip|swap|switch|reverse|take|pick|give|keep|remove|drop|delete|" +
  "repeat|double|duplicate|filter|put|write|say|count|list|make|answer|return|print|show|format|explain|translate|" +
  "describe|compare|find|check|fix|group|number|name|read|add|sum|join|split|rank|call|tell|use|see|get|let|help|" +
  "define|spell|convert|change|edit|improve|rate|summari[sz]e|capitali[sz]e|multiply|divide|average|label|classify|" +
  "combine|merge|mix|shuffle|with|of|for|to|from|in|on|by|at|all|and|or|not|about|between|like|than|as|is|are|do";

/** What is left to the meaning "none of these" before anything is known. */
const unknownPrior = 0.1;

export const newWordSense: Sense = {
  id: "word",
  label: "what the word means",
  // Where a clause of the instruction begins.
  span: `(?<=^\\s*|[.!?;,]\\s+|\\b(?:then|next|and|please|you) )(?!(?:${knownVerbs})\\b)(\\p{L}{2,24}) ${listed}`,
  // A request about a list, whose items follow a colon.
  applies: `\\b${listed}\\b[^:\\n]{0,200}:(?![^:]*\\b(?:${sentenceWords})\\b)\\s*\\S+(?:\\s+\\S+){1,40}\\s*$`,
  hints: [],
  attach: "replace",
  perWord: true,
  shy: true,
  readings: [
    { id: unknownMeaning, phrase: "", cues: [], prior: unknownPrior },
    ...meanings.map(
      (phrase): Reading => ({
        id: phrase.replaceAll(" ", "-"),
        phrase,
        cues: [],
        prior: (1 - unknownPrior) / meanings.length,
      }),
    ),
  ],
};
