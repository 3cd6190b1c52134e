/** Results as one self-contained page: tables and plots, no script, no external files. */
import type { Comparison } from "../comparison.ts";
import { type ConditionName, conditions } from "../conditions.ts";
import type { LostComparison } from "../lost.ts";
import type { PairedDifference } from "../paired.ts";
import type { MeanRow } from "../results.ts";
import type { Settings } from "../settings.ts";
import type { Estimate } from "../statistics.ts";
import { type Place, type SuiteName, suites } from "../suites.ts";
import type { WordingGain } from "../wordings.ts";
import { barPlot, escapeHtml, heatMap, linePlot } from "./plots.ts";
import {
  comparisonCells,
  lostCells,
  lostHead,
  pairedCells,
  pairedHead,
  showCount,
  showEstimate,
  shownColumns,
  shownGains,
} from "./table.ts";

export interface Report {
  model: string;
  url: string;
  at: string;
  settings: Settings;
  means: readonly MeanRow[];
  comparisons: readonly Comparison[];
  paired: readonly PairedDifference[];
  lost: readonly LostComparison[];
  wordings: readonly WordingGain[];
  /** Where each suite lies in the plane. */
  places: ReadonlyMap<string, Place | null>;
}

/** Okabe and Ito's palette, distinguishable for colour-blind readers too. */
const colors: Record<ConditionName, string> = {
  none: "#7a7a7a",
  history: "#b08d57",
  said: "#999933",
  appended: "#d55e00",
  composed: "#dd7766",
  plan: "#661100",
  best_of: "#888888",
  oracle: "#117733",
  oracle_plan: "#88ccee",
  never: "#cc79a7",
  proposed: "#aa4499",
  compose: "#332288",
  gpu: "#44aa99",
  words: "#0072b2",
  weights: "#e69f00",
  oracle_weights: "#bbcc33",
  adam: "#56b4e9",
  both: "#009e73",
};

export function renderHtml(report: Report): string {
  const { model, at, means, comparisons, paired, lost, wordings, settings } = report;
  const suiteNames = [...new Set(means.map(({ suite }) => suite))];
  const conditionNames = [...new Set(means.map(({ condition }) => condition))];
  const facts = [
    `protocol ${settings.protocol}`,
    `${settings.tries} tries`,
    `corrections ${settings.corrections ? "on" : "off"}`,
    `seeds ${settings.seeds.join(", ")}`,
    `${settings.sessions} sessions a seed`,
    `temperature ${settings.temperature}`,
    `context ${settings.context}`,
    at,
  ];
  return `<!doctype html>
<html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>rosa2 evaluation: ${escapeHtml(model)}</title>
<style>${style}</style>
<h1>Words, weights and both: ${escapeHtml(model)}</h1>
<p>${escapeHtml(facts.join(" · "))}. Figures are means over seeds ± standard error.</p>
<p class="legend">${conditionNames.map(legendEntry).join(" ")}</p>
${comparisons.length === 0 ? "" : comparisonTable(comparisons)}
${paired.length === 0 ? "" : pairedTable(paired)}
${lost.length === 0 ? "" : `<h2>Lost in conversation</h2>${table(lostHead, lost.map(lostCells))}`}
${wordings.length === 0 ? "" : wordingTable(wordings)}
${planeSection(report, conditionNames)}
${suiteNames
  .map((suite) =>
    suiteSection(
      suite,
      means.filter((row) => row.suite === suite),
    ),
  )
  .join("\n")}
</html>
`;
}

function legendEntry(name: ConditionName): string {
  return `<span><i style="background:${colors[name]}"></i>${name}: ${escapeHtml(conditions[name].about)}</span>`;
}

/** The plane ambiguity × incapacity, one map for each condition; shown where at least two of its fields were run. */
function planeSection({ means, places }: Report, conditionNames: readonly ConditionName[]): string {
  const placed = [...places].flatMap(([suite, place]) => (place === null ? [] : { suite, place }));
  if (placed.length < 2) return "";
  const maps = conditionNames.map((condition) =>
    heatMap(
      `${condition}: late first-try`,
      ["clear", "ambiguous"],
      ["trained pair", "held-out pair", "three operations", "long lists"],
      (ambiguity, incapacity) => {
        const field = placed.find(
          ({ place }) => place.ambiguity === ambiguity && place.incapacity === incapacity,
        );
        const row = means.find((one) => one.suite === field?.suite && one.condition === condition);
        return (row?.late_first_try ?? row?.first_try)?.mean ?? null;
      },
    ),
  );
  return `<h2>The plane: ambiguity × incapacity</h2><div class="plots">${maps.join("")}</div>`;
}

