/**
 * The examples for phones are parsed by the grammars of their languages. Where a compiler is,
 * test/e2e/phone-examples.test.ts runs them.
 */
import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { expect, it } from "vitest";

const reader = fileURLToPath(new URL("support/syntax-faults.ts", import.meta.url));
const examples = new URL("../../edge/client/examples/", import.meta.url);

it.each([
  ["swift", "quick-start.swift"],
  ["kotlin", "quick-start.kt"],
])("%s has no syntax error, and a missing brace is noticed", (language, file) => {
  const faultsOf = (input: string) =>
    JSON.parse(
      execFileSync(process.execPath, ["--liftoff-only", reader, language], {
        input,
        encoding: "utf8",
      }),
    );
  const text = readFileSync(new URL(file, examples), "utf8");
  expect(faultsOf(text)).toEqual([]);
  const lines = text.split("\n");
  const brace = lines.findLastIndex((line) => line.trim() === "}");
  expect(faultsOf(lines.toSpliced(brace, 1).join("\n"))).not.toEqual([]);
});
