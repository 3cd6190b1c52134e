/**
 * Test projects: `edge` and `simulation` run in workerd against a stand-in for the GPU service, `hosted-…` against one
 * for a hosted model, the others in Node.
 */
import { readFileSync } from "node:fs";
import { availableParallelism } from "node:os";
import { fileURLToPath } from "node:url";
import { cloudflareTest, readD1Migrations } from "@cloudflare/vitest-plugin";
import { defineConfig, type TestProjectConfiguration } from "vitest/config";
import { BaseSequencer, type TestSpecification } from "vitest/node";
import { FakeGpu } from "./test/support/fake-gpu.ts";
import { FakeOpenAi } from "./test/support/fake-openai.ts";
import { FakeReceiver } from "./test/support/fake-receiver.ts";
import { FakeStripe } from "./test/support/fake-stripe.ts";

const gpuSecret = "secret-of-the-edge-tests";
const stripeKey = "key-of-the-edge-tests";
const endpointKey = "key-of-the-hosted-model";

const common = {
  // Three files at a time on two cores: two of them leave a third of the time unused.
  maxWorkers: Math.max(3, Math.ceil(availableParallelism() / 2)),
  // For what never comes: on a busy machine a test may take many times as long as on an idle one.
  testTimeout: 300_000,
  hookTimeout: 300_000,
  expect: { poll: { timeout: 120_000 } },
};

/** First the projects with the longest files, so that no long file is left for the end; within one, as Vitest has it. */
class LongestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const order = ["simulation", "e2e", "deploy", "edge", "hosted-openai", "hosted-workers-ai"];
    const rank = ({ project }: TestSpecification) =>
      order.includes(project.name) ? order.indexOf(project.name) : order.length;
    return (await super.sort(files)).sort((a, b) => rank(a) - rank(b));
  }
}

const node = (name: string) => ({
  ...common,
  name,
  environment: "node" as const,
  include: [`test/${name}/**/*.test.ts`],
});

/** The client from its sources; what is packed of it is tested as a package. */
const client = fileURLToPath(new URL("./edge/client/src/", import.meta.url));
const phone = fileURLToPath(new URL("./test/edge/client/phone.ts", import.meta.url));
const alias = {
  "rosa2/ai-sdk": `${client}ai-sdk.ts`,
  "rosa2/react": `${client}react.ts`,
  rosa2: `${client}index.ts`,
  // The documents' screen, and what a phone brings to it.
  "examples/ChatScreen": `${client}../examples/ChatScreen.tsx`,
  "expo/fetch": phone,
  "react-native": phone,
};

/** What a project differs in: who gives replies. */
type Options = Record<string, unknown> & { bindings?: Record<string, string> };

/** A hosted model behind an endpoint, or behind the platform's binding; the same stand-in speaks for both. */
const hosted = {
  async openai(): Promise<Options> {
    const INFERENCE_URL = await new FakeOpenAi(endpointKey).listen();
    const common = { INFERENCE: "openai", INFERENCE_MODEL: "host/chat", ENDPOINT: INFERENCE_URL };
    return { bindings: { ...common, INFERENCE_URL, INFERENCE_KEY: endpointKey } };
  },
  async workersAi(): Promise<Options> {
    const URL = await new FakeOpenAi(endpointKey).listen();
    const script = readFileSync("test/support/fake-workers-ai.mjs", "utf8");
    return {
      bindings: { INFERENCE: "workers-ai", INFERENCE_MODEL: "@cf/host/chat", ENDPOINT: URL },
      serviceBindings: { AI: { name: "ai", entrypoint: "Ai" } },
      workers: [
        {
          name: "ai",
          modules: true,
          script,
          compatibilityDate: "2026-11-01",
          bindings: { URL, KEY: endpointKey },
        },
      ],
    };
  },
};

/** Tests in workerd with real D1, R2 and Durable Objects; the GPU service and Stripe are stood in for. */
const workerd = (
  name: string,
  {
    folder = name,
    maxConcurrency = 5,
    options = async () => ({}),
  }: { folder?: string; maxConcurrency?: number; options?: () => Promise<Options> } = {},
): TestProjectConfiguration => ({
  plugins: [
    cloudflareTest(async () => {
      const { bindings, ...rest } = await options();
      return {
        wrangler: { configPath: "./wrangler.toml" },
        remoteBindings: false,
        miniflare: {
          ...rest,
          cf: false,
          bindings: {
            TEST_MIGRATIONS: await readD1Migrations("./migrations/d1"),
            GPU_URL: await new FakeGpu(gpuSecret).listen(),
            GPU_ELSEWHERE: await new FakeGpu(gpuSecret).listen(),
            GPU_SECRET: gpuSecret,
            CLIENT_TOKEN_SECRET:
              "the-newest-secret-of-the-edge-tests,the-older-secret-of-the-edge-tests",
            RECEIVER_URL: await new FakeReceiver().listen(),
            STRIPE_URL: await new FakeStripe(stripeKey).listen(),
            STRIPE_KEY: stripeKey,
            GPU_TIMEOUT_MS: "60000",
            GPU_UPDATE_TIMEOUT_MS: "60000",
            METERING_MS: "250",
            WEBHOOKS_LOCALHOST: "on",
            LOG: "off",
            RATE_LIMIT: "off",
            SIMULATION_SEEDS: process.env.SIMULATION_SEEDS ?? "",
            ...bindings,
          },
        },
      };
    }),
  ],
  resolve: { alias },
  test: {
    name,
    // Every test brings its own tenant, so files can share one worker; starting one takes seconds.
    isolate: false,
    include: [`test/${folder}/**/*.test.ts`],
    setupFiles: ["./test/edge/support/setup.ts"],
    maxConcurrency,
    ...common,
  },
});

export default defineConfig({
  test: {
    sequence: { sequencer: LongestFirst },
    projects: [
      workerd("edge"),
      // Its schedules mostly wait.
      workerd("simulation", { maxConcurrency: 12 }),
      workerd("hosted-openai", { folder: "hosted", options: hosted.openai }),
      workerd("hosted-workers-ai", { folder: "hosted", options: hosted.workersAi }),
      { test: node("gpu") },
      { test: node("shared") },
      { test: { ...node("deploy"), globalSetup: "./test/support/build-worker.ts" } },
      {
        resolve: { alias },
        test: { ...node("e2e"), globalSetup: "./test/support/build-worker.ts" },
      },
    ],
  },
});
