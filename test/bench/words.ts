/**
 * How long one step on the words takes in workerd: percentiles over many different conversations of 8 kB, and over the
 * worst inputs that the API's limits allow. Exits 1 when a phase needs 5 ms or more at the 99th percentile. During a
 * request the local runtime's clock runs; the deployed one's does not.
 */
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { percentile } from "../support/percentile.ts";
import { LocalWorker } from "./support/local-worker.ts";
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

const entry = fileURLToPath(new URL("./words-worker.ts", import.meta.url));
const settings = `name = "words-bench"\nmain = ${JSON.stringify(entry)}\ncompatibility_date = "2026-11-01"\n`;
// `measure` waits for its first answer itself.
const worker = await LocalWorker.start(
  async (worker) => {
    await worker.build(settings);
    return {};
  },
  async () => {},
);
try {
  console.log(
    `words in workerd, ${requests * stepsPerRequest} steps of each kind of text: ms, p50 / p99`,
  );
  for (const [name, kind] of Object.entries(texts)) {
    const times: Times = { revise: [], candidates: [], gradient: [], learn: [] };
    // The first request warms the code up and is not counted.
    for (let seed = 0; seed <= requests; seed++) {
      const query = `seed=${seed}&steps=${stepsPerRequest}&${kind}`;
      const more = await measure(`${worker.url}/?${query}`, vocabulary);
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
  await worker.stop();
}

/** Waits for the Worker to be there. */
async function measure(url: string, text: string): Promise<Times> {
  const until = performance.now() + startMsMax;
  for (;;) {
    const answer = await fetch(url, { method: "POST", body: text }).catch(() => null);
    if (answer?.ok === true) return (await answer.json()) as Times;
    if (performance.now() > until) throw new Error(`No answer. ${worker.processes.tail("edge")}`);
    await sleep(200);
  }
}

function phasesOf(times: Times): (keyof Times)[] {
  return Object.keys(times) as (keyof Times)[];
}
