import { writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { seededRandom } from "@rosa2/shared/random";
import { describe, expect, test } from "vitest";
import { openSuites } from "../../eval/cells.ts";
import { readJsonlSuite } from "../../eval/jsonl-suite.ts";
import { settingsOf, temporaryFile } from "./support/harness.ts";

const example = fileURLToPath(new URL("../../eval/suites/example.jsonl", import.meta.url));

function suiteFile(...lines: (object | string)[]): string {
  const file = temporaryFile("suite.jsonl");
  const texts = lines.map((line) => (typeof line === "string" ? line : JSON.stringify(line)));
  writeFileSync(file, texts.join("\n"));
  return file;
}

const line = { id: "a", request: "2 + 2?", answer: "4" };

test("reads the example that ships", async () => {
  const sessions = readJsonlSuite(example);
  expect(sessions.map(({ problems }) => problems.length)).toEqual([1, 2, 2, 1]);
  for (const { problems } of sessions) {
    for (const { correction, isRight } of problems) expect(await isRight(correction!)).toBe(true);
  }
});

test("gathers the lines of a session, with its instructions, in their order", () => {
  const [lone, shared] = readJsonlSuite(
    suiteFile(
      { ...line, id: "s" },
      { ...line, id: "b", session: "s", request: "first", instructions: "Be brief." },
      { ...line, id: "c", session: "s", request: "second" },
    ),
  );
  expect(lone!.instructions).toBeNull();
  expect(shared!.instructions).toBe("Be brief.");
  expect(shared!.problems.map(({ request }) => request)).toEqual(["first", "second"]);
});

test("gives the follow-ups in turn, then only says that the reply is wrong", () => {
  const file = suiteFile({ ...line, follow_ups: ["in words", "in English"] });
  const [problem] = readJsonlSuite(file)[0]!.problems;
  const comments = [0, 1, 2].map((index) => problem!.comment(seededRandom(1), "5", index));
  expect(comments.slice(0, 2)).toEqual(["in words", "in English"]);
  expect(comments[2]).toMatch(/^(wrong|no|not that|try again)$/);
});

test("corrects with the answer, unless it is a pattern or another correction is given", () => {
  const file = suiteFile(
    line,
    { ...line, id: "b", answer: "^4$", check: "regex" },
    { ...line, id: "c", correction: "2 + 2 = 4" },
    { ...line, id: "d", correction: null },
  );
  const corrections = readJsonlSuite(file).map(({ problems }) => problems[0]!.correction);
  expect(corrections).toEqual(["4", null, "2 + 2 = 4", null]);
});

test("asks the file's probes at the end of every session, and none of them as a problem", () => {
  const sessions = readJsonlSuite(
    suiteFile(
      line,
      { ...line, id: "p", request: "3 + 3?", answer: "6", probe: true },
      { ...line, id: "b" },
    ),
  );
  expect(sessions.map(({ problems }) => problems.length)).toEqual([1, 1]);
  for (const { probes } of sessions)
    expect(probes.map(({ request }) => request)).toEqual(["3 + 3?"]);
});

test("takes a problem's own tries, constraints and language", async () => {
  const constraints = [{ id: "punctuation:no_comma" }];
  const [own, kept] = readJsonlSuite(
    suiteFile({ ...line, tries: 5 }, { id: "k", request: "Write.", check: "ifeval", constraints }),
  );
  expect(own!.problems[0]!.triesMax).toBe(5);
  expect(kept!.problems[0]!.correction).toBeNull();
  expect(await kept!.problems[0]!.isRight("no pause")).toBe(true);
});

test("lets every seed take its own sample of the sessions", () => {
  const lines = Array.from({ length: 20 }, (_, i) => ({ ...line, id: `q${i}`, request: `q${i}` }));
  const [suite] = openSuites(settingsOf(`--suite ${suiteFile(...lines)} --sessions 5`));
  const sample = (seed: number) =>
    Array.from({ length: 5 }, (_, index) => suite!.draw(seed, index).problems[0]!.request);
  expect(sample(1)).toEqual(sample(1));
  expect(sample(2)).not.toEqual(sample(1));
  expect(new Set(sample(1)).size).toBe(5);
});

describe("a bad file is refused with its line", () => {
  test.each([
    ["not JSON", ["{"], /:1: not JSON/],
    ["a missing field", [line, { id: "b", request: "?" }], /:2: answer/],
    ["an unknown field", [{ ...line, anwser: "4" }], /:1: .*anwser/],
    ["an unknown check", [{ ...line, check: "fuzzy" }], /:1: check/],
    [
      "a number that is none",
      [{ ...line, answer: "four", check: "numeric" }],
      /:1: answer: "four"/,
    ],
    ["an id used twice", [line, line], /:2: id "a" is used twice/],
    ["no lines", [], /holds no lines/],
  ])("%s", (_what, lines, message) => {
    expect(() => readJsonlSuite(suiteFile(...lines))).toThrow(message);
  });

  test("a file that is not there", () => {
    expect(() => readJsonlSuite("nowhere.jsonl")).toThrow(/Cannot read the suite nowhere.jsonl/);
  });
});
