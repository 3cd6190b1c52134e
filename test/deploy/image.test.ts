/**
 * The image, without a container engine: its Dockerfile is linted, and the steps of the CPU target run in a clean
 * folder. The CUDA target's download and base image cannot be reached from here.
 */
import { execFileSync, spawn } from "node:child_process";
import {
  chmodSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, dirname, join } from "node:path";
import { validate } from "dockerfile-utils";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { choosePort } from "../../edge/local/ports.ts";
import { rootPath } from "../../edge/local/settings.ts";
import { writeRandomCheckpoint } from "../gpu/support/random-checkpoint.ts";

const text = readFileSync(join(rootPath, "gpu-service/Dockerfile"), "utf8");
const stages = readStages(text);

describe("the image's file", () => {
  it("has no problem that a linter knows", () => {
    expect(validate(text)).toEqual([]);
  });

  it.each(["cpu", "cuda"])("ends target %s without root, with a health check", (name) => {
    const stage = stages.get(name)?.join("\n") ?? "";
    expect(stage).toMatch(/^USER 1000:1000$/m);
    expect(stage).toMatch(/^HEALTHCHECK .*\/live/m);
    expect(stage).toMatch(/^CMD \["node", "gpu-service\/src\/main.ts"\]$/m);
    expect(stage).not.toMatch(/SECRET/);
  });

  it("fetches CUDA's files for the CUDA target only", () => {
    const withCuda = [...stages].filter(([, lines]) => /cuda12/.test(lines.join()));
    expect(withCuda.map(([name]) => name)).toEqual(["cuda-dependencies"]);
    expect(stages.get("cpu")?.join()).not.toContain("cuda");
  });

  it("pins the Node that the project pins", () => {
    const { dependencies } = JSON.parse(readFileSync(join(rootPath, "package.json"), "utf8"));
    expect(text.match(/FROM node:([\d.]+)/)?.[1]).toBe(dependencies.node);
  });
});

describe("the CPU target's steps in a clean folder", () => {
  let root: string;
  let app: string;
  let checkpoint: string;
  beforeAll(() => {
    root = mkdtempSync(join(tmpdir(), "rosa2-image-"));
    chmodSync(root, 0o755);
    app = join(root, "app");
    mkdirSync(app);
    checkpoint = writeRandomCheckpoint();
    chmodSync(checkpoint, 0o755);
  });
  afterAll(() => {
    for (const folder of [root, checkpoint]) rmSync(folder, { recursive: true, force: true });
  });

  it("install only what the service needs, without CUDA's files", () => {
    for (const line of stages.get("dependencies") ?? []) step(line);
    const { dependencies, devDependencies } = JSON.parse(
      readFileSync(join(rootPath, "package.json"), "utf8"),
    );
    for (const name of ["wrangler", "vitest", "typescript", "node"]) {
      expect({ ...dependencies, ...devDependencies }).toHaveProperty(name);
      expect(existsSync(join(app, "node_modules", name)), name).toBe(false);
    }
    const provider = "node_modules/onnxruntime-node/bin/napi-v6/linux/x64";
    expect(existsSync(join(app, provider, "libonnxruntime_providers_cuda.so"))).toBe(false);
    for (const line of stages.get("sources") ?? []) if (line.startsWith("COPY")) step(line);
    const kibibytes = Number(execFileSync("du", ["-sk", app], { encoding: "utf8" }).split("\t")[0]);
    console.log(`folder of the CPU target: ${Math.round(kibibytes / 1024)} MiB`);
    expect(kibibytes / 1024).toBeLessThan(500);
  }, 240_000);

  it("serve as another user, who can write only to the cache and /tmp", async () => {
    const stage = stages.get("cpu") ?? [];
    const port = await choosePort(0);
    const variables = Object.fromEntries(
      stage
        .filter((line) => line.startsWith("ENV "))
        .flatMap((line) => line.slice(4).split(" "))
        .map((pair) => {
          const [name = "", ...value] = pair.split("=");
          return [name, value.join("=")];
        }),
    );
    const cache = mkdtempSync(join(root, "cache-"));
    chmodSync(cache, 0o777);
    const env = {
      PATH: [dirname(process.execPath), process.env.PATH].join(delimiter),
      ...variables,
      ROSA2_CACHE: cache,
      GPU_HOST: "127.0.0.1",
      GPU_PORT: String(port),
      GPU_SECRET: "secret-of-the-image-test",
      MODEL: checkpoint,
      THREADS: "1",
    };
    execFileSync("chmod", ["-R", "a+rX,a-w", app]);
    const [program = "", ...args] = json(stage, "CMD");
    // A user who may not change users runs it as itself.
    const user = process.getuid?.() === 0 ? { uid: 1000, gid: 1000 } : {};
    const node = program === "node" ? process.execPath : program;
    const service = spawn(node, args, {
      cwd: app,
      env,
      ...user,
      stdio: ["ignore", "pipe", "pipe"],
    });
    let output = "";
    for (const stream of [service.stdout, service.stderr]) {
      stream.on("data", (data) => (output += data));
    }
    try {
      const health = () => fetch(`http://127.0.0.1:${port}/health`).then(({ status }) => status);
      await expect
        .poll(() => health().catch(() => output), { timeout: 60_000, interval: 200 })
        .toBe(200);
      const check = stage.find((line) => line.startsWith("HEALTHCHECK")) ?? "";
      const [, ...checkArgs] = JSON.parse(check.slice(check.indexOf("[")));
      execFileSync(process.execPath, checkArgs, { cwd: app, env, ...user });
      const exit = new Promise((done) => service.once("exit", done));
      service.kill("SIGTERM");
      expect(await exit).toBe(0);
      // The same health check on a port where nothing listens.
      expect(() => execFileSync(process.execPath, checkArgs, { cwd: app, env })).toThrow();
    } finally {
      service.kill("SIGKILL");
    }
  }, 90_000);

  function step(line: string): void {
    const [instruction, ...words] = line.split(/\s+/);
    if (instruction === "RUN") {
      execFileSync("sh", ["-ec", line.slice(4)], { cwd: app, stdio: "pipe" });
    } else if (instruction === "COPY") {
      const target = join(app, words.pop() ?? "");
      for (const source of words) {
        const to = words.length > 1 ? join(target, source) : target;
        cpSync(join(rootPath, source), to, {
          recursive: true,
          filter: (path) => !path.includes("node_modules"),
        });
      }
    }
  }
});

/** Instructions by stage, each on one line. */
function readStages(file: string): Map<string, string[]> {
  const stages = new Map<string, string[]>();
  let lines: string[] = [];
  for (const line of file.split("\n")) {
    const name = line.match(/^FROM \S+ AS (\S+)$/)?.[1];
    if (name !== undefined) {
      lines = [];
      stages.set(name, lines);
    } else if (line !== "" && !line.startsWith("#")) {
      lines.push(line);
    }
  }
  return stages;
}

function json(stage: readonly string[], instruction: string): string[] {
  const line = stage.find((line) => line.startsWith(`${instruction} `)) ?? "";
  return JSON.parse(line.slice(instruction.length + 1)) as string[];
}
