/** `npm run bench`: measures the engine's figures, prints a table, and writes them as JSON when asked. */
import { writeFileSync } from "node:fs";
import { cpus } from "node:os";
import { type Figure, meetsTarget, type Outcome, type Result } from "./figure.ts";
import { families } from "./figures/index.ts";
import { helpText, readSettings, type Settings } from "./settings.ts";
import { cacheFolder } from "./support/cache-folder.ts";
import { renderTable } from "./table.ts";

const figures = families.flatMap((family) => family.figures);

try {
  const settings = readSettings(process.argv.slice(2), figures);
  if (settings === null) console.log(helpText(figures));
  else await bench(settings);
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 1;
}

async function bench({ ids, json, isQuick, threads }: Settings): Promise<void> {
  const outcomes: Outcome[] = [];
  const say = (text: string) => process.stderr.write(`${text}\n`);
  const context = { isQuick, threads, cache: cacheFolder(), say };
  for (const family of families) {
    const wanted = family.figures.filter(({ id }) => ids.has(id));
    if (wanted.length === 0) continue;
    const measured = new Set<Figure>();
    try {
      for await (const outcome of family.measure(wanted, context)) {
        measured.add(outcome.figure);
        outcomes.push(outcome);
      }
    } catch (error) {
      // One family that fails must not cost the others their figures.
      console.error(error);
      process.exitCode = 1;
      for (const figure of wanted) {
        if (!measured.has(figure))
          outcomes.push({ figure, missing: `failed: ${String(error).split("\n")[0]}` });
      }
    }
    if (json !== null) writeFileSync(json, `${JSON.stringify(resultsOf(outcomes), null, 2)}\n`);
  }
  console.log(`${cpus()[0]?.model.trim()}, ${threads} threads${isQuick ? ", quick" : ""}\n`);
  console.log(renderTable(outcomes));
  const missed = outcomes.filter((o) => !("value" in o) || !meetsTarget(o.figure, o.value));
  console.log(`\n${outcomes.length - missed.length} of ${outcomes.length} targets met`);
}

/** Figures without a value are left out. */
function resultsOf(outcomes: readonly Outcome[]): Result[] {
  return outcomes.flatMap((outcome) => {
    if (!("value" in outcome)) return [];
    const { figure, value, peer, note } = outcome;
    return [{ id: figure.id, value, unit: figure.unit, target: figure.target, peer, note }];
  });
}
