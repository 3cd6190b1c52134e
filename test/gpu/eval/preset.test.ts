import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { seededRandom } from "@rosa2/shared/random";
import { expect, test } from "vitest";
import { openSuites, planCells } from "../../eval/cells.ts";
import { Journal } from "../../eval/journal.ts";
import { dataSets, openPreset } from "../../eval/preset.ts";
import { temporaryFolder } from "../support/temporary-folder.ts";
import { FakeApi } from "./support/fake-api.ts";
import { holdCells, settingsOf, temporaryFile } from "./support/harness.ts";

/** Invented problems in the form of each data set. */
const gsm8k = {
  question: "Ann has 3 pens. She buys 4 more for $1,200.50 each. How many pens does Ann have?",
  answer: "She has 3 + 4 = <<3+4=7>>7 pens.\n#### 7",
};
const math = {
  problem: "What is half of $\\frac{1}{2}$?",
  solution: "It is $\\boxed{\\frac{1}{4}}$.",
  answer: "\\frac{1}{4}",
};
const kept = {
  key: 1000,
  prompt: "Write about rain without commas.",
  instruction_id_list: ["punctuation:no_comma", "length_constraints:number_words"],
  kwargs: [{}, { relation: "at least", num_words: 2, num_sentences: null }],
};
const unjudged = {
  ...kept,
  key: 1001,
  instruction_id_list: ["language:response_language"],
  kwargs: [{ language: "hi" }],
};

function dataFolder(files: Record<string, object[]>): string {
  const folder = temporaryFolder();
  for (const [name, lines] of Object.entries(files)) {
    mkdirSync(join(folder, name, ".."), { recursive: true });
    writeFileSync(join(folder, name), lines.map((line) => JSON.stringify(line)).join("\n"));
  }
  return folder;
}
const all = () =>
  dataFolder({
    "gsm8k/test.jsonl": [gsm8k],
    "math/test.jsonl": [math],
    "ifeval/input_data.jsonl": [kept, unjudged],
  });

test("asks GSM8K's question first, and reveals one sentence a try", async () => {
  const [suite] = openPreset(all());
  expect(suite!.name).toBe("gsm8k-shards");
  const [problem] = suite!.sessions[0]!.problems;
  expect(problem!.request).toBe("How many pens does Ann have?");
  expect(problem!.triesMax).toBe(3);
  const said = [0, 1].map((i) => problem!.comment(seededRandom(1), "?", i));
  expect(said).toEqual(["Ann has 3 pens.", "She buys 4 more for $1,200.50 each."]);
  expect(problem!.correction).toBe("She has 3 + 4 = 7 pens.\n#### 7");
  expect(await problem!.isRight("So it is 7.")).toBe(true);
});

test("judges MATH by value and IFEval by its constraints, and counts what it cannot judge", async () => {
  const [, mathSuite, ifeval] = openPreset(all());
  expect(await mathSuite!.sessions[0]!.problems[0]!.isRight("\\boxed{0.25}")).toBe(true);
  expect(ifeval).toMatchObject({ name: "ifeval", leftOut: 1 });
  const [problem] = ifeval!.sessions[0]!.problems;
  expect(await problem!.isRight("rain falls")).toBe(true);
  expect(await problem!.isRight("rain, falls")).toBe(false);
});

test("says what each file must be called and where it is published", () => {
  for (const { file, source } of Object.values(dataSets)) {
    expect(() => openPreset(dataFolder({}))).toThrow(`DIR/${file}`);
    expect(() => settingsOf("--preset paper")).toThrow(source);
  }
  expect(() => settingsOf("--data x")).toThrow("--data belongs to --preset paper");
  expect(() => settingsOf("--preset other --data x")).toThrow('--preset "other" is none of paper');
});

test("names the line of a file that is not what it should be", () => {
  const folder = dataFolder({ "gsm8k/test.jsonl": [gsm8k, { question: "?" }] });
  expect(() => openPreset(folder)).toThrow(/gsm8k\/test.jsonl:2: answer/);
  const unanswered = dataFolder({ "gsm8k/test.jsonl": [{ ...gsm8k, answer: "7" }] });
  expect(() => openPreset(unanswered)).toThrow(/:1: the answer has no ####/);
});

test("runs the data sets that are there under every condition, and continues where it stopped", async () => {
  const fake = new FakeApi(
    new Map([
      ["How many pens does Ann have?", { answer: "7" }],
      [`${math.problem}\nPut the final answer in \\boxed{}.`, { answer: "\\boxed{1/4}" }],
    ]),
  );
  const url = await fake.listen();
  const settings = settingsOf(
    `--preset paper --data ${all()} --conditions none,both --seeds 1 --sessions 1`,
  );
  const cells = planCells(settings, openSuites(settings));
  const path = temporaryFile("j.jsonl");
  const journal = await holdCells(url, settings, cells, path);
  const solved = journal.sessions.map(({ suite, problems }) => [suite, problems[0]!.solved]);
  expect(solved).toContainEqual(["gsm8k-shards", true]);
  expect(solved).toContainEqual(["math", true]);
  expect(solved).toContainEqual(["ifeval", false]);
  fake.calls.length = 0;
  await holdCells(url, settings, cells, path);
  expect(fake.calls).toEqual([]);
  expect(new Journal(path, settings, "fake-student").sessions).toHaveLength(6);
  fake.close();
});
