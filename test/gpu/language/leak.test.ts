/** The product does not know the language that it is measured by: the language's phrases occur nowhere in it. */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { additions } from "../../../gpu-service/language/notes/additions.ts";
import { noteSpans } from "../../../gpu-service/language/notes/question.ts";
import {
  noteHints,
  noteSenses,
  noteStatements,
  noteSynonyms,
} from "../../../gpu-service/language/notes/senses.ts";
import { families, senseOf } from "../../../gpu-service/language/operations.ts";
import {
  hints,
  statements,
  synonyms,
  vagueSpans,
} from "../../../gpu-service/language/phrasings.ts";

const root = fileURLToPath(new URL("../../../", import.meta.url));
/** The examples that people are shown are about lists too, so they are left out. */
const shown = ["edge/src/docs/"];

/** Phrases of two words and more; shorter ones are ordinary English. */
function phrases(): string[] {
  const slots = [...families, "format"] as const;
  const nouns = { noun: "digit", markedNames: ["even ones", "vowels", "short ones"] };
  const all = [
    ...slots.flatMap((slot) => senseOf(slot).readings.map(({ phrase }) => phrase)),
    ...[synonyms, statements].flatMap((table) =>
      Object.values(table).flatMap((readings) => Object.values(readings).flat()),
    ),
    ...Object.values(hints).flat(),
    ...families.flatMap((family) => vagueSpans(family, nouns, "two")),
    ...Object.values(noteSenses).flatMap(({ readings }) => readings.map(({ phrase }) => phrase)),
    ...[noteSynonyms, noteStatements].flatMap((table) =>
      Object.values(table).flatMap((readings) => Object.values(readings).flat()),
    ),
    ...Object.values(noteHints).flat(),
    ...noteSpans,
    ...Object.values(additions).map(({ phrase }) => phrase),
  ];
  return [...new Set(all)].filter((phrase) => phrase.includes(" "));
}

function filesOf(folder: string): string[] {
  return readdirSync(join(root, folder), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && entry.name.endsWith(".ts"))
    .map(({ parentPath, name }) => join(parentPath, name).slice(root.length))
    .filter((path) => !shown.some((one) => path.startsWith(one)));
}

/** Without comments, because no request passes through them. */
function codeOf(source: string): string {
  return source.replace(/\/\*[\s\S]*?\*\//gu, "").replace(/(^|\s)\/\/.*$/gmu, "$1");
}

describe("the language of lists and notes", () => {
  it("has more than a hundred phrases to look for", () => {
    expect(phrases().length).toBeGreaterThan(100);
  });

  it("is unknown to edge/src and shared/src", () => {
    const files = [...filesOf("edge/src"), ...filesOf("shared/src")];
    expect(files.length).toBeGreaterThan(100);
    const found = files.flatMap((path) => {
      const text = codeOf(readFileSync(join(root, path), "utf8")).toLowerCase();
      return phrases()
        .filter((phrase) => text.includes(phrase))
        .map((phrase) => `${path}: ${phrase}`);
    });
    expect(found).toEqual([]);
  });

  it("is imported by neither", () => {
    const importing = [...filesOf("edge/src"), ...filesOf("shared/src")].filter((path) =>
      /from "[^"]*gpu-service/u.test(readFileSync(join(root, path), "utf8")),
    );
    expect(importing).toEqual([]);
  });
});
