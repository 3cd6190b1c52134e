/** Starts the GPU service from its environment and ends it cleanly. */
import { flushCompileCache } from "node:module";
import { type Config, readConfig, readOrExit } from "./config.ts";
import { Engine, type EngineHooks } from "./engine/queue/engine.ts";
import type { LoadOptions } from "./load.ts";

const config = readOrExit(() => readConfig(process.env));
const startedAt = performance.now();
const hooks: EngineHooks = {};
const engine = startEngine(config, hooks);
// The engine's thread loads the model meanwhile.
const [{ pino }, { Metrics }, { secretsOf }, { serve }, { createService }] = await Promise.all([
  import("pino"),
  import("./http/metrics.ts"),
  import("./http/secret.ts"),
  import("./http/serve.ts"),
  import("./http/service.ts"),
]);
const logger = pino({ level: config.LOG_LEVEL, base: { service: "gpu" } });
const metrics = new Metrics();
const secrets = readOrExit(() => secretsOf(config, logger));
Object.assign(hooks, {
  onPass: (report, state) => metrics.enginePassed(report, state),
  onReady: (model) => logger.info({ model, ms: sinceStart() }, "model loaded"),
  onError: (err) => {
    metrics.engineFailed();
    logger.error({ err }, "engine failure");
  },
} satisfies EngineHooks);
const service = createService({ engine, secrets, logger, metrics });
const fail = serve({
  fetch: service.fetch,
  host: config.GPU_HOST,
  port: config.GPU_PORT,
  logger,
  parentPid: config.PARENT_PID,
  inFlight: () => engine.inFlight,
  drain: (graceMs) => engine.stop(graceMs),
});
engine.ready.then(
  // At once, because a killed process would keep nothing.
  () => flushCompileCache(),
  (error: Error) => fail(`Cannot load the model: ${error.message}`),
);

function startEngine(config: Config, hooks: EngineHooks): Engine {
  const options: LoadOptions = {
    model: config.MODEL,
    lora: config.LORA ?? null,
    hub: { endpoint: config.HF_ENDPOINT, token: config.HF_TOKEN },
    provider: config.PROVIDER,
    quantize: config.QUANTIZE,
    threads: config.THREADS,
    contextTokensMax: config.CONTEXT_TOKENS,
  };
  return new Engine({
    worker: {
      runtime: { module: new URL("./load.ts", import.meta.url).href, options },
      rowsMax: config.ROWS,
      prefillTokens: config.PREFILL_TOKENS,
      backgroundShare: config.BACKGROUND_SHARE,
      kvBytesMax: config.KV_BYTES,
      adapterCacheBytesMax: config.ADAPTER_CACHE_BYTES,
    },
    admission: {
      rowsMax: config.ROWS,
      queueMax: config.QUEUE,
      tenantQueueMax: config.TENANT_QUEUE,
      backgroundMax: config.BACKGROUND_QUEUE,
    },
    provider: config.PROVIDER,
    hooks,
  });
}

function sinceStart(): number {
  return Math.round(performance.now() - startedAt);
}
