/** The examples for phones, before the grammars of their languages: no compiler of Swift or Kotlin runs in the tests. */
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { setFlagsFromString } from "node:v8";
import { beforeAll, expect, it } from "vitest";
import Parser from "web-tree-sitter";

beforeAll(async () => {
  // One reading is not worth optimising the grammars' large functions, which takes gigabytes.
  setFlagsFromString("--no-wasm-tier-up");
  await Parser.init();
});

it.each([
  ["swift", "quick-start.swift"],
  ["kotlin", "quick-start.kt"],
])("%s has no fault of syntax, and one that is put in is found", async (language, file) => {
  const grammar = import.meta.resolve(`tree-sitter-wasms/out/tree-sitter-${language}.wasm`);
  const parser = new Parser();
  parser.setLanguage(await Parser.Language.load(fileURLToPath(grammar)));
  const faultsOf = (text: string) => faultsBelow(parser.parse(text).rootNode);
  const examples = new URL("../../edge/client/examples/", import.meta.url);
  const text = readFileSync(new URL(file, examples), "utf8");
  expect(faultsOf(text)).toEqual([]);
  const lines = text.split("\n");
  const brace = lines.findLastIndex((line) => line.trim() === "}");
  expect(faultsOf(lines.toSpliced(brace, 1).join("\n"))).not.toEqual([]);
  expect(faultsOf(text.replace("(", "(("))).not.toEqual([]);
});

/** What the grammar cannot read, with its line. */
function faultsBelow(node: Parser.SyntaxNode): string[] {
  if (node.isError || node.isMissing) return [`${node.startPosition.row + 1}: ${node.text}`];
  return node.children.flatMap((child) => (child.hasError ? faultsBelow(child) : []));
}
