/** The service as its own process, with a real checkpoint: compiler, engine, updates and HTTP together. */
import { type ChildProcess, spawn } from "node:child_process";
import { cpSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { Agent, get, type IncomingHttpHeaders } from "node:http";
import { createServer, type Server } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { healthSchema } from "@rosa2/shared/health";
import { adaptResultSchema, scoreResultSchema, secretHeader } from "@rosa2/shared/protocol";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { writeRandomCheckpoint } from "../support/random-checkpoint.ts";
import { ask, collect, eventsOf, formOf } from "../support/service.ts";

const main = new URL("../../../gpu-service/src/main.ts", import.meta.url).pathname;
const secret = "a secret of the tests";
let checkpoint: string;
const children: ChildProcess[] = [];

beforeAll(() => {
  checkpoint = writeRandomCheckpoint();
});
afterAll(() => rmSync(checkpoint, { recursive: true }));
afterEach(() => {
  for (const child of children.splice(0)) child.kill("SIGKILL");
});

interface Run {
  child: ChildProcess;
  output(): string;
  exit: Promise<number | null>;
}

function run(environment: Record<string, string>, command = [main]): Run {
  const child = spawn(process.execPath, command, {
    env: {
      PATH: process.env.PATH ?? "",
      GPU_SECRET: secret,
      GPU_PORT: "0",
      THREADS: "1",
      ...environment,
    },
    stdio: ["ignore", "pipe", "pipe"],
  });
  children.push(child);
  let output = "";
  child.stdout?.on("data", (data) => (output += data));
  child.stderr?.on("data", (data) => (output += data));
  const exit = new Promise<number | null>((resolve) => child.once("exit", resolve));
  return { child, output: () => output, exit };
}

/** Waits for the line that names the address, then for the model. */
async function urlOf({ output }: Run): Promise<string> {
  await expect.poll(output).toMatch(/"url":"http/);
  const url = output().match(/"url":"([^"]+)"/)?.[1] ?? "";
  await expect.poll(async () => (await fetch(`${url}/health`)).status).toBe(200);
  return url;
}

describe("the GPU service's process", () => {
  it("keeps compiled code for the next start, and starts where it cannot keep any", async () => {
    const cache = mkdtempSync(join(tmpdir(), "rosa2-code-"));
    await urlOf(run({ MODEL: checkpoint, ROSA2_CACHE: cache }));
    const kept = () => readdirSync(join(cache, "code"), { recursive: true }).length;
    await expect.poll(kept).toBeGreaterThan(100);
    const file = join(cache, "a file");
    writeFileSync(file, "");
    await urlOf(run({ MODEL: checkpoint, NODE_COMPILE_CACHE: file }));
    rmSync(cache, { recursive: true });
  });

  it("says in /health what the checkpoint's rosa2.json says of the context", async () => {
    const directory = mkdtempSync(join(tmpdir(), "rosa2-context-"));
    cpSync(checkpoint, directory, { recursive: true });
    const policyOf = async () => {
      const response = await fetch(`${await urlOf(run({ MODEL: directory }))}/health`);
      return healthSchema.parse(await response.json()).model?.context_policy;
    };
    expect(await policyOf()).toBeUndefined();
    writeFileSync(join(directory, "rosa2.json"), JSON.stringify({ context: "request" }));
    expect(await policyOf()).toBe("request");
    rmSync(directory, { recursive: true });
  });

  it("generates, updates and scores with a real checkpoint, each generation its own", async () => {
    const url = await urlOf(run({ MODEL: checkpoint }));
    const post = (path: string, body: unknown) =>
      fetch(url + path, {
        method: "POST",
        headers: { [secretHeader]: secret },
        body: body instanceof FormData ? body : JSON.stringify(body),
      });
    const generate = async (adapter: string | null) => {
      const sampling = { max_tokens: 24, temperature: 0 };
      const request = { tenant: "t", ...ask("hello"), sampling };
      const response = await post("/v1/generate", {
        ...request,
        adapter: adapter && { digest: adapter },
      });
      const done = (await collect(eventsOf(response))).at(-1);
      if (done?.type !== "done") throw new Error(JSON.stringify(done));
      return done;
    };
    const score = async (reply: string, adapter: string | null) => {
      const items = [{ ...ask("hello"), reply }];
      const response = await post("/v1/score", {
        tenant: "t",
        items,
        adapter: adapter && { digest: adapter },
      });
      return scoreResultSchema.parse(await response.json()).scores[0]!;
    };

    const before = await generate(null);
    const correction = "good day";
    const rows = [{ ...ask("hello"), reply: correction, kind: "corrected" }];
    const plan = { iterations: 3, clip: 20, rho: 50, target: 0.99 };
    const answer = await (await post("/v1/adapt", { tenant: "t", rows, plan })).formData();
    const result = adaptResultSchema.parse(JSON.parse(String(answer.get("result"))));
    expect(result.decision).toBe("updated");

    // The report equals what /v1/score says before and after.
    const [row] = result.rows;
    const scoreBefore = await score(correction, null);
    const scoreAfter = await score(correction, result.digest!);
    expect(scoreBefore.logprob).toBeCloseTo(row!.logprob_before, 3);
    expect(scoreAfter.logprob - scoreBefore.logprob).toBeCloseTo(row!.realised_shift, 2);
    expect(row!.realised_shift).toBeGreaterThan(1);

    // Another generation answers otherwise; the base model answers as before.
    const adapted = await generate(result.digest!);
    expect(adapted.text).not.toBe(before.text);
    expect(await generate(null)).toMatchObject({ text: before.text });
    expect((await generate(null)).logprob).toBeCloseTo(before.logprob, 3);

    // Another replica needs the file and nothing else.
    const other = await urlOf(run({ MODEL: checkpoint }));
    const request = {
      tenant: "t",
      ...ask("hello"),
      sampling: { max_tokens: 24 },
      adapter: { digest: result.digest },
    };
    const bytes = new Uint8Array(await (answer.get("adapter") as File).arrayBuffer());
    const response = await fetch(`${other}/v1/generate`, {
      method: "POST",
      headers: { [secretHeader]: secret },
      body: formOf(request, bytes),
    });
    expect((await collect(eventsOf(response))).at(-1)).toMatchObject({ text: adapted.text });
  }, 60_000);

  it("keeps an idle connection longer than callers do", async () => {
    const url = await urlOf(run({ MODEL: checkpoint }));
    const headers = await new Promise<IncomingHttpHeaders>((resolve, reject) => {
      const agent = new Agent({ keepAlive: true });
      get(`${url}/live`, { agent }, (response) => {
        response.resume().on("end", () => agent.destroy());
        resolve(response.headers);
      }).on("error", reject);
    });
    // Node says so with its own limit. Balancers and clients close idle connections after 60 s at most.
    expect(headers["keep-alive"]).toBe("timeout=75");
  });

  it("lets a reply in flight end on SIGTERM, then exits with 0", async () => {
    const process = run({ MODEL: checkpoint });
    const url = await urlOf(process);
    const response = await fetch(`${url}/v1/generate`, {
      method: "POST",
      headers: { [secretHeader]: secret },
      body: JSON.stringify({ tenant: "t", ...ask("hi"), sampling: { max_tokens: 100 } }),
    });
    process.child.kill("SIGTERM");
    const events = await collect(eventsOf(response));
    expect(events.at(-1)?.type).toBe("done");
    expect(await process.exit).toBe(0);
  }, 30_000);

  it("ends when the process that started it is killed", async () => {
    const script = `
      const { spawn } = require("node:child_process");
      const child = spawn(process.execPath, [${JSON.stringify(main)}], {
        stdio: "inherit", env: { ...process.env, PARENT_PID: String(process.pid) } });
      console.log("child " + child.pid);
      setInterval(() => {}, 1000);`;
    const parent = run({ MODEL: checkpoint }, ["-e", script]);
    await urlOf(parent);
    const pid = Number(parent.output().match(/child (\d+)/)?.[1]);
    parent.child.kill("SIGKILL");
    const isAlive = () => {
      try {
        return process.kill(pid, 0);
      } catch {
        return false;
      }
    };
    await expect.poll(isAlive).toBe(false);
  }, 30_000);

  it("names every bad setting and what is allowed, and shows no secret", async () => {
    const process = run({ PROVIDER: "tpu", GPU_PORT: "70000", GPU_SECRET: "short one" });
    expect(await process.exit).toBe(1);
    expect(process.output()).toContain('PROVIDER="tpu"');
    expect(process.output()).toMatch(/"cpu"\|"webgpu"\|"cuda"/);
    expect(process.output()).toContain('GPU_PORT="70000"');
    expect(process.output()).toContain("GPU_SECRET: needs at least 16 characters");
    expect(process.output()).not.toContain("short one");
    expect(process.output()).not.toContain("    at ");
  }, 15_000);

  it("exits with a clear message when the port is in use", async () => {
    const blocker: Server = createServer();
    await new Promise<void>((resolve) => blocker.listen(0, "127.0.0.1", resolve));
    const { port } = blocker.address() as { port: number };
    const process = run({ MODEL: checkpoint, GPU_PORT: String(port) });
    expect(await process.exit).toBe(1);
    expect(process.output()).toContain(`127.0.0.1:${port}: the port is in use`);
    blocker.close();
  }, 15_000);

  it("exits with a clear message when there is no such model", async () => {
    const process = run({ MODEL: "/nowhere/at/all" });
    expect(await process.exit).toBe(1);
    expect(process.output()).toContain("/nowhere/at/all");
  }, 15_000);
});