function suiteSection(suite: string, rows: readonly MeanRow[]): string {
  const about = Object.hasOwn(suites, suite) ? suites[suite as SuiteName].about : "from a file";
  const series = rows.map(({ condition, curve }) => ({
    name: condition,
    color: colors[condition],
    points: curve.map((point) => (point === null ? null : { y: point.mean, error: point.se })),
  }));
  const bars = (of: (row: MeanRow) => Estimate | null) =>
    rows.map((row) => {
      const value = of(row);
      const { condition } = row;
      return {
        name: condition,
        color: colors[condition],
        value: value?.mean ?? null,
        error: value?.se ?? null,
      };
    });
  const plots = [
    linePlot("Right at first try", "problem of the session", series),
    barPlot(
      "Tries",
      bars((row) => row.tries),
    ),
    barPlot(
      "‖Δθ‖ at success",
      bars((row) => row.shift_at_success),
    ),
    barPlot(
      "Update, ms (median)",
      bars((row) => row.update_ms),
    ),
  ];
  return `<h2>${escapeHtml(suite)}</h2><p>${escapeHtml(about)}</p>${meansTable(rows)}<div class="plots">${plots.join("")}</div>`;
}

function meansTable(rows: readonly MeanRow[]): string {
  const head = ["condition", "seeds", "n", ...shownColumns.map(({ title }) => title)];
  return table(
    head,
    rows.map((row) => [
      row.condition,
      String(row.seeds),
      showCount(row),
      ...shownColumns.map(({ column, digits, scale }) => showEstimate(row[column], digits, scale)),
    ]),
  );
}

function comparisonTable(comparisons: readonly Comparison[]): string {
  const head = [
    "both against",
    "late first-try, best axis",
    "late first-try, words",
    "tries, best axis",
    "tries, none",
    "‖Δθ‖ / weights",
    "peak memory / off",
  ];
  return table(head, comparisons.map(comparisonCells));
}

function pairedTable(paired: readonly PairedDifference[]): string {
  const about = "Differences on the same sessions; in brackets the 95 % interval over sessions.";
  return `<h2>What both gains</h2><p>${about}</p>${table(pairedHead, paired.map(pairedCells))}`;
}

function wordingTable(gains: readonly WordingGain[]): string {
  const head = ["suite", "rewritten by", ...shownGains.map(({ title }) => title)];
  return table(
    head,
    gains.map((gain) => [gain.suite, gain.rewriter, ...shownGains.map(({ of }) => of(gain))]),
  );
}

function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const row = (cells: readonly string[], tag: string) =>
    `<tr>${cells.map((cell) => `<${tag}>${escapeHtml(cell)}</${tag}>`).join("")}</tr>`;
  return `<div class="scroll"><table>${row(head, "th")}${rows.map((cells) => row(cells, "td")).join("")}</table></div>`;
}

const style = `
:root { color-scheme: light dark; --ink: light-dark(#111, #eee); --faint: light-dark(#ccc, #444); }
body { font: 15px/1.5 system-ui, sans-serif; max-width: 1300px; margin: 2rem auto; padding: 0 1rem; color: var(--ink); }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; }
td, th { padding: .25rem .7rem; text-align: right; border-bottom: 1px solid var(--faint); white-space: nowrap; }
td:first-child, th:first-child { text-align: left; }
.scroll { overflow-x: auto; }
.plots { display: grid; grid-template-columns: repeat(auto-fill, minmax(340px, 1fr)); gap: 1rem; }
.legend span { display: inline-block; margin-right: 1.2rem; }
.legend i { display: inline-block; width: .8rem; height: .8rem; margin-right: .4rem; border-radius: 2px; }
svg text { font: 11px system-ui, sans-serif; fill: var(--ink); }
svg text.title { font-size: 13px; font-weight: 600; }
svg .grid { stroke: var(--faint); }
svg .ink { stroke: var(--ink); }
`;
