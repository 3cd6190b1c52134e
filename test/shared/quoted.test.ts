/** The README's tables of what rosa2 gains hold the figures that the evaluation wrote. */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";

interface Estimate {
  mean: number;
  se: number;
}
interface Interval {
  mean: number;
  low: number;
  high: number;
}
interface Mean {
  suite: string;
  condition: string;
  sessions: number;
  first_try: Estimate;
  late_first_try: Estimate;
  solved: Estimate;
  tries: Estimate;
  shift_at_success: Estimate | null;
  forgetting: Estimate | null;
}
interface Quoted {
  settings: { suites: string[]; conditions: string[]; seeds: number[]; sessions: number };
  means: Mean[];
  paired: { suite: string; than: string; late_first_try: Interval | null }[];
}

const root = fileURLToPath(new URL("../../", import.meta.url));
const folder = join(root, "test/eval/quoted");
const readme = readFileSync(join(root, "README.md"), "utf8");
const conditions: Record<string, string> = {
  "dialogue only": "none",
  "whole session in view": "history",
  "remarks below the request": "composed",
  "one operation at a time": "plan",
  words: "words",
  weights: "weights",
  both: "both",
  "perfect words": "oracle",
  "perfect words, one operation at a time": "oracle_plan",
};

const share = (value: number) =>
  value
    .toFixed(3)
    .replace(/^(-?)0/, "$1")
    .replace("-", "−");
const signed = (value: number) => (value < 0 ? "" : "+") + share(value);
const withError = ({ mean, se }: Estimate) => `${share(mean)} ± ${se.toFixed(2).replace(/^0/, "")}`;

/** Rows of the tables under a heading as the cells that they should be, by suite and condition. */
function tableRows(heading: string): string[][] {
  const [, section = ""] = readme.split(`## ${heading}\n`);
  let suite = "";
  return section
    .split("\n## ")[0]!
    .split("\n")
    .filter((line) => /^\| (?!suite)/.test(line))
    .map((line) => {
      const [of, condition, ...cells] = line
        .replaceAll("**", "")
        .split("|")
        .slice(1, -1)
        .map((cell) => cell.trim());
      suite = of || suite;
      return [suite, condition!, ...cells];
    });
}

describe("what the README says that rosa2 gains", () => {
  const files = readdirSync(folder).map(
    (name): Quoted => JSON.parse(readFileSync(join(folder, name), "utf8")),
  );
  const rows = tableRows("What it gains so far");

  it("is every cell that was run, and no other", () => {
    const run = files.flatMap(({ means }) => means.map((m) => `${m.suite}/${m.condition}`));
    expect(rows.map(([suite, name]) => `${suite}/${conditions[name!]}`).toSorted()).toEqual(
      run.toSorted(),
    );
  });

  it("is what was measured", () => {
    for (const [suite, name, ...cells] of rows) {
      const condition = conditions[name!]!;
      const file = files.find(({ settings }) => settings.suites.includes(suite!))!;
      const found = file.means.find((m) => m.suite === suite && m.condition === condition)!;
      const late = file.paired.find((p) => p.suite === suite && p.than === condition);
      const gain = late?.late_first_try;
      expect(cells, `${suite} ${name}`).toEqual([
        share(found.first_try.mean),
        withError(found.late_first_try),
        share(found.solved.mean),
        found.tries.mean.toFixed(2),
        found.shift_at_success?.mean.toFixed(2) ?? "",
        found.forgetting === null ? "" : share(found.forgetting.mean),
        gain ? `${signed(gain.mean)} [${signed(gain.low)} ${signed(gain.high)}]` : "",
      ]);
    }
  });

  it("names the seeds and the sessions of the commands", () => {
    for (const { settings } of files) {
      const [first, last] = [settings.seeds[0], settings.seeds.at(-1)];
      const command = `--suite ${settings.suites.join(",")} --conditions ${settings.conditions.join(",")} --seeds ${first}-${last} --sessions ${settings.sessions}`;
      expect(readme).toContain(command);
      expect(settings.seeds).toHaveLength(last! - first! + 1);
    }
  });
});
