/** `npm start` as a process: what it prints and keeps, and that it leaves nothing behind. */
import { type ChildProcess, execSync, spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync, rmSync, statSync } from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";
import { afterAll, afterEach, describe, expect, it } from "vitest";
import { rootPath } from "../../edge/local/settings.ts";
import { readApiKey, readRunning } from "../../edge/local/state.ts";
import { processTree, stillRunning } from "../support/process-tree.ts";
import { drawRequest } from "./support/requests.ts";
import { makeStateFolder, Rosa } from "./support/rosa.ts";

const state = makeStateFolder();
const running: Rosa[] = [];
/** Both services get five seconds to end by themselves. */
const endMs = 12_000;

afterEach(async () => {
  for (const rosa of running.splice(0)) await rosa.process.stop();
});
afterAll(() => state.remove());

async function start(): Promise<Rosa> {
  const rosa = await Rosa.start(state.path);
  running.push(rosa);
  return rosa;
}

describe("npm start", () => {
  let session = "";
  let generation: string | undefined;
  let key = "";

  it("ends on SIGTERM with everything it started", async () => {
    const rosa = await start();
    ({ key } = rosa);
    const { content, answers } = drawRequest(21);
    ({ id: session } = await rosa.openSession({ title: "kept" }));
    const turn = await rosa.ask(session, content);
    const wanted = answers.find((answer) => answer !== turn.reply) ?? "";
    generation = (await rosa.correct(turn, wanted)).weights.generation;
    expect(generation).toMatch(/^gen_/);

    const tree = processTree(rosa.process.pid);
    // Processes: the start, its watchdog, the GPU service, what runs the edge, and the edge's runtime.
    expect(tree.length).toBeGreaterThanOrEqual(5);
    const startedAt = Date.now();
    await rosa.process.stop("SIGTERM");
    expect(Date.now() - startedAt).toBeLessThan(endMs);
    expect(rosa.process.child.exitCode).toBe(0);
    await expect.poll(() => stillRunning(tree)).toEqual([]);
    expect(readRunning(state.path)).toBeNull();
  });

  it("keeps sessions, adapters and the key, readable by this user alone", async () => {
    const rosa = await start();
    expect(rosa.key).toBe(key);
    expect(readApiKey(state.path)).toBe(key);
    for (const name of ["api-key", "gpu-secret", "worker/worker.json"]) {
      expect(statSync(join(state.path, name)).mode & 0o777).toBe(0o600);
    }
    const detail = await rosa.readSession(session);
    expect(detail).toMatchObject({ title: "kept", generation });
    expect(detail.turns).toHaveLength(2);
    const turn = await rosa.ask(session, drawRequest(22).content);
    expect(turn).toMatchObject({ status: "completed", generation });
  });

  it("refuses a second start on its state folder and keeps running", async () => {
    const rosa = await start();
    await expect(Rosa.start(state.path)).rejects.toThrow(
      `another rosa2 runs on it (process ${rosa.process.pid}, ${rosa.url})`,
    );
    expect(await rosa.get("/health")).toMatchObject({ status: "ok" });
  });

  it("leaves nothing behind when it is killed, and starts again at once", async () => {
    const killed = await Rosa.start(state.path);
    const tree = processTree(killed.process.pid);
    await killed.process.stop("SIGKILL");
    const rosa = await start();
    expect(stillRunning(tree)).toEqual([]);
    expect(await rosa.readSession(session)).toMatchObject({ generation });
  });

  it("ends when npm is killed", async () => {
    const npm = spawnNpmStart();
    await once(npm.stdout!, "data");
    await expect.poll(() => processTree(npm.pid!).length).toBeGreaterThan(4);
    const tree = processTree(npm.pid!);
    npm.kill("SIGKILL");
    await expect.poll(() => stillRunning(tree)).toEqual([]);
  });

  it.each(["PORT", "GPU_PORT"])("says which port is in use: %s", async (setting) => {
    const server = createServer().listen(0, "127.0.0.1");
    await once(server, "listening");
    const address = server.address();
    const port = typeof address === "object" ? address?.port : undefined;
    await expect(Rosa.start(state.path, { [setting]: String(port) })).rejects.toThrow(
      `Cannot listen on 127.0.0.1:${port}: the port is in use. Set ${setting} to another port.`,
    );
    server.close();
  });

  it.each([
    [{ PORT: "http" }, 'PORT="http"'],
    [{ PORT: "", GPU_PORT: "8787" }, "PORT: is the GPU service's port"],
    [{ PORT: "8790", GPU_PORT: "" }, 'PORT="8790": is the GPU service\'s port'],
    [{ REWRITER: "magic" }, "REWRITER must be one of compose, gpu, openai, workers-ai"],
    [{ PROVIDER: "abacus" }, 'PROVIDER="abacus"'],
  ])("names a setting that is not allowed: %o", async (environment, message) => {
    await expect(Rosa.start(state.path, environment)).rejects.toThrow(message);
  });

  it.each([
    [{ MODEL: "/nowhere" }, 'Cannot start with MODEL="/nowhere"'],
    [{ MODEL: "edge" }, "config.json"],
    [{ QUANTIZE: "5" }, 'QUANTIZE="5"'],
  ])(
    "says what the model cannot be before any process starts: %o",
    async (environment, message) => {
      await expect(Rosa.start(state.path, environment)).rejects.toThrow(message);
      await expect(Rosa.start(state.path, environment)).rejects.not.toThrow("Starting rosa2");
    },
  );

  it("refuses state with other tables and says how to set it aside", async () => {
    const stamp = join(state.path, "schema.sha256");
    const saved = readFileSync(stamp, "utf8");
    rmSync(stamp);
    const refused = await Rosa.start(state.path).catch((error: Error) => error.message);
    expect(refused).toContain("its sessions were stored by another version of rosa2");
    const [command = ""] = /mv .+/.exec(String(refused)) ?? [];
    execSync(command, { cwd: rootPath });
    const rosa = await start();
    expect(rosa.key).toBe(key);
    await expect(rosa.readSession(session)).rejects.toThrow();
    expect(readFileSync(stamp, "utf8")).toBe(saved);
  });

  it("serves again by itself after a SIGKILL to its runtime", async () => {
    const rosa = await start();
    const { id } = await rosa.openSession({ title: "killed" });
    for (const pid of runtimesOf(rosa)) process.kill(pid, "SIGKILL");
    await expect
      .poll(() => rosa.readSession(id).catch(() => null))
      .toMatchObject({ title: "killed" });
  });

  it("starts the edge again when its runtime hangs", async () => {
    const rosa = await start();
    let printed = "";
    rosa.process.child.stderr?.on("data", (text: string) => {
      printed += text;
    });
    const { id } = await rosa.openSession({ title: "hung" });
    const edge = readRunning(state.path)?.edgePid ?? 0;
    for (const pid of runtimesOf(rosa)) process.kill(pid, "SIGSTOP");
    await expect.poll(() => printed).toMatch(/It has not answered for 3\.5 s/);
    await expect.poll(() => readRunning(state.path)?.edgePid).not.toBe(edge);
    await expect
      .poll(() => rosa.readSession(id).catch(() => null))
      .toMatchObject({ title: "hung" });
  });
});

/** Cloudflare's runtime. */
function runtimesOf(rosa: Rosa): number[] {
  return stillRunning(processTree(rosa.process.pid))
    .filter((row) => /\/workerd /.test(row))
    .map((row) => Number.parseInt(row, 10));
}

function spawnNpmStart(): ChildProcess {
  return spawn("npm", ["start"], {
    cwd: rootPath,
    env: { ...process.env, PORT: "0", GPU_PORT: "0", ROSA2_STATE: state.path },
    stdio: ["ignore", "pipe", "inherit"],
  });
}
