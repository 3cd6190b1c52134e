/** The service's settings, read once from the environment. It knows names and allowed values, not their use. */
import { totalmem } from "node:os";
import { fileURLToPath } from "node:url";
import { z } from "zod";

/** Secrets shorter than this could be guessed. */
const secretCharsMin = 16;

const secretNames = new Set(["GPU_SECRET", "HF_TOKEN", "VLLM_KEY"]);

const mebibyte = 1_048_576;

export const wholeNumber = (min: number, max: number) => z.coerce.number().int().min(min).max(max);

const secretsSchema = z
  .string()
  .transform((text) => text.split(",").map((secret) => secret.trim()))
  .pipe(
    z
      .array(z.string().min(secretCharsMin, `needs at least ${secretCharsMin} characters`))
      .max(2, "can hold two secrets at most"),
  );

/** Settings of every process that the edge calls. */
export const serverSettings = {
  GPU_HOST: z.string().min(1).default("127.0.0.1"),
  /** 0 takes any free port. */
  GPU_PORT: wholeNumber(0, 65_535).default(8790),
  /** The secret shared with the edge; two, separated by a comma, while it is being changed. */
  GPU_SECRET: secretsSchema.optional(),
  /** Instead of GPU_SECRET: a file with the same content, which may change while the service runs. */
  GPU_SECRET_FILE: z.string().min(1).optional(),
  LOG_LEVEL: z.enum(["fatal", "error", "warn", "info", "debug", "trace", "silent"]).default("info"),
  /** Process to end with; set by the process that started this one. */
  PARENT_PID: wholeNumber(1, 2 ** 31).optional(),
};

/** Which model, and where it comes from. */
export const checkpointSettings = {
  /** Checkpoint directory or Hugging Face id. */
  MODEL: z
    .string()
    .min(1)
    .default(() => fileURLToPath(new URL("../models/rosa2-mini-2", import.meta.url))),
  /** Where a model given by its id comes from, and the token for private and gated ones. */
  HF_ENDPOINT: z
    .url({ protocol: /^https?$/, error: "needs the form https://host" })
    .transform((url) => url.replace(/(?<!\/)\/+$/, ""))
    .default("https://huggingface.co"),
  HF_TOKEN: z
    .string()
    .regex(/^hf_[\w-]+$/, "needs the form hf_…")
    .optional(),
};

const environmentSchema = z.object({
  ...serverSettings,
  ...checkpointSettings,
  /** PEFT directory or Hugging Face id of a LoRA to merge into the model. */
  LORA: z.string().min(1).optional(),
  PROVIDER: z.enum(["cpu", "webgpu", "cuda"]).default("cpu"),
  QUANTIZE: z.enum(["none", "8", "4"]).default("none"),
  /** Threads of one model run; chosen by the model's size by default. */
  THREADS: wholeNumber(1, 1024).optional(),
  /** Longest context served; a model's own is never exceeded. */
  CONTEXT_TOKENS: wholeNumber(16, 1_048_576).default(4096),
  /** Replies decoded together. */
  ROWS: wholeNumber(1, 256).default(16),
  /** Prompt tokens computed between two decode steps. */
  PREFILL_TOKENS: wholeNumber(1, 65_536).default(128),
  /** Share of the time that updates and scores may take while replies are being decoded. */
  BACKGROUND_SHARE: z.coerce.number().gt(0).max(1).default(0.5),
  /** Replies that may wait, in all and of one tenant; scores and updates in flight. */
  QUEUE: wholeNumber(0, 100_000).default(64),
  TENANT_QUEUE: wholeNumber(0, 100_000).default(32),
  BACKGROUND_QUEUE: wholeNumber(1, 100_000).default(64),
  /** Memory for keys and values; a quarter of the machine's by default. */
  KV_BYTES: wholeNumber(mebibyte, 2 ** 50).default(() => Math.floor(memoryBytes() / 4)),
  ADAPTER_CACHE_BYTES: wholeNumber(0, 2 ** 50).default(256 * mebibyte),
});

export type Config = z.infer<typeof environmentSchema>;

/** A setting that cannot be used; the message names it and what is allowed. */
export class ConfigError extends Error {}

/** Settings that decide how a model is fetched and how much memory it takes. */
const modelSchema = environmentSchema.pick({
  MODEL: true,
  LORA: true,
  HF_ENDPOINT: true,
  HF_TOKEN: true,
  QUANTIZE: true,
  CONTEXT_TOKENS: true,
  ROWS: true,
  KV_BYTES: true,
});

export type ModelSettings = z.infer<typeof modelSchema>;

export type Environment = Record<string, string | undefined>;

export type SecretSettings = Pick<Config, "GPU_SECRET" | "GPU_SECRET_FILE">;

/** Reads and checks the settings. An empty value counts as missing. Throws `ConfigError`. */
export function readConfig(environment: Environment): Config {
  return read(withSecret(environmentSchema), environment);
}

/** Parses the text of GPU_SECRET. Throws an Error that does not contain it. */
export function parseSecrets(text: string): string[] {
  const parsed = secretsSchema.safeParse(text.trim());
  if (!parsed.success) throw new Error(parsed.error.issues[0]?.message);
  return parsed.data;
}

/** Runs `work`. On a `ConfigError` the process ends with its message. */
export function readOrExit<T>(work: () => T): T {
  try {
    return work();
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    console.error(error.message);
    process.exit(1);
  }
}

/** Requires exactly one of the two ways to give the secret. */
export function withSecret<S extends z.ZodType<SecretSettings>>(schema: S) {
  return schema.superRefine(({ GPU_SECRET, GPU_SECRET_FILE }, context) => {
    const given = [GPU_SECRET, GPU_SECRET_FILE].filter((value) => value !== undefined).length;
    if (given === 1) return;
    const message = given === 0 ? "is required" : "cannot be used together with GPU_SECRET_FILE";
    context.addIssue({ code: "custom", path: ["GPU_SECRET"], message });
  });
}

/** The settings that concern the model; needs no secret. Throws `ConfigError`. */
export function readModelSettings(environment: Environment): ModelSettings {
  return read(modelSchema, environment);
}

/** Reads the settings of a schema. An empty value counts as missing. Throws `ConfigError` naming every problem. */
export function read<T>(schema: z.ZodType<T>, environment: Environment): T {
  const given = Object.fromEntries(
    Object.entries(environment).filter(([, value]) => value !== undefined && value !== ""),
  );
  const parsed = schema.safeParse(given);
  if (parsed.success) return parsed.data;
  const problems = parsed.error.issues.map((issue) => {
    const [name] = issue.path;
    // A secret's value must not reach a log.
    const value = secretNames.has(String(name)) ? "" : `="${environment[String(name)] ?? ""}"`;
    return `${String(name)}${value}: ${issue.message}`;
  });
  throw new ConfigError(`Cannot start with these settings:\n  ${problems.join("\n  ")}`);
}

/** Memory that this process may use: a container's limit where there is one. */
function memoryBytes(): number {
  const limit = process.constrainedMemory();
  return limit > 0 ? Math.min(limit, totalmem()) : totalmem();
}
