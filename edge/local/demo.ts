/**
 * `npm run demo`: one adapting conversation in the terminal, through the public API. Read `story.ts` first.
 *
 *   npm run demo                  conversations from the first seed on, until one shows both axes at work
 *   npm run demo -- --seed 7      the same from seed 7 on
 *
 * Uses the rosa2 at ROSA2_URL (key in ROSA2_API_KEY), else the one that runs on the state folder, else
 * starts one there. Exits with 1 when no conversation went as the product promises.
 */
import { Failure } from "../../shared/command/failure.ts";
import { readFlags } from "../../shared/command/flags.ts";
import { Rosa2 } from "../client/src/index.ts";
import examples from "../playground/src/examples.json" with { type: "json" };
import { readSettings } from "./settings.ts";
import { printMeeting, printOutcome, printTally } from "./show.ts";
import { spawnRosa } from "./spawn.ts";
import { readApiKey, readRunning } from "./state.ts";
import { type Outcome, tellStory } from "./story.ts";

/** Seed of the page's first example, found with the bundled model; with another model the search continues from it. */
const firstSeed = examples.kinds.both.examples[0]?.seed ?? 1;
/** The search ends after this many conversations without a good example. */
const conversationsMax = 60;

const usage = `npm run demo [-- --seed N]

Holds one adapting conversation in the terminal: a wrong reply, what the user says, words before and after, the update
of the weights, and the next request. Uses the rosa2 that runs here, else starts one for as long as it takes.

  --seed N    draw conversations from this seed on, until one shows it all; the last line says how many it took
  --help      this text

  ROSA2_URL and ROSA2_API_KEY    another deployment, and its key`;

interface Connection {
  client: Rosa2;
  url: string;
  close(): Promise<void>;
}

try {
  process.exitCode = await demonstrate();
} catch (error) {
  if (!(error instanceof Failure)) throw error;
  console.error(error.message);
  process.exitCode = 1;
}

async function demonstrate(): Promise<number> {
  const seeds = readSeeds();
  const { client, url, close } = await connect();
  try {
    await printMeeting(client, url);
    const failed: string[] = [];
    for (const seed of seeds) {
      const outcome: Outcome = await tellStory(client, seed);
      printOutcome(outcome);
      if (outcome.kind === "held") {
        printTally({ first: seeds[0]!, told: seed, failed });
        return 0;
      }
      failed.push(outcome.why);
    }
    printTally({ first: seeds[0]!, told: null, failed });
    return 1;
  } finally {
    await close();
  }
}

function readSeeds(): number[] {
  const { seed } = readFlags(usage, { seed: { type: "string" } });
  if (seed !== undefined && !/^\d{1,9}$/.test(seed)) {
    throw new Failure(`--seed ${seed}: must be a whole number`);
  }
  const first = seed === undefined ? firstSeed : Number(seed);
  return Array.from({ length: conversationsMax }, (_, i) => first + i);
}

async function connect(): Promise<Connection> {
  const { statePath } = readSettings(process.env);
  const given = process.env.ROSA2_URL;
  const running = readRunning(statePath);
  const url = given ?? (running !== null && (await answers(running.url)) ? running.url : null);
  if (url !== null) {
    const key = process.env.ROSA2_API_KEY ?? readApiKey(statePath);
    if (key === null) throw new Failure(`No API key for ${url}: set ROSA2_API_KEY`);
    return connectionTo({ url: url.replace(/\/+$/, ""), key }, async () => {});
  }
  console.log("No rosa2 is running: starting one …");
  const rosa = await spawnRosa({ PORT: "0", GPU_PORT: "0" });
  return connectionTo(rosa, () => rosa.stop());
}

function connectionTo(
  { url, key }: { url: string; key: string },
  close: Connection["close"],
): Connection {
  return { client: new Rosa2({ baseUrl: url, apiKey: key }), url, close };
}

async function answers(url: string): Promise<boolean> {
  try {
    return (await fetch(`${url}/health`)).ok;
  } catch {
    return false;
  }
}
