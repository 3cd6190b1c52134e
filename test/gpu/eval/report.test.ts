import { describe, expect, test } from "vitest";
import { compare } from "../../eval/comparison.ts";
import { renderHtml } from "../../eval/report/html.ts";
import { barPlot, heatMap, linePlot } from "../../eval/report/plots.ts";
import { renderComparisons, renderTable, renderWordingGains } from "../../eval/report/table.ts";
import { columnNames, type MeanRow } from "../../eval/results.ts";
import type { Place } from "../../eval/suites.ts";
import { settingsOf } from "./support/harness.ts";

function meanRow(suite: string, condition: MeanRow["condition"], late: number): MeanRow {
  const columns = Object.fromEntries(columnNames.map((name) => [name, null]));
  return {
    ...(columns as Record<(typeof columnNames)[number], null>),
    late_first_try: { mean: late, se: 0.012, count: 3 },
    tries: { mean: 3 - late, se: null, count: 1 },
    suite,
    condition,
    seeds: 3,
    sessions: 24,
    problems: 288,
    curve: [{ mean: 0.1, se: 0.05, count: 3 }, null, { mean: late, se: null, count: 1 }],
  };
}

const means = [
  meanRow("MIX", "none", 0.25),
  meanRow("MIX", "words", 0.5),
  meanRow("MIX", "weights", 0.375),
  meanRow("MIX", "both", 0.75),
  meanRow("AMB", "both", 0.875),
];
const places = new Map<string, Place | null>([
  ["MIX", { ambiguity: "ambiguous", incapacity: "held-out pair" }],
  ["AMB", { ambiguity: "ambiguous", incapacity: "trained pair" }],
]);
const report = {
  model: "<b>model & co</b>",
  url: "http://127.0.0.1:1",
  at: "2026-11-23T00:00:00.000Z",
  settings: settingsOf(""),
  means,
  comparisons: compare(means, []),
  lost: [
    {
      ...{ condition: "both", shards: 0.9, whole: 0.95, over_whole: 0.9474, sessions: 40 },
      over_concatenated: { mean: 0.25, low: 0.1, high: 0.4, count: 40 },
    },
  ],
  paired: [
    {
      suite: "MIX",
      of: "both" as const,
      than: "weights" as const,
      first_try: null,
      late_first_try: { mean: 0.147, low: 0.121, high: 0.173, count: 24 },
      solved: null,
      tries: { mean: -0.5, low: null, high: null, count: 1 },
    },
  ],
  wordings: [
    {
      suite: "ONE",
      rewriter: "compose" as const,
      second_try: { said: { mean: 2, se: 0.5, count: 2 }, appended: null, none: null },
      solved: { said: null, appended: { mean: 1.5, se: null, count: 1 }, none: null },
      repaired: { said: null, appended: { mean: 4, se: 1, count: 2 }, none: null },
    },
  ],
  places,
};

describe("the table", () => {
  test("aligns its columns and marks what was not measured", () => {
    const lines = renderTable(means).split("\n");
    expect(lines).toHaveLength(6);
    expect(lines[1]).toMatch(/^AMB {2,}both +3 +24×12 +– +0\.875 ±0\.012 +– +– +2\.13 /);
    expect(new Set(lines.map((line) => line.indexOf("±0.012")).filter((at) => at > 0)).size).toBe(
      1,
    );
  });

  test("says gains in percent of the other condition", () => {
    const [, mix, amb] = renderComparisons(compare(means, [])).split("\n");
    expect(amb).toMatch(/^AMB( +–){6}$/);
    expect(mix).toMatch(/^MIX +\+50 % +\+50 % +-10 % +-18 % +– +–$/);
  });
});

test("says how many times as often a rewritten request succeeds", () => {
  const [head, one] = renderWordingGains(report.wordings).split("\n");
  expect(head).toMatch(/by 2nd \/ said +by 2nd \/ appended +by 2nd \/ none +solved \/ said/);
  expect(one).toMatch(/^ONE +compose +2\.00 ±0\.50 +– +– +– +1\.50 +– +4\.00 ±1\.00 +–$/);
  expect(renderHtml(report)).toContain("2.00 ±0.50");
});

test("names no best axis where only one was run", () => {
  const partly = means.filter(({ condition }) => condition !== "weights");
  expect(compare(partly, [])[0]).toMatchObject({ late_over_best_axis: null, late_over_words: 0.5 });
});

describe("the page", () => {
  const page = renderHtml(report);

  test("loads nothing and runs nothing", () => {
    expect(page).not.toMatch(/<script|<link|<img|<iframe|@import|url\(|\b(?:src|href)=/i);
  });

  test("shows every suite and condition, and the plane", () => {
    for (const name of ["MIX", "AMB"]) expect(page).toContain(`<h2>${name}</h2>`);
    for (const name of ["none", "words", "both"]) expect(page).toContain(`${name}: late first-try`);
    expect(page).toContain("ambiguous, held-out pair: 0.750");
    expect(page).toContain("clear, held-out pair: not run");
  });

  test("states the gain of both with its interval and the number of sessions", () => {
    expect(page).toContain("<td>24</td><td>–</td><td>+0.147 [+0.121 +0.173]</td>");
    expect(page).toContain("<td>24×12</td>");
    expect(page).toContain("<td>0.95</td><td>+0.250 [+0.100 +0.400]</td>");
  });

  test("takes names for text, not for markup", () => {
    expect(page).toContain("&lt;b&gt;model &amp; co&lt;/b&gt;");
    expect(page).not.toContain("<b>model");
  });
});

describe("plots", () => {
  const plots = {
    line: linePlot("t", "x", [
      { name: "a", color: "red", points: [{ y: 0, error: 0.1 }, null, { y: 1, error: null }] },
      { name: "empty", color: "red", points: [] },
    ]),
    bars: barPlot("t", [
      { name: "a", color: "red", value: 2, error: 0.5 },
      { name: "b", color: "red", value: null, error: null },
    ]),
    map: heatMap("t", ["r"], ["c", "d"], (_row, column) => (column === "c" ? 0.5 : null)),
  };

  test.each(Object.entries(plots))("%s: every tag closes and every number is one", (_name, svg) => {
    const open: string[] = [];
    for (const [, slash, name, rest] of svg.matchAll(/<(\/?)(\w+)([^>]*)>/g)) {
      if (slash === "/") expect(open.pop()).toBe(name);
      else if (!rest!.endsWith("/")) open.push(name!);
    }
    expect(open).toEqual([]);
    expect(svg).not.toMatch(/NaN|Infinity|undefined/);
  });

  test("puts a share of one at the top and of zero at the bottom", () => {
    const points = /<polyline points="([^"]+)"/.exec(plots.line)![1]!.split(" ");
    const [first, last] = points.map((point) => point.split(",").map(Number));
    expect(first![1]).toBeGreaterThan(last![1]!);
    expect(first![0]).toBeLessThan(last![0]!);
  });

  test("draws a bar in proportion to the axis", () => {
    const heights = [...plots.bars.matchAll(/<rect[^>]* height="([\d.]+)"/g)].map(([, h]) =>
      Number(h),
    );
    // 2 + 0.5 needs an axis up to 3, so the bar takes two thirds of 186 units.
    expect(heights).toEqual([124]);
  });
});
