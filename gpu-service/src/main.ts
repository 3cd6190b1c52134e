/** Starts the GPU service from its environment and ends it in good order. */
import { pino } from "pino";
import { type Config, readConfig, readOrExit } from "./config.ts";
import { Engine } from "./engine/queue/engine.ts";
import { Metrics } from "./http/metrics.ts";
import { secretsOf } from "./http/secret.ts";
import { serve } from "./http/serve.ts";
import { createService } from "./http/service.ts";
import type { LoadOptions } from "./load.ts";

const config = readOrExit(() => readConfig(process.env));
const logger = pino({ level: config.LOG_LEVEL, base: { service: "gpu" } });
const metrics = new Metrics();
const secrets = readOrExit(() => secretsOf(config, logger));
const engine = startEngine(config);
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
engine.ready.catch((error: Error) => fail(`Cannot load the model: ${error.message}`));

function startEngine(config: Config): Engine {
  const options: LoadOptions = {
    model: config.MODEL,
    hub: { endpoint: config.HF_ENDPOINT, token: config.HF_TOKEN },
    provider: config.PROVIDER,
    quantize: config.QUANTIZE,
    threads: config.THREADS,
    contextTokensMax: config.CONTEXT_TOKENS,
  };
  const startedAt = performance.now();
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
    hooks: {
      onPass: (report, state) => metrics.enginePassed(report, state),
      onReady: (model) =>
        logger.info({ model, ms: Math.round(performance.now() - startedAt) }, "model loaded"),
      onError: (err) => {
        metrics.engineFailed();
        logger.error({ err }, "engine failure");
      },
    },
  });
}
