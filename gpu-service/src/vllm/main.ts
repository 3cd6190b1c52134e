/**
 * The gateway in front of one vLLM: serves the GPU service's `/v1/generate` with replies of vLLM.
 *
 * An edge whose INFERENCE_URL is this process sends replies here and everything else to its GPU service. The gateway
 * runs beside vLLM and shares a folder with it, because vLLM loads adapters only from its own disk.
 */
import { setTimeout as sleep } from "node:timers/promises";
import { type Logger, pino } from "pino";
import { readAdapter } from "../adapt/adapter-file.ts";
import { peftFiles } from "../adapt/peft.ts";
import { type Checkpoint, openCheckpoint } from "../checkpoint/checkpoint.ts";
import { readModelSettings } from "../checkpoint/model-settings.ts";
import { readOrExit } from "../config.ts";
import { Metrics } from "../http/metrics.ts";
import { secretsOf } from "../http/secret.ts";
import { serve } from "../http/serve.ts";
import { createReplyService } from "../http/service.ts";
import { resolveModel } from "../hub/resolve.ts";
import { type Basis, makeBasis } from "../lora/basis.ts";
import { loraGroups } from "../lora/sites.ts";
import { VllmClient } from "./client.ts";
import { type GatewayConfig, readGatewayConfig } from "./config.ts";
import { LoadedAdapters } from "./loaded-adapters.ts";
import { VllmReplies } from "./replies.ts";
import { Starting } from "./starting.ts";

const pollMs = 1_000;

const config = readOrExit(() => readGatewayConfig(process.env));
const logger = pino({ level: config.LOG_LEVEL, base: { service: "vllm-gateway" } });
const secrets = readOrExit(() => secretsOf(config, logger));
const source = new Starting();
const service = createReplyService(source, { secrets, logger, metrics: new Metrics() });
const fail = serve({
  fetch: service.fetch,
  host: config.GPU_HOST,
  port: config.GPU_PORT,
  logger,
  parentPid: config.PARENT_PID,
  inFlight: () => source.inFlight,
  drain: (graceMs) => source.drain(graceMs),
});
start(config, logger).then(
  (replies) => source.become(replies),
  (error: Error) => fail(`Cannot start: ${error.message}`),
);

/** Opens the checkpoint that adapters belong to, then waits until vLLM serves and takes over its adapters. */
async function start(config: GatewayConfig, logger: Logger): Promise<VllmReplies> {
  const { directory } = await resolveModel(config.MODEL, {
    endpoint: config.HF_ENDPOINT,
    token: config.HF_TOKEN,
  });
  const checkpoint = openCheckpoint(directory);
  // Reads every weight once; vLLM loads them at the same time.
  const { digest } = checkpoint;
  const vllm = new VllmClient({ url: config.VLLM_URL, key: config.VLLM_KEY });
  const served = await untilServed(vllm, logger);
  const base = served.find(({ id, parent }) =>
    config.VLLM_MODEL === undefined ? parent === null : id === config.VLLM_MODEL,
  );
  if (base === undefined) {
    const names = served.map(({ id }) => id).join(", ");
    throw new Error(
      `vLLM serves ${names}; VLLM_MODEL="${config.VLLM_MODEL ?? ""}" is not among them`,
    );
  }
  const loaded = new LoadedAdapters({
    vllm,
    folder: config.LORA_DIR,
    adaptersMax: config.ADAPTERS_MAX,
    peftFiles: peftMaker(checkpoint, base.id),
    logger,
  });
  await loaded.adopt(served.filter(({ id }) => id !== base.id).map(({ id }) => id));
  const { context } = readModelSettings(directory);
  const model = {
    id: base.id,
    digest,
    context_length: base.contextTokens ?? checkpoint.config.contextLength,
    parameters: checkpoint.parameterCount,
    ...(context === undefined ? {} : { context_policy: context }),
  };
  logger.info({ model, adapters: loaded.names.length }, "vLLM serves");
  const { sampling } = checkpoint.config;
  return new VllmReplies({ vllm, loaded, model, sampling, repliesMax: config.QUEUE });
}

async function untilServed(vllm: VllmClient, logger: Logger) {
  for (let said = false; ; said = true) {
    try {
      return await vllm.models();
    } catch (error) {
      if (!said) logger.info(`Waiting for vLLM: ${(error as Error).message}`);
      await sleep(pollMs);
    }
  }
}

/** Turns adapter files into PEFT directories of this checkpoint; the frozen A is made once per rank. */
function peftMaker(checkpoint: Checkpoint, modelId: string) {
  const bases = new Map<number, Basis>();
  return (bytes: Uint8Array) => {
    const adapter = readAdapter(checkpoint, bytes);
    const basis = bases.get(adapter.rank) ?? makeBasis(loraGroups(checkpoint.config), adapter.rank);
    bases.set(adapter.rank, basis);
    return peftFiles(checkpoint, modelId, basis, adapter);
  };
}
