import { describe, expect, test } from "vitest";
import { conditionNames } from "../../eval/conditions.ts";
import { helpText, readSettings } from "../../eval/settings.ts";
import { suiteNames } from "../../eval/suites.ts";
import { settingsOf } from "./support/harness.ts";

test("runs MIX on three seeds by default", () => {
  expect(settingsOf("")).toMatchObject({
    url: "http://127.0.0.1:8787",
    isUrlGiven: false,
    suites: ["MIX"],
    conditions: ["none", "never", "words", "weights", "both"],
    seeds: [1, 2, 3],
    protocol: "B",
    tries: 3,
    length: 12,
    corrections: true,
  });
});

test("gives protocol A its eight tries at one problem, without corrections", () => {
  expect(settingsOf("--protocol A")).toMatchObject({ tries: 8, length: 1, corrections: false });
});

test("runs conditions that adapt after those that do not, in whatever order they were named", () => {
  expect(settingsOf("--conditions both,none").conditions).toEqual(["none", "both"]);
});

test("takes ranges of seeds and the whole plane", () => {
  expect(settingsOf("--seeds 5001-5003,7").seeds).toEqual([5001, 5002, 5003, 7]);
  expect(settingsOf("--suite plane").suites).toEqual([
    "EASY",
    "AMB",
    "CAP",
    "MIX",
    "THREE",
    "THREEA",
    "LONG",
    "LONGA",
  ]);
  expect(settingsOf("--no-corrections").corrections).toBe(false);
});

test("measures rewriting with one word, and lets every flag overrule it", () => {
  expect(settingsOf("--suite words")).toMatchObject({
    suites: ["ONE", "AMB", "MIX", "UNTAUGHT"],
    conditions: ["none", "said", "appended", "proposed", "compose", "gpu"],
    protocol: "A",
    tries: 3,
    length: 1,
    corrections: false,
    temperature: 0,
  });
  expect(settingsOf("--suite words --tries 2 --conditions compose,said")).toMatchObject({
    conditions: ["said", "compose"],
    tries: 2,
  });
});

test("names every suite and condition in its help", () => {
  expect(readSettings(["--help"])).toBeNull();
  for (const name of [...suiteNames, ...conditionNames]) expect(helpText()).toContain(` ${name} `);
});

describe("refuses with the flag and what is allowed", () => {
  test.each([
    ["--suite MX", /--suite "MX" is none of .*MIX.* nor a .jsonl file/],
    ["--conditions both,magic", /--conditions "magic" is none of none, /],
    ["--conditions both,both", /--conditions names both twice/],
    ["--seeds 1,x", /--seeds "x" is neither a whole number nor a range/],
    ["--seeds 3-1", /--seeds "3-1" is no range/],
    ["--sessions 0", /--sessions "0" is not a whole number of at least 1/],
    ["--tries 2.5", /--tries "2.5" is not a whole number/],
    ["--temperature hot", /--temperature "hot" is not a number from 0 to 2/],
    ["--protocol C", /--protocol "C" is none of A, B/],
    ["--url localhost:1", /--url "localhost:1" is not an http\(s\) URL/],
    ["--speed 9", /--speed.*See --help/],
  ])("%s", (line, message) => {
    expect(() => settingsOf(line)).toThrow(message);
  });
});
