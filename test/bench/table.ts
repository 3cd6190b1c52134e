/** Outcomes as a table of plain text for a terminal. */
import { meetsTarget, type Outcome } from "./figure.ts";

export function renderTable(outcomes: readonly Outcome[]): string {
  const rows = outcomes.map((outcome) => {
    const { id, target, bound, unit } = outcome.figure;
    const limit = `${bound === "at least" ? "≥" : "≤"} ${target} ${unit}`;
    if (!("value" in outcome)) return [id, "–", limit, "", outcome.missing];
    const { value, peer, note } = outcome;
    const verdict = meetsTarget(outcome.figure, value) ? "met" : "missed";
    return [id, value.toFixed(2), limit, verdict, peer === null ? note : `${peer}: ${note}`];
  });
  const table = [["figure", "value", "target", "", "measured"], ...rows];
  const widths = table[0]!.map((_, column) => Math.max(...table.map((row) => row[column]!.length)));
  return table
    .map((row) =>
      row
        .map((cell, column) => cell.padEnd(widths[column]!))
        .join("  ")
        .trimEnd(),
    )
    .join("\n");
}
