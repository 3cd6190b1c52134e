/** The deploy command against a stand-in account; the database and the Worker are real. */
import { readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { Api } from "../../edge/local/api.ts";
import { PrivateFolder } from "../../edge/local/private-folder.ts";
import { FakeGpu } from "../support/fake-gpu.ts";
import { FakeOpenAi } from "../support/fake-openai.ts";
import { Deployment } from "./support/deployment.ts";

const gpuSecret = "secret-of-the-deploy-tests";

describe("the first deploy and those after it", () => {
  let deployment: Deployment;
  let gpuUrl: string;
  let firstKey = "";

  beforeAll(async () => {
    deployment = await Deployment.make();
    gpuUrl = await new FakeGpu(gpuSecret).listen();
  });
  afterAll(() => deployment?.remove());

  it("makes database, bucket, tables, Worker and key in order, and the result answers", async () => {
    const { code, printed } = await deployment.run({ GPU_URL: gpuUrl, GPU_SECRET: gpuSecret });
    expect(printed).toContain("a session answered a request");
    expect(code).toBe(0);
    expect(deployment.takeCalls().map((call) => call.split(" ").slice(0, 3).join(" "))).toEqual([
      "whoami",
      "secret list",
      "d1 list",
      "d1 create rosa2-production",
      "d1 list",
      "r2 bucket info",
      "r2 bucket create",
      "d1 migrations apply",
      "deploy",
      "d1 execute DB",
      "d1 execute DB",
    ]);
    const { databases, workers } = deployment.account;
    expect(workers["rosa2-production"]).toEqual({
      GPU_URL: gpuUrl,
      GPU_SECRET: gpuSecret,
      CLIENT_TOKEN_SECRET: readFileSync(
        join(deployment.folder, "state/deploy/production/token-secret"),
        "utf8",
      ).trim(),
    });
    expect(readFileSync(deployment.configPath, "utf8")).toContain(databases[0]?.uuid);

    const keyFile = join(deployment.folder, "state/deploy/production/api-key");
    firstKey = readFileSync(keyFile, "utf8").trim();
    expect(statSync(keyFile).mode & 0o777).toBe(0o600);
    expect(printed).toContain(firstKey);
    const usage = await fetch(`${deployment.url}/v1/keys`, {
      headers: { authorization: `Bearer ${firstKey}` },
    });
    expect(usage.status).toBe(200);
  }, 240_000);

  it("changes nothing the second time, except that it uploads the Worker", async () => {
    const before = deployment.account;
    const config = readFileSync(deployment.configPath, "utf8");
    const { code, printed } = await deployment.run({});
    expect(printed).not.toContain("made");
    expect(code).toBe(0);
    const calls = deployment.takeCalls().join("\n");
    expect(calls).not.toMatch(/create/);
    expect(calls.match(/d1 execute/g)).toHaveLength(1);
    expect(deployment.account).toEqual(before);
    expect(readFileSync(deployment.configPath, "utf8")).toBe(config);
    const keys = await fetch(`${deployment.url}/v1/keys`, {
      headers: { authorization: `Bearer ${firstKey}` },
    });
    expect(((await keys.json()) as { data: unknown[] }).data).toHaveLength(1);
  }, 240_000);
});

describe("a change of the GPU secret", () => {
  let deployment: Deployment;
  beforeAll(async () => {
    deployment = await Deployment.make();
  });
  afterAll(() => deployment?.remove());

  it("waits until the GPU service accepts the next one, then gives it to the edge", async () => {
    const secrets = new PrivateFolder(join(deployment.folder, "state/deploy/production"));
    secrets.write("gpu-secret", gpuSecret);
    const gpu = new FakeGpu(gpuSecret);
    const variables = { GPU_URL: await gpu.listen() };

    const early = await deployment.run(variables, ["--rotate-secret"]);
    expect(early.code).toBe(1);
    expect(early.printed).toContain("gpu-secret.both");
    expect(deployment.account.workers).toEqual({});
    const both = secrets.read("gpu-secret.both")?.split(",") ?? [];
    expect(both).toEqual([gpuSecret, expect.stringMatching(/^[0-9a-f]{64}$/)]);
    expect(early.printed).not.toContain(both[1]);

    gpu.take(...both);
    const { code, printed } = await deployment.run(variables, ["--rotate-secret"]);
    expect(printed).toContain("may forget the old one now");
    expect(code).toBe(0);
    expect(deployment.account.workers["rosa2-production"]).toMatchObject({ GPU_SECRET: both[1] });
    expect(secrets.read("gpu-secret")).toBe(both[1]);
    expect(secrets.read("gpu-secret.both")).toBeNull();
    gpu.take(both[1] ?? "");
    const health = await fetch(`${deployment.url}/health`);
    expect(await health.json()).toMatchObject({ status: "ok" });
  }, 240_000);
});

describe("a backup", () => {
  it("brings tenants and keys into a new deployment, row by row", async () => {
    const gpuUrl = await new FakeGpu(gpuSecret).listen();
    const [from, to] = [await Deployment.make(), await Deployment.make()];
    try {
      const variables = { GPU_URL: gpuUrl, GPU_SECRET: gpuSecret };
      expect((await from.run(variables)).code).toBe(0);
      const key = readFileSync(join(from.folder, "state/deploy/production/api-key"), "utf8").trim();
      const api = new Api({ url: from.url, key });
      await api.post("/v1/keys", { name: "for the backup" });

      const saved = join(from.folder, "backup");
      expect((await from.backup("save", saved)).printed).toContain("Saved tenants and keys");
      // A database without tables.
      to.change({ failing: "d1 migrations" });
      await to.run(variables);
      const restored = await to.backup("restore", saved);
      expect(restored.printed).toContain("Restored tenants and keys");
      expect((await to.backup("restore", saved)).printed).toContain("The database is not empty");
      const again = join(to.folder, "backup");
      expect((await to.backup("save", again)).code).toBe(0);
      expect(readTree(again)).toEqual(readTree(saved));
      expect(readTree(saved)["accounts.sql"]?.join()).toContain("for the backup");
    } finally {
      for (const deployment of [from, to]) deployment.remove();
    }
  }, 400_000);
});

/** Files by path as sorted lines, because the database decides the order of rows. */
function readTree(folder: string): Record<string, string[]> {
  const paths = readdirSync(folder, { recursive: true, encoding: "utf8" });
  const files = paths.filter((path) => statSync(join(folder, path)).isFile()).toSorted();
  return Object.fromEntries(
    files.map((path) => [path, readFileSync(join(folder, path), "latin1").split("\n").toSorted()]),
  );
}

describe("a deploy without a GPU service", () => {
  const deployments: Deployment[] = [];
  async function freshDeployment(): Promise<Deployment> {
    const deployment = await Deployment.make();
    deployments.push(deployment);
    return deployment;
  }
  afterAll(() => {
    for (const deployment of deployments) deployment.remove();
  });

  it("chooses a model of the platform's own and says so, until a GPU service is named", async () => {
    const deployment = await freshDeployment();
    const secrets = () => deployment.account.workers["rosa2-production"];
    // The platform's models cannot be reached from here, so only the upload is checked.
    const { printed } = await deployment.run({ GPU_URL: "" }, ["--wait", "1"]);
    expect(printed).toContain("of Workers AI: words adapt, weights do not");
    expect(secrets()).toEqual({
      INFERENCE: "workers-ai",
      INFERENCE_MODEL: "@cf/meta/llama-3.3-70b-instruct-fp8-fast",
      CLIENT_TOKEN_SECRET: expect.any(String),
    });
    const gpu = { GPU_URL: "https://gpu.example", GPU_SECRET: gpuSecret };
    await deployment.run(gpu, ["--wait", "1"]);
    expect(secrets()).toMatchObject({ INFERENCE: "gpu", ...gpu });
  }, 240_000);

  it("answers with what an endpoint gives it", async () => {
    const deployment = await freshDeployment();
    const url = await new FakeOpenAi("key-of-the-endpoint").listen();
    const { code, printed } = await deployment.run({
      ...{ GPU_URL: "", INFERENCE: "openai", INFERENCE_URL: url },
      ...{ INFERENCE_KEY: "key-of-the-endpoint", INFERENCE_MODEL: "host/chat" },
    });
    expect(printed).toContain("the edge answers; openai serves host/chat");
    expect(printed).toContain("a session answered a request");
    expect(printed).not.toContain("key-of-the-endpoint");
    expect(code).toBe(0);
  }, 240_000);
});

describe("a deploy that cannot go on", () => {
  let deployment: Deployment;
  beforeAll(async () => {
    deployment = await Deployment.make();
  });
  afterAll(() => deployment?.remove());

  it("says how to log in and touches nothing", async () => {
    deployment.change({ loggedIn: false });
    const { code, printed } = await deployment.run({ GPU_URL: "https://gpu.example" });
    expect(code).toBe(1);
    expect(printed).toContain("npx wrangler login");
    expect(printed).not.toContain("    at ");
    expect(deployment.takeCalls()).toEqual(["whoami"]);
    deployment.change({ loggedIn: true });
  });

  it("asks which account when there are several", async () => {
    const accounts = [
      { id: "a1", name: "One" },
      { id: "a2", name: "Two" },
    ];
    deployment.change({ accounts });
    const { code, printed } = await deployment.run({ GPU_URL: "https://gpu.example" });
    expect(code).toBe(1);
    expect(printed).toMatch(/CLOUDFLARE_ACCOUNT_ID[\s\S]*a2 {2}Two/);
    deployment.change({ accounts: accounts.slice(0, 1) });
  });

  it("asks for what a hosted model's endpoint needs before it makes anything", async () => {
    const given = { GPU_URL: "", INFERENCE: "openai", INFERENCE_MODEL: "host/chat" };
    const { code, printed } = await deployment.run(given, ["--env", "staging"]);
    expect(code).toBe(1);
    expect(printed).toContain("INFERENCE_URL=… INFERENCE_KEY=… npm run deploy -- --env staging");
    expect(deployment.account).toMatchObject({ databases: [], buckets: [], workers: {} });
  });

  it("continues where a failed one stopped, with the secret that it had made", async () => {
    const secretFile = join(deployment.folder, "state/deploy/production/gpu-secret");
    deployment.change({ failing: "d1 migrations" });
    const first = await deployment.run({ GPU_URL: "https://gpu.example" });
    expect(first.code).toBe(1);
    expect(first.printed).toContain("Internal server error");
    const secret = readFileSync(secretFile, "utf8");
    expect(secret.trim()).toMatch(/^[0-9a-f]{64}$/);
    expect(deployment.account.workers).toEqual({});
    expect(first.printed).not.toContain(secret.trim());

    deployment.takeCalls();
    deployment.change({ failing: "deploy" });
    await deployment.run({ GPU_URL: "https://gpu.example" });
    expect(deployment.takeCalls().join()).not.toContain("create");
    expect(readFileSync(secretFile, "utf8")).toBe(secret);
    expect(deployment.account.databases).toHaveLength(1);
  }, 120_000);

  it("names an environment that does not exist, and those that do", async () => {
    const { code, printed } = await deployment.run({}, ["--env", "prod"]);
    expect(code).toBe(1);
    expect(printed).toMatch(/--env prod.*"staging"\|"production"/);
  });
});
