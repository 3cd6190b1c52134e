/**
 * How long one step on the words takes in workerd: percentiles over many different conversations of 8 kB, and over the
 * worst inputs that the API's limits allow. Exits 1 when a phase needs 5 ms or more at the 99th percentile. During a
 * request the local runtime's clock runs; the deployed one's does not.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { choosePort } from "../../edge/local/ports.ts";
import { Processes } from "../../edge/local/processes.ts";
import { buildCommand, workerCommand } from "../../edge/local/services.ts";
import { StateFolder } from "../../edge/local/state.ts";
import { percentile } from "../support/percentile.ts";
import type { Times } from "./words-worker.ts";

const requests = 20;
const stepsPerRequest = 100;
const limitMs = 5;
const startMsMax = 300_000;

/**
 * Three inputs: ordinary text, text where many words belong to stretches that the session has learnt, and the worst
 * inputs.
 */
const vocabulary =
  "the a of and to in for with report market garden they it was however because people small town river water letter morning work family old new house street children said asked went home again after before 12 1998 money school";
const texts = { ordinary: "learnt=0", learnt: "learnt=1", worst: "worst=1" };

const path = mkdtempSync(join(tmpdir(), "rosa2-bench-"));
const state = await StateFolder.open(path);
const processes = new Processes(state.logs);
try {
  const port = await choosePort(0);
  const worker = fileURLToPath(new URL("./words-worker.ts", import.meta.url));
  const config = state.writePrivate(
    "wrangler.toml",
    `name = "words-bench"\nmain = ${JSON.stringify(worker)}\ncompatibility_date = "2026-11-01"\n`,
  );
  const built = await processes.start(buildCommand(state, { config })).ended;
  if (built !== 0) throw new Error(`The build ended (${built}). ${processes.tail("build")}`);
  processes.start(workerCommand(state, port, {}));
  console.log(
    `words in workerd, ${requests * stepsPerRequest} steps of each kind of text: ms, p50 / p99`,
  );
  for (const [name, kind] of Object.entries(texts)) {
    const times: Times = { revise: [], candidates: [], gradient: [], learn: [] };
    // The first request warms the code up and is not counted.
    for (let seed = 0; seed <= requests; seed++) {
      const query = `seed=${seed}&steps=${stepsPerRequest}&${kind}`;
      const more = await measure(`http://127.0.0.1:${port}/?${query}`, vocabulary);
      if (seed === 0) continue;
      for (const phase of phasesOf(times)) times[phase].push(...more[phase]);
    }
    const cells = phasesOf(times).map((phase) => {
      const [p50, p99] = [percentile(times[phase], 0.5), percentile(times[phase], 0.99)];
      if (p99 >= limitMs) process.exitCode = 1;
      return `${phase} ${p50.toFixed(2)} / ${p99.toFixed(2)}`;
    });
    console.log(`${name.padEnd(9)} ${cells.join("   ")}`);
  }
} finally {
  await processes.stopAll();
  state.close();
  rmSync(path, { recursive: true, force: true });
}

/** Waits for the Worker to be there. */
async function measure(url: string, text: string): Promise<Times> {
  const until = performance.now() + startMsMax;
  for (;;) {
    const answer = await fetch(url, { method: "POST", body: text }).catch(() => null);
    if (answer?.ok === true) return (await answer.json()) as Times;
    if (performance.now() > until) throw new Error(`No answer. ${processes.tail("edge")}`);
    await sleep(200);
  }
}

function phasesOf(times: Times): (keyof Times)[] {
  return Object.keys(times) as (keyof Times)[];
}
