import { expect, test } from "vitest";
import { openSuites, planCells } from "../../eval/cells.ts";
import { Journal } from "../../eval/journal.ts";
import { describeProjection, projectReplies } from "../../eval/projection.ts";
import { settingsOf, temporaryFile } from "./support/harness.ts";

test("counts every problem once at least, and every try at most", () => {
  const settings = settingsOf(
    "--suite MIX,WORD --conditions none,best_of,both --seeds 1,2 --sessions 3 --length 4 --probes 5 --best-of 8 --teach 2",
  );
  const journal = new Journal(temporaryFile("j.jsonl"), settings, "m");
  const cells = planCells(settings, openSuites(settings));
  // Six sessions of four problems in each suite; only `both` is probed, `best_of` draws eight times. WORD has one try.
  expect(projectReplies(cells, journal, settings.bestOf)).toEqual({
    least: 6 * (4 * 2 + 8 * 4 * 2 + (4 + 5) * 2),
    most: 6 * (12 + 4 + 8 * (12 + 4) + 12 + 5 + 4 + 5),
  });
});

test("says time and price in one line", () => {
  expect(
    describeProjection({ least: 480, most: 1440 }, { ms: 250, usd: 1e-5, concurrency: 2 }),
  ).toBe(
    "Projected: 480 to 1440 replies, 1.0 to 3.0 minutes and $0.0048 to $0.014, from one reply of 250 ms; updates and rewrites come on top",
  );
});
