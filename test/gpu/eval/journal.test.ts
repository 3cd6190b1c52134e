import { appendFileSync, readFileSync, writeFileSync } from "node:fs";
import { expect, test } from "vitest";
import { Journal, type SessionRecord } from "../../eval/journal.ts";
import { nothingSpent } from "../../eval/students/student.ts";
import { settingsOf, temporaryFile } from "./support/harness.ts";

const settings = settingsOf("");
const record: SessionRecord = {
  kind: "session",
  suite: "MIX",
  condition: "both",
  seed: 1,
  index: 0,
  problems: [{ solved: true, tries: 1, shift: 0.25 }],
  probes: { count: 9, before: 9, after: 8 },
  spent: nothingSpent(),
};
const cell = { suite: "MIX", condition: "both", seed: 1 };

test("knows after a restart what was finished before", () => {
  const path = temporaryFile("journal.jsonl");
  new Journal(path, settings, "m").add(record);
  const again = new Journal(path, settings, "m");
  expect(again.sessions).toEqual([record]);
  expect(again.holds(cell, 0)).toBe(true);
  expect(again.holds(cell, 1)).toBe(false);
  expect(again.holds({ ...cell, seed: 2 }, 0)).toBe(false);
});

test("drops a line that was cut off, and writes below it", () => {
  const path = temporaryFile("journal.jsonl");
  new Journal(path, settings, "m").add(record);
  appendFileSync(path, JSON.stringify({ ...record, index: 1 }).slice(0, 40));
  const again = new Journal(path, settings, "m");
  expect(again.holds(cell, 1)).toBe(false);
  again.add({ ...record, index: 1 });
  expect(new Journal(path, settings, "m").sessions.map(({ index }) => index)).toEqual([0, 1]);
});

test("writes on after a line that lacks only its line end", () => {
  const path = temporaryFile("journal.jsonl");
  new Journal(path, settings, "m").add(record);
  writeFileSync(path, readFileSync(path, "utf8").trimEnd());
  new Journal(path, settings, "m").add({ ...record, index: 1 });
  expect(new Journal(path, settings, "m").sessions).toHaveLength(2);
});

test("lets seeds, suites and sessions be added", () => {
  const path = temporaryFile("journal.jsonl");
  new Journal(path, settings, "m").add(record);
  const more = settingsOf("--suite CAP,MIX --seeds 1-9 --sessions 50 --conditions none,both");
  expect(new Journal(path, more, "m").sessions).toHaveLength(1);
});

test("refuses sessions of another model or protocol", () => {
  const path = temporaryFile("journal.jsonl");
  new Journal(path, settings, "m").add(record);
  expect(() => new Journal(path, settings, "n")).toThrow(/was made with model "m", not "n"/);
  expect(() => new Journal(path, settingsOf("--tries 5"), "m")).toThrow(/with tries 3, not 5/);
});

test("refuses a file that is not a journal", () => {
  const path = temporaryFile("journal.jsonl");
  writeFileSync(path, '{"results": []}\n');
  expect(() => new Journal(path, settings, "m")).toThrow(/is not a journal/);
});
