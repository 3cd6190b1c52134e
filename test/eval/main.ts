/**
 * `npm run eval`: holds the same simulated conversations under every condition and prints the gain of each.
 *
 * It uses only the public HTTP API, so it works on any deployment and any model.
 */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { RosaError } from "@rosa2/shared/errors";
import { Presets, SingleBar } from "cli-progress";
import { Failure } from "../../shared/command/failure.ts";
import { Api } from "./api.ts";
import { openSuites, planCells } from "./cells.ts";
import { compare } from "./comparison.ts";
import { type ConditionName, conditions } from "./conditions.ts";
import { findDeployment } from "./deployment.ts";
import { Journal } from "./journal.ts";
import { compareLost } from "./lost.ts";
import { pairedDifferences } from "./paired.ts";
import { project } from "./projection.ts";
import { renderHtml } from "./report/html.ts";
import { quoteOf, rowsOfQuote, tableHead } from "./report/quote.ts";
import {
  renderComparisons,
  renderLost,
  renderPaired,
  renderTable,
  renderWordingGains,
} from "./report/table.ts";
import { lateFrom, meansOf, rowsOf } from "./results.ts";
import { pendingOf, runCells } from "./run.ts";
import { helpText, readSettings, type Settings } from "./settings.ts";
import { wordingGains } from "./wordings.ts";
import { shardsReport } from "./words-shards.ts";

const interruption = new AbortController();
process.once("SIGINT", () => interruption.abort());
process.once("SIGTERM", () => interruption.abort());

try {
  const args = process.argv.slice(2);
  const shards = shardsReport(args);
  const settings = shards === null ? readSettings(args) : null;
  if (shards !== null) console.log(shards);
  else if (settings === null) console.log(helpText());
  else await evaluate(settings, interruption.signal);
} catch (error) {
  if (error instanceof Failure || error instanceof RosaError) console.error(error.message);
  else if (!interruption.signal.aborted) console.error(error);
  process.exitCode = interruption.signal.aborted ? 130 : 1;
}

async function evaluate(settings: Settings, signal: AbortSignal): Promise<void> {
  const suites = openSuites(settings);
  for (const { name, leftOut } of suites) {
    if (leftOut > 0)
      console.error(`${name}: ${leftOut} problems left out that no check here judges`);
  }
  const deployment = await findDeployment(settings, signal);
  let journal: Journal | undefined;
  try {
    const api = new Api({ ...deployment, signal });
    const model = await api.model();
    await refuseUnavailable(api, settings.conditions);
    const startedAt = new Date();
    journal = new Journal(settings.journal ?? defaultJournal(startedAt), settings, model);
    const cells = planCells(settings, suites);
    const pending = cells.reduce((n, cell) => n + pendingOf(cell, journal!).length, 0);
    console.error(
      `${model} at ${deployment.url}; ${pending} sessions to hold, kept in ${journal.path}`,
    );
    const projection = await project(cells, journal, api, { model, settings });
    if (projection !== null) console.error(projection);
    if (settings.dryRun) return;
    const bar = new SingleBar(
      { format: "{bar} {value}/{total} sessions, {eta_formatted} left, {last}" },
      Presets.shades_classic,
    );
    bar.start(pending, 0, { last: "" });
    try {
      const { meter } = deployment;
      const onSession = ({
        suite,
        condition,
        seed,
      }: {
        suite: string;
        condition: string;
        seed: number;
      }) => bar.increment(1, { last: `${suite} ${condition} ${seed}` });
      await runCells(cells, { api, model, settings, journal, meter, signal, onSession });
    } finally {
      bar.stop();
    }
    const rows = rowsOf(cells, journal.sessions, journal.meters);
    const means = meansOf(rows);
    const wanted = new Set(
      cells.map(({ condition, suite, seed }) => `${condition}/${suite.name}/${seed}`),
    );
    const held = journal.sessions.filter(({ condition, suite, seed }) =>
      wanted.has(`${condition}/${suite}/${seed}`),
    );
    const comparisons = compare(means, held);
    const paired = pairedDifferences(held, (name, length) =>
      lateFrom(suites.find((suite) => suite.name === name)!, length),
    );
    const lost = compareLost(held);
    const wordings = wordingGains(rows);
    const report = {
      model,
      url: deployment.url,
      at: startedAt.toISOString(),
      settings,
      rows,
      means,
      comparisons,
      paired,
      lost,
      wordings,
    };
    if (settings.json !== null) writeJson(settings.json, report);
    if (settings.html !== null) {
      const places = new Map(suites.map(({ name, place }) => [name, place]));
      writeFileSync(settings.html, renderHtml({ ...report, places }));
    }
    if (settings.quote !== null) {
      const quoted = quoteOf(report);
      writeFileSync(settings.quote, `${JSON.stringify(quoted, null, 2)}\n`);
      console.log([...tableHead, ...rowsOfQuote(quoted), ""].join("\n"));
    }
    console.log(renderTable(means));
    if (wordings.length > 0) console.log(`\n${renderWordingGains(wordings)}`);
    if (comparisons.length > 0) console.log(`\n${renderComparisons(comparisons)}`);
    if (lost.length > 0) console.log(`\n${renderLost(lost)}`);
    if (paired.length > 0) console.log(`\n${renderPaired(paired)}`);
  } catch (error) {
    if (journal !== undefined) console.error(`\nTo go on: --journal ${journal.path}`);
    throw error;
  } finally {
    await deployment.stop();
  }
}

/** A baseline that the deployment does not support must not run silently as another one. */
async function refuseUnavailable(api: Api, names: readonly ConditionName[]): Promise<void> {
  for (const name of names) {
    const { needs } = conditions[name];
    if (needs === null || (await api.takesAdaptation(needs))) continue;
    throw new Failure(
      `The condition "${name}" needs adaptation.${needs}, which ${api.url} does not take; leave it out with --conditions`,
    );
  }
}

/** Keys and secrets are left out of files that people share. */
function writeJson(file: string, report: { settings: Settings }): void {
  const { key: _key, gpuSecret: _secret, ...settings } = report.settings;
  writeFileSync(file, `${JSON.stringify({ ...report, settings }, null, 1)}\n`);
}

function defaultJournal(at: Date): string {
  const stamp = at.toISOString().slice(0, 19).replaceAll(":", "-");
  return join(fileURLToPath(new URL("../../.rosa2/eval/", import.meta.url)), `${stamp}.jsonl`);
}
