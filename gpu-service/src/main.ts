/** Starts the GPU service from its environment and ends it in good order. */
import type { Server } from "node:http";
import type { AddressInfo } from "node:net";
import { createAdaptorServer } from "@hono/node-server";
import { pino } from "pino";
import { type Config, ConfigError, readConfig } from "./config.ts";
import { Engine } from "./engine/engine.ts";
import type { LoadOptions } from "./engine/load.ts";
import { Metrics } from "./metrics.ts";
import { createService } from "./service.ts";

/** How long replies and updates in flight may take to end after a signal. */
const graceMs = 30_000;
const parentCheckMs = 500;

const config = readConfigOrExit();
const logger = pino({ level: config.LOG_LEVEL, base: { service: "gpu" } });
const metrics = new Metrics();
const engine = startEngine(config);
const service = createService({ engine, secrets: config.GPU_SECRET, logger, metrics });
const server = createAdaptorServer({ fetch: service.fetch }) as Server;

let stopping = false;
process.on("SIGTERM", () => void stop(0));
process.on("SIGINT", () => void stop(0));
if (config.PARENT_PID !== undefined) watchParent(config.PARENT_PID);

server.on("error", (error: NodeJS.ErrnoException) => {
  const where = `${config.GPU_HOST}:${config.GPU_PORT}`;
  const what =
    error.code === "EADDRINUSE"
      ? `Cannot listen on ${where}: the port is in use (set GPU_PORT)`
      : `Cannot listen on ${where}: ${error.message}`;
  logger.fatal(what);
  void stop(1);
});
server.listen(config.GPU_PORT, config.GPU_HOST, () => {
  const { address, port } = server.address() as AddressInfo;
  logger.info({ url: `http://${address}:${port}` }, "listening");
});
engine.ready.catch((error: Error) => {
  logger.fatal(`Cannot load the model: ${error.message}`);
  void stop(1);
});

function readConfigOrExit(): Config {
  try {
    return readConfig(process.env);
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    console.error(error.message);
    process.exit(1);
  }
}

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
      runtime: { module: new URL("./engine/load.ts", import.meta.url).href, options },
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

/** Lets requests in flight end, then the process. A second signal ends it at once. */
async function stop(code: number): Promise<void> {
  if (stopping) process.exit(code || 1);
  stopping = true;
  logger.info({ in_flight: engine.inFlight }, "stopping");
  server.close();
  await engine.stop(graceMs);
  server.closeAllConnections();
  logger.info("stopped");
  process.exit(code);
}

/** Ends the service when the process that started it is gone, however that ended. */
function watchParent(pid: number): void {
  setInterval(() => {
    if (process.ppid !== pid) void stop(0);
  }, parentCheckMs).unref();
}
