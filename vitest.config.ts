/** Test projects: `edge` and `simulation` run in workerd against a stand-in for the GPU service, the others in Node. */
import { fileURLToPath } from "node:url";
import { cloudflareTest, readD1Migrations } from "@cloudflare/vitest-plugin";
import { defineConfig, type TestProjectConfiguration } from "vitest/config";
import { FakeGpu } from "./test/support/fake-gpu.ts";
import { FakeStripe } from "./test/support/fake-stripe.ts";

const gpuSecret = "secret-of-the-edge-tests";
const stripeKey = "key-of-the-edge-tests";

const node = (name: string) => ({
  name,
  environment: "node" as const,
  include: [`test/${name}/**/*.test.ts`],
});

/** The client from its sources; what is packed of it is tested as a package. */
const client = fileURLToPath(new URL("./edge/client/src/", import.meta.url));
const alias = { "rosa2/ai-sdk": `${client}ai-sdk.ts`, rosa2: `${client}index.ts` };

/** Tests in workerd with real D1, R2 and Durable Objects; the GPU service and Stripe are stood in for. */
const workerd = (name: string, testTimeout: number): TestProjectConfiguration => ({
  plugins: [
    cloudflareTest(async () => ({
      wrangler: { configPath: "./wrangler.toml" },
      remoteBindings: false,
      miniflare: {
        cf: false,
        bindings: {
          TEST_MIGRATIONS: await readD1Migrations("./migrations/d1"),
          GPU_URL: await new FakeGpu(gpuSecret).listen(),
          GPU_ELSEWHERE: await new FakeGpu(gpuSecret).listen(),
          GPU_SECRET: gpuSecret,
          CLIENT_TOKEN_SECRET:
            "the-newest-secret-of-the-edge-tests,the-older-secret-of-the-edge-tests",
          STRIPE_URL: await new FakeStripe(stripeKey).listen(),
          STRIPE_KEY: stripeKey,
          GPU_TIMEOUT_MS: "3000",
          GPU_UPDATE_TIMEOUT_MS: "3000",
          METERING_MS: "250",
          LOG: "off",
          RATE_LIMIT: "off",
          SIMULATION_SEEDS: process.env.SIMULATION_SEEDS ?? "",
        },
      },
    })),
  ],
  resolve: { alias },
  test: {
    name,
    // Every test brings its own tenant, so files can share one worker; starting one takes seconds.
    isolate: false,
    include: [`test/${name}/**/*.test.ts`],
    setupFiles: ["./test/edge/support/setup.ts"],
    testTimeout,
  },
});

export default defineConfig({
  test: {
    projects: [
      workerd("edge", 20_000),
      workerd("simulation", 300_000),
      { test: { ...node("gpu"), testTimeout: 60_000 } },
      { test: node("shared") },
      {
        test: {
          ...node("deploy"),
          testTimeout: 120_000,
          hookTimeout: 60_000,
          fileParallelism: false,
        },
      },
      {
        test: {
          ...node("e2e"),
          testTimeout: 180_000,
          hookTimeout: 180_000,
          fileParallelism: false,
          maxConcurrency: 1,
        },
      },
    ],
  },
});
