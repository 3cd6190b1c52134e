/** The Modal tooling against a stand-in for its proxy and for its command line. */
import { spawn } from "node:child_process";
import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import type { Health } from "@rosa2/shared/health";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { rootPath } from "../../edge/local/settings.ts";

const health: Health = {
  status: "ok",
  model: { id: "mini", digest: "0".repeat(64), context_length: 512, parameters: 1 },
  provider: "cuda",
  queue: { waiting: 0, running: 0 },
};

describe("the Modal tooling", () => {
  let proxy: Server;
  let url: string;
  let folder: string;
  /** The proxy's next answers; the last one is repeated. */
  let answers: { status: number; body: string }[] = [];
  let asked: (string | undefined)[] = [];
  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), "rosa2-modal-"));
    const modal = join(folder, "modal");
    writeFileSync(modal, `#!/bin/sh\necho "$@" >> ${folder}/calls.txt\nexit 3\n`);
    chmodSync(modal, 0o755);
    proxy = createServer((request, response) => {
      asked.push(request.headers["modal-key"] as string | undefined);
      const [answer] = answers.length > 1 ? answers.splice(0, 1) : answers;
      const allowed = request.headers["modal-secret"] === "s";
      response.writeHead(allowed ? (answer?.status ?? 500) : 401).end(answer?.body);
    });
    await new Promise<void>((done) => proxy.listen(0, "127.0.0.1", done));
    url = `http://127.0.0.1:${(proxy.address() as AddressInfo).port}`;
  });
  afterAll(() => {
    proxy.close();
    rmSync(folder, { recursive: true });
  });
  beforeEach(() => {
    asked = [];
  });

  it("warms a sleeping deployment by asking until it serves", async () => {
    answers = [
      { status: 502, body: "bad gateway" },
      { status: 503, body: JSON.stringify({ ...health, status: "loading", model: null }) },
      { status: 200, body: JSON.stringify(health) },
    ];
    const { code, printed } = await run("warm");
    expect(printed).toMatch(/^mini serves after \d+\.\d s$/m);
    expect(code).toBe(0);
    expect(asked).toEqual(["k", "k", "k"]);
  });

  it("gives up at once when the proxy refuses the key", async () => {
    answers = [{ status: 200, body: JSON.stringify(health) }];
    const { code, printed } = await run("warm", { MODAL_SECRET: "wrong" });
    expect(code).toBe(1);
    expect(printed).toContain("refused MODAL_KEY and MODAL_SECRET (401)");
    expect(asked).toHaveLength(1);
  });

  it("shows health, and fails while the service cannot answer", async () => {
    answers = [{ status: 503, body: JSON.stringify({ ...health, status: "draining" }) }];
    const { code, printed } = await run("health");
    expect(printed).toContain('"status": "draining"');
    expect(code).toBe(1);
    expect(asked).toHaveLength(1);
  });

  it("names every variable that is missing", async () => {
    const { code, printed } = await run("health", { MODAL_URL: "nowhere", MODAL_KEY: "" });
    expect(code).toBe(1);
    expect(printed).toMatch(/MODAL_URL must be the address/);
    expect(printed).toMatch(/MODAL_KEY/);
    expect(printed).not.toContain("    at ");
  });

  it("deploys the app file with the platform's tool and passes its exit code on", async () => {
    const missing = await run("deploy");
    expect(missing.printed).toContain("ROSA2_IMAGE is required");
    const { code } = await run("deploy", { ROSA2_IMAGE: "registry.example/rosa2-gpu:cuda" });
    expect(code).toBe(3);
    expect(readFileSync(join(folder, "calls.txt"), "utf8")).toBe(
      `deploy ${rootPath}gpu-service/modal/app.py\n`,
    );
  });

  async function run(
    command: string,
    variables: Record<string, string> = {},
  ): Promise<{ code: number | null; printed: string }> {
    const script = join(rootPath, "gpu-service/modal/main.ts");
    const child = spawn(process.execPath, [script, command], {
      env: {
        PATH: [folder, process.env.PATH].join(delimiter),
        ...{ MODAL_URL: url, MODAL_KEY: "k", MODAL_SECRET: "s" },
        ...variables,
      },
    });
    let printed = "";
    for (const stream of [child.stdout, child.stderr]) {
      stream.on("data", (data) => (printed += data));
    }
    const code = await new Promise<number | null>((done) => child.on("close", done));
    return { code, printed };
  }
});
