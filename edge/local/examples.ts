/**
 * `npm run examples`: draws requests for the page's examples and plays each in every mode to the real services with the
 * bundled model. It writes the good examples, and how many requests failed for which reason, to
 * `playground/src/examples.json`.
 */
import { createHash } from "node:crypto";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { Failure } from "../../shared/command/failure.ts";
import { readFlags } from "../../shared/command/flags.ts";
import { Rosa2, Rosa2Error } from "../client/src/index.ts";
import type { DrawnFile } from "../playground/src/examples.ts";
import { type KindName, kindNames } from "../playground/src/story.ts";
import { checkStory, type Verdict } from "./check.ts";
import { type DrawnWish, drawWish } from "./drawn.ts";
import { rootPath } from "./settings.ts";
import { spawnRosa } from "./spawn.ts";

/** How many requests are drawn of each kind, good examples or not: enough for ten good ones. No drawing ends early. */
const drawnCounts: Record<KindName, number> = { unclear: 40, unpractised: 160, both: 100 };
/** A service that restarts, because the machine was busy, is back after this time. */
const restartMs = 20_000;
const restartsMax = 3;

type DrawnKind = DrawnFile["kinds"][KindName];
const none: DrawnKind = { drawn: 0, told: 0, failed: {}, examples: [] };

const filePath = join(rootPath, "edge/playground/src/examples.json");
const weightsPath = join(rootPath, "gpu-service/models/rosa2-mini-2/model.safetensors");

const usage = `npm run examples [-- --kind KIND] [-- --on]

Draws the playground's examples anew (${kindNames.map((name) => `${name}: ${drawnCounts[name]}`).join(", ")}), plays each to the bundled
model in all four modes and keeps those that told their story. Wanted after every change of the model, the words or the
update; takes a quarter of an hour on two cores.

  --kind KIND   this kind alone: ${kindNames.join(", ")}
  --on          goes on where a drawing of the same model and code was ended
  --help        this text`;

try {
  await drawAll();
} catch (error) {
  if (!(error instanceof Failure)) throw error;
  console.error(error.message);
  process.exitCode = 1;
}

async function drawAll(): Promise<void> {
  const { kind, on } = readFlags(usage, { kind: { type: "string" }, on: { type: "boolean" } });
  if (kind !== undefined && !kindNames.some((name) => name === kind)) {
    throw new Failure(`--kind ${kind}: must be one of ${kindNames.join(", ")}`);
  }
  const file = JSON.parse(readFileSync(filePath, "utf8")) as DrawnFile;
  const state = mkdtempSync(join(tmpdir(), "rosa2-examples-"));
  // What a busy machine cannot do in time would tell another story than a calm one.
  const rosa = await spawnRosa({
    PORT: "0",
    GPU_PORT: "0",
    ROSA2_STATE: state,
    REWRITER_TIMEOUT_MS: "60000",
  });
  try {
    const client = new Rosa2({ baseUrl: rosa.url, apiKey: rosa.key });
    file.model = createHash("sha256").update(readFileSync(weightsPath)).digest("hex");
    const names = kindNames.filter((name) => kind === undefined || kind === name);
    // Side by side: what one waits for, another computes.
    await Promise.all(
      names.map((name) =>
        drawKind(client, name, on === true ? file.kinds[name] : none, (drawn) => {
          file.kinds[name] = drawn;
          writeFileSync(filePath, `${JSON.stringify(file, null, 2)}\n`);
        }),
      ),
    );
  } finally {
    await rosa.stop();
    rmSync(state, { recursive: true, force: true });
  }
}

/** `keep` is called after each: a drawing that is stopped by hand keeps its results. */
async function drawKind(
  client: Rosa2,
  kind: KindName,
  before: DrawnKind,
  keep: (drawn: DrawnKind) => void,
): Promise<void> {
  const examples = [...before.examples];
  const failed = { ...before.failed };
  const count = drawnCounts[kind];
  for (let seed = before.drawn + 1; seed <= count; seed++) {
    const drawn = drawWish(kind, seed);
    const verdict = await playOut(client, drawn);
    const { meaning, wish } = drawn;
    console.log(`${kind} ${seed}: ${verdict.told ? "told" : verdict.why} (${wish.request})`);
    if (verdict.told) {
      const { hint, outcomes } = verdict;
      examples.push({ seed, meaning, ...wish, hint, outcomes });
    } else failed[verdict.why] = (failed[verdict.why] ?? 0) + 1;
    keep({ drawn: seed, told: examples.length, failed, examples });
  }
  console.log(`${kind}: ${examples.length} of ${count} drawn told the story.`);
}

/** The verdict on a story that was played to its end; a story that broke off is played again. */
async function playOut(client: Rosa2, drawn: DrawnWish, restarts = 0): Promise<Verdict> {
  try {
    return await checkStory(client, drawn);
  } catch (error) {
    if (!(error instanceof Rosa2Error) || restarts === restartsMax) throw error;
    await sleep(restartMs);
    return await playOut(client, drawn, restarts + 1);
  }
}
