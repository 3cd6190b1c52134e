/** The GPU service as a process that gets its model from a hub. */
import { type ChildProcess, spawn } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { HubServer } from "../support/hub-server.ts";
import { writeRandomCheckpoint } from "../support/random-checkpoint.ts";

const main = new URL("../../../gpu-service/src/main.ts", import.meta.url).pathname;
const children: ChildProcess[] = [];
let hub: HubServer;
let cache: string;

beforeAll(async () => {
  hub = await new HubServer().listen();
  cache = mkdtempSync(join(tmpdir(), "rosa2-cache-"));
  const directory = writeRandomCheckpoint();
  const files = readdirSync(directory).map((name) => [name, readFileSync(join(directory, name))]);
  hub.commit("acme/tiny", Object.fromEntries(files));
  rmSync(directory, { recursive: true });
});
afterAll(async () => {
  for (const child of children) child.kill("SIGKILL");
  await hub.close();
  rmSync(cache, { recursive: true });
});

function start(model: string): () => string {
  const child = spawn(process.execPath, [main], {
    env: {
      PATH: process.env.PATH ?? "",
      GPU_SECRET: "a secret of the tests",
      GPU_PORT: "0",
      THREADS: "1",
      MODEL: model,
      HF_ENDPOINT: hub.endpoint,
      ROSA2_CACHE: cache,
    },
    stdio: ["ignore", "pipe", "pipe"],
  });
  children.push(child);
  let output = "";
  child.stdout?.on("data", (data) => (output += data));
  child.stderr?.on("data", (data) => (output += data));
  return () => output;
}

it("answers while it downloads, then serves the model under its id on the hub", async () => {
  const answerDelayed = hub.hold();
  const output = start("acme/tiny");
  await expect.poll(output).toMatch(/"url":"http/);
  const url = output().match(/"url":"([^"]+)"/)?.[1] ?? "";
  await expect.poll(() => hub.requests.length).toBeGreaterThan(0);
  expect((await fetch(`${url}/health`)).status).toBe(503);
  answerDelayed();
  await expect.poll(async () => (await fetch(`${url}/health`)).status).toBe(200);
  expect(await (await fetch(`${url}/health`)).json()).toMatchObject({ model: { id: "acme/tiny" } });
  expect(output()).toContain("Downloaded acme/tiny@main");
}, 60_000);

it("ends with the hub's reason when there is no such model", async () => {
  const output = start("acme/none");
  await expect.poll(output).toContain("Cannot load the model");
  expect(output()).toContain("Repository not found");
}, 30_000);
