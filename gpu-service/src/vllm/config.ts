/**
 * Settings of the gateway in front of vLLM, read once from the environment. Settings of the server itself are in
 * ../config.ts.
 */
import { z } from "zod";
import {
  checkpointSettings,
  type Environment,
  read,
  serverSettings,
  wholeNumber,
  withSecret,
} from "../config.ts";

const gatewaySchema = z.object({
  ...serverSettings,
  ...checkpointSettings,
  /** Address of vLLM's OpenAI-compatible server, without /v1. */
  VLLM_URL: z
    .url({ protocol: /^https?$/, error: "needs the form http://host:port" })
    .transform((url) => url.replace(/(?<!\/)\/+$/, ""))
    .default("http://127.0.0.1:8000"),
  /** vLLM's --api-key, if it has one. */
  VLLM_KEY: z.string().min(1).optional(),
  /** vLLM's name of the base model; by default the first that it lists. */
  VLLM_MODEL: z.string().min(1).optional(),
  LORA: z.undefined({ error: "cannot be merged here: give vLLM the merged model" }).optional(),
  /** Folder of adapter directories; vLLM must see it under the same path. */
  LORA_DIR: z.string({ error: "is required" }).regex(/^\//, "must be an absolute path"),
  /** Adapters loaded in vLLM at a time; at most its --max-cpu-loras. */
  ADAPTERS_MAX: wholeNumber(1, 10_000).default(32),
  /** Replies in flight at a time; vLLM queues what it cannot decode at once. */
  QUEUE: wholeNumber(1, 100_000).default(256),
});

export type GatewayConfig = z.infer<typeof gatewaySchema>;

/** Reads and checks the settings. Throws `ConfigError`. */
export function readGatewayConfig(environment: Environment): GatewayConfig {
  return read(withSecret(gatewaySchema), environment);
}
