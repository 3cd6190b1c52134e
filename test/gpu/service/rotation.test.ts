/** The shared secret is changed while the edge's own client calls the service without a pause. */
import { type ChildProcess, spawn } from "node:child_process";
import { renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { secretHeader } from "@rosa2/shared/protocol";
import { afterAll, beforeAll, expect, it } from "vitest";
import { GpuClient } from "../../../edge/src/gpu-client/index.ts";
import { writeRandomCheckpoint } from "../support/random-checkpoint.ts";
import { ask } from "../support/service.ts";

const main = new URL("../../../gpu-service/src/main.ts", import.meta.url).pathname;
const before = "the secret before the change";
const after = "the secret after the change";
/** Slightly longer than the second after which the service reads its file again (ms). */
const noticedMs = 1_200;

let checkpoint: string;
let service: ChildProcess;
let url: string;
let file: string;

beforeAll(async () => {
  checkpoint = writeRandomCheckpoint();
  file = join(checkpoint, "secret");
  setSecrets(before);
  service = spawn(process.execPath, [main], {
    env: {
      PATH: process.env.PATH ?? "",
      ...{ MODEL: checkpoint, GPU_SECRET_FILE: file, GPU_PORT: "0", THREADS: "1" },
    },
    stdio: ["ignore", "pipe", "inherit"],
  });
  let output = "";
  for await (const data of service.stdout ?? []) {
    output += data;
    if (output.includes('"model loaded"')) break;
  }
  url = output.match(/"url":"([^"]+)"/)?.[1] ?? "";
}, 90_000);
afterAll(() => {
  service?.kill("SIGKILL");
  rmSync(checkpoint, { recursive: true });
});

it("fails no call while both sides change from one secret to the next", async () => {
  let secret = before;
  let going = true;
  const failures: string[] = [];
  const done = [0, 0];
  const calling = done.map(async (_, caller) => {
    while (going) {
      const kind = (caller + done[caller]!) % 3;
      await call(clientWith(secret), kind).catch((error) => failures.push(String(error)));
      done[caller]!++;
    }
  });
  /** All calls under way have ended, and the service has read its file since. */
  const twoCallsMore = async () => {
    const from = [...done];
    await sleep(noticedMs);
    while (done.some((count, caller) => count < from[caller]! + 2)) await sleep(20);
  };
  await twoCallsMore();
  setSecrets(`${before},${after}`);
  await twoCallsMore();
  // The edge's new version takes over while calls of the old one still run.
  secret = after;
  await twoCallsMore();
  setSecrets(after);
  await twoCallsMore();
  going = false;
  await Promise.all(calling);
  expect(failures).toEqual([]);
  expect(await statusWith(before)).toBe(401);
  expect(await statusWith(after)).toBe(200);
}, 240_000);

it("keeps the secrets that hold when the file is damaged", async () => {
  setSecrets("short");
  await sleep(noticedMs);
  expect(await statusWith(after)).toBe(200);
  expect(await statusWith("short")).toBe(401);
});

/** The file is replaced whole, as a mounted secret is. */
function setSecrets(text: string): void {
  writeFileSync(`${file}.new`, `${text}\n`);
  renameSync(`${file}.new`, file);
}

function clientWith(secret: string): GpuClient {
  return new GpuClient(
    {
      ...{
        pools: [{ region: null, url }],
        replyPools: [{ region: null, url }],
        secret,
        proxyHeaders: {},
      },
      ...{ timeoutMs: 60_000, updateTimeoutMs: 60_000, coldMs: 60_000, warmUpMs: 60_000 },
    },
    null,
  );
}

async function call(client: GpuClient, kind: number): Promise<void> {
  const context = {
    loadAdapter: async () => {
      throw new Error("No adapter is in use");
    },
  };
  const request = { tenant: "t", ...ask("hello") };
  if (kind === 0) {
    for await (const _ of client.generate({ ...request, sampling: { max_tokens: 4 } }, context));
  } else if (kind === 1) {
    await client.score({ tenant: "t", items: [{ ...ask("hello"), reply: "hi" }] }, context);
  } else {
    const rows = [{ ...ask("hello"), reply: "hi", kind: "corrected" as const }];
    await client.adapt({ tenant: "t", rows, plan: { iterations: 1 } }, context);
  }
}

async function statusWith(secret: string): Promise<number> {
  const response = await fetch(`${url}/metrics`, { headers: { [secretHeader]: secret } });
  await response.body?.cancel();
  return response.status;
}
