/** The edge's variables, checked once: a missing or bad one fails with its name and the allowed values. */
import { z } from "zod";
import { regions, rewriterNames } from "./contract/sets.ts";
import type { Pool } from "./gpu-client/pools.ts";
import type { Guard } from "./guard.ts";

const usdPerMillion = (usd: number) =>
  z.coerce.number("must be a number of US dollars").min(0).max(10_000).default(usd);
const milliseconds = (ms: number) =>
  z.coerce.number("must be milliseconds").int().min(10).max(3_600_000).default(ms);

/** One URL, or several with their regions: `weur=https://eu.example.com,enam=https://us.example.com`. */
const pools = z.string("must be an http(s) URL").transform((text, { addIssue }) => {
  try {
    return parsePools(text);
  } catch (error) {
    addIssue((error as Error).message);
    return z.NEVER;
  }
});

const variablesSchema = z.object({
  /**
   * The source of replies: the GPU service, whose weights adapt; or a hosted model, with words alone: an endpoint with
   * OpenAI's chat completions, or the binding `AI`.
   */
  INFERENCE: z.enum(["gpu", "openai", "workers-ai"]).default("gpu"),
  /** For workers-ai and openai: the model; for openai: its key, and in INFERENCE_URL the base URL up to the version. */
  INFERENCE_MODEL: z.string().min(1).optional(),
  INFERENCE_KEY: z.string().min(1).optional(),
  /** Base URL of the GPU service, or of several with their regions. */
  GPU_URL: pools.optional(),
  /** With gpu: the gateway in front of vLLM, which then gives replies. Updates and scores stay with the GPU service. */
  INFERENCE_URL: pools.optional(),
  /** Comma-separated names that also mean the served model, or * for any name. */
  MODEL_ALIASES: z.string().default("rosa2"),
  /** Shared with the GPU service; at least 16 characters. */
  GPU_SECRET: z
    .string("must be a string of at least 16 characters")
    .min(16, "must have at least 16 characters")
    .optional(),
  /** Signs client tokens; `<new>,<old>` while it is being changed. Without it no tokens are minted here. */
  CLIENT_TOKEN_SECRET: z
    .string()
    .regex(/^[^,]{32,}(,[^,]{32,})?$/, "must be one or two secrets of at least 32 characters")
    .optional(),
  /** Proxy headers of a deployment on Modal. */
  MODAL_KEY: z.string().optional(),
  MODAL_SECRET: z.string().optional(),
  /** A call is given up after this long without any data from the GPU service. */
  GPU_TIMEOUT_MS: milliseconds(60_000),
  /** The same during an update, which computes for long before it sends anything. */
  GPU_UPDATE_TIMEOUT_MS: milliseconds(300_000),
  /** After this long without data the service is asked for its health; without an answer it is cold. */
  GPU_COLD_MS: milliseconds(10_000),
  /** How long a caller who receives heartbeats waits for a cold service. */
  GPU_WARM_UP_MS: milliseconds(600_000),
  /** The source of proposed wordings, if a session does not choose one. */
  REWRITER: z.enum(rewriterNames).default("gpu"),
  /** For openai: base URL up to the version, key and model; for workers-ai: the model. */
  REWRITER_URL: z.url({ protocol: /^https?$/, error: "must be an http(s) URL" }).optional(),
  REWRITER_KEY: z.string().optional(),
  REWRITER_MODEL: z.string().min(1).optional(),
  /** A model that has not proposed by then is not awaited: the remarks as said are used. */
  REWRITER_TIMEOUT_MS: milliseconds(5_000),
  /** The model's window in tokens, to which a dialogue is cut. 512, and 8,192 with a hosted model. */
  CONTEXT_TOKENS: z.coerce.number("must be a number of tokens").int().min(64).max(1e6).optional(),
  /** A reply's length in tokens without max_tokens. 256, and 1,024 with a hosted model. */
  REPLY_TOKENS: z.coerce.number("must be a number of tokens").int().min(1).max(32_768).optional(),
  PRICE_INPUT_USD_PER_MTOK: usdPerMillion(0.1),
  PRICE_CACHED_USD_PER_MTOK: usdPerMillion(0.025),
  PRICE_OUTPUT_USD_PER_MTOK: usdPerMillion(0.4),
  /** Per accepted update. */
  PRICE_ADAPTATION_USD: z.coerce
    .number("must be a number of US dollars")
    .min(0)
    .max(100)
    .default(0.0005),
  /** How long metered events, and money that is not needed, may wait before the account gets them. */
  METERING_MS: milliseconds(300_000),
  /** Comma-separated origins that browsers may call from, or *. */
  CORS_ORIGINS: z.string().default("*"),
  /** Requests per key and minute; `off` leaves the limiter unused. */
  RATE_LIMIT: z.enum(["on", "off"]).default("on"),
  /** One structured line a request, without content or keys. */
  LOG: z.enum(["on", "off"]).default("on"),
  /** Reports metered events to Stripe; nothing is reported without a key. */
  STRIPE_KEY: z.string().min(1).optional(),
  STRIPE_URL: z
    .url({ protocol: /^https?$/, error: "must be an http(s) URL" })
    .default("https://api.stripe.com"),
  /** The meter's event name; its value is nano-dollars. */
  STRIPE_METER: z.string().min(1).max(100).default("rosa2_nano_usd"),
  /** Sessions that a tenant may have at once. */
  SESSIONS_MAX: z.coerce.number("must be a count").int().min(1).default(100_000),
  /** Bytes that one session may store: turns, feedback, words, its event log. */
  SESSION_BYTES_MAX: z.coerce
    .number("must be a number of bytes")
    .int()
    .min(2 ** 20)
    .max(8 * 2 ** 30)
    .default(256 * 2 ** 20),
  /** How far one session may move its model: KL from the base model (nats a token), and the adapter's Frobenius norm. */
  SESSION_KL_MAX: z.coerce.number("must be nats a token").gt(0).max(10).default(0.25),
  SESSION_SHIFT_MAX: z.coerce.number("must be a norm").gt(0).max(1e4).default(50),
  /** A hook that may refuse a generation, its bearer secret, and its time limit. */
  ADAPT_GUARD_URL: z.url({ protocol: /^https?$/, error: "must be an http(s) URL" }).optional(),
  ADAPT_GUARD_SECRET: z.string().min(1).optional(),
  ADAPT_GUARD_TIMEOUT_MS: milliseconds(5_000),
  /** Allows webhooks to this machine over http: for a local rosa2, never for a deployment. */
  WEBHOOKS_LOCALHOST: z.enum(["on", "off"]).default("off"),
  /** Bytes of adapter files that a tenant's sessions may hold; a fork counts shared files again. */
  ADAPTER_BYTES_MAX: z.coerce
    .number("must be a number of bytes")
    .int()
    .min(0)
    .default(20 * 2 ** 30),
});

/** All variables: the local start passes these on from its own environment. */
export const variableNames: readonly string[] = Object.keys(variablesSchema.shape);

export interface Config {
  inference: InferenceConfig;
  gpu: {
    /** Empty with a hosted model. */
    pools: Pool[];
    /** Services that give replies; the same as `pools` unless another engine gives them. */
    replyPools: Pool[];
    secret: string;
    proxyHeaders: Record<string, string>;
    timeoutMs: number;
    updateTimeoutMs: number;
    coldMs: number;
    warmUpMs: number;
  };
  /** Secrets that sign client tokens, the newest first. */
  tokenSecrets: string[];
  /** Names that also mean the served model; `*` is any name. */
  modelAliases: string[];
  rewriter: RewriterConfig;
  rewriterTimeoutMs: number;
  contextTokens: number;
  replyTokens: number;
  prices: Prices;
  meteringMs: number;
  corsOrigins: string[];
  rateLimit: boolean;
  log: boolean;
  sessionsMax: number;
  sessionBytesMax: number;
  shiftCaps: ShiftCaps;
  /** The hook that may refuse a generation; null for none. */
  guard: Guard | null;
  /** Addresses that webhooks may have besides public names. */
  webhooks: { localhost: boolean };
  adapterBytesMax: number;
  /** Null if usage is not reported to Stripe. */
  stripe: StripeConfig | null;
}

/** How far a session's adapter may be from the base model; beyond it no further update is made. */
export interface ShiftCaps {
  /** Mean KL(session ‖ base model) on the model's own samples (nats a token). */
  klMax: number;
  /** Frobenius norm of the adapter. */
  shiftMax: number;
}

export interface StripeConfig {
  url: string;
  key: string;
  meter: string;
}

/** A model that others host. */
export type HostConfig =
  | { name: "openai"; url: string; key: string; model: string }
  | { name: "workers-ai"; model: string };

export type InferenceConfig = { name: "gpu" } | HostConfig;

export type RewriterConfig = { name: "compose" } | InferenceConfig;

/** Nano-dollars: per token, and per accepted update. */
export interface Prices {
  inputNanos: number;
  cachedNanos: number;
  outputNanos: number;
  adaptationNanos: number;
}

/** Unreserved money that a lease should keep: eight replies of usual length and two updates. */
export function spareNanos({ prices, replyTokens, contextTokens }: Config): number {
  const reply = 3 * contextTokens * prices.inputNanos + replyTokens * prices.outputNanos;
  return Math.ceil(8 * reply + 2 * prices.adaptationNanos);
}

/** A reply's longest length: as requested, otherwise the deployment's own or the rest of the window. */
export function replyLength(
  asked: { max_tokens?: number | undefined },
  { replyTokens }: Config,
): { max_tokens: number; max_tokens_may_shrink?: true } {
  if (asked.max_tokens !== undefined) return { max_tokens: asked.max_tokens };
  return { max_tokens: replyTokens, max_tokens_may_shrink: true };
}

const known = new WeakMap<object, Config>();

/** Typed configuration from these bindings. Throws an Error that names every bad variable. */
export function configOf(env: object): Config {
  let config = known.get(env);
  if (config === undefined) {
    config = parseConfig(env);
    known.set(env, config);
  }
  return config;
}

export function parseConfig(variables: object): Config {
  const parsed = variablesSchema.safeParse(variables);
  if (!parsed.success) {
    const problems = parsed.error.issues.map((issue) => {
      const name = String(issue.path[0] ?? "configuration");
      const given = /SECRET|KEY/.test(name)
        ? ""
        : ` (is ${JSON.stringify((variables as Record<string, unknown>)[name])})`;
      const allowed =
        issue.code === "invalid_value"
          ? `must be one of ${issue.values.join(", ")}`
          : issue.message;
      return `${name} ${allowed}${given}`;
    });
    throw new Error(`Bad configuration: ${problems.join("; ")}`);
  }
  const v = parsed.data;
  const inference = inferenceConfig(v);
  const isHosted = inference.name !== "gpu";
  const gpuPools = isHosted ? [] : needed(v, "GPU_URL", "INFERENCE");
  return {
    inference,
    gpu: {
      pools: gpuPools,
      replyPools: isHosted ? gpuPools : (v.INFERENCE_URL ?? gpuPools),
      secret: isHosted ? "" : String(needed(v, "GPU_SECRET", "INFERENCE")),
      proxyHeaders:
        v.MODAL_KEY === undefined || v.MODAL_SECRET === undefined
          ? {}
          : { "Modal-Key": v.MODAL_KEY, "Modal-Secret": v.MODAL_SECRET },
      timeoutMs: v.GPU_TIMEOUT_MS,
      updateTimeoutMs: v.GPU_UPDATE_TIMEOUT_MS,
      coldMs: v.GPU_COLD_MS,
      warmUpMs: v.GPU_WARM_UP_MS,
    },
    tokenSecrets: v.CLIENT_TOKEN_SECRET?.split(",") ?? [],
    modelAliases: listOf(v.MODEL_ALIASES),
    rewriter: rewriterConfig(v),
    rewriterTimeoutMs: v.REWRITER_TIMEOUT_MS,
    contextTokens: v.CONTEXT_TOKENS ?? (isHosted ? 8_192 : 512),
    replyTokens: v.REPLY_TOKENS ?? (isHosted ? 1_024 : 256),
    prices: {
      inputNanos: v.PRICE_INPUT_USD_PER_MTOK * 1000,
      cachedNanos: v.PRICE_CACHED_USD_PER_MTOK * 1000,
      outputNanos: v.PRICE_OUTPUT_USD_PER_MTOK * 1000,
      adaptationNanos: v.PRICE_ADAPTATION_USD * 1e9,
    },
    meteringMs: v.METERING_MS,
    corsOrigins: listOf(v.CORS_ORIGINS),
    rateLimit: v.RATE_LIMIT === "on",
    log: v.LOG === "on",
    sessionBytesMax: v.SESSION_BYTES_MAX,
    shiftCaps: { klMax: v.SESSION_KL_MAX, shiftMax: v.SESSION_SHIFT_MAX },
    guard:
      v.ADAPT_GUARD_URL === undefined
        ? null
        : {
            url: v.ADAPT_GUARD_URL,
            secret: v.ADAPT_GUARD_SECRET ?? null,
            timeoutMs: v.ADAPT_GUARD_TIMEOUT_MS,
          },
    webhooks: { localhost: v.WEBHOOKS_LOCALHOST === "on" },
    sessionsMax: v.SESSIONS_MAX,
    adapterBytesMax: v.ADAPTER_BYTES_MAX,
    stripe:
      v.STRIPE_KEY === undefined
        ? null
        : { url: trimmed(v.STRIPE_URL), key: v.STRIPE_KEY, meter: v.STRIPE_METER },
  };
}

/** Parses the setting's GPU services. Throws an Error that says what is allowed. */
export function parsePools(text: string): Pool[] {
  const parts = listOf(text);
  if (parts.length === 0) throw new Error("must be an http(s) URL");
  return parts.map((part) => {
    const [, name, url = ""] = /^(?:(\w+)=)?(.*)$/s.exec(part) ?? [];
    const region = regions.find((one) => one === name) ?? null;
    if (name !== undefined && region === null) {
      throw new Error(`must name one of the regions ${regions.join(", ")} before "="`);
    }
    if (!z.url({ protocol: /^https?$/ }).safeParse(url).success) {
      throw new Error("must be an http(s) URL");
    }
    return { region, url: url.replace(/(?<!\/)\/+$/, "") };
  });
}

function listOf(text: string): string[] {
  return text
    .split(",")
    .map((one) => one.trim())
    .filter((one) => one !== "");
}

type Variables = z.infer<typeof variablesSchema>;

/** @throws Error that names the missing variable which this choice needs. */
function needed<Name extends keyof Variables>(
  v: Variables,
  name: Name,
  choice: "INFERENCE" | "REWRITER",
): NonNullable<Variables[Name]> {
  const value = v[name];
  if (value != null) return value;
  throw new Error(`Bad configuration: ${name} is required when ${choice} is ${v[choice]}`);
}

const trimmed = (url: string) => url.replace(/(?<!\/)\/+$/, "");

function inferenceConfig(v: Variables): InferenceConfig {
  const name = v.INFERENCE;
  if (name === "gpu") return { name };
  const model = needed(v, "INFERENCE_MODEL", "INFERENCE");
  if (name === "workers-ai") return { name, model };
  const [endpoint] = needed(v, "INFERENCE_URL", "INFERENCE");
  return { name, url: endpoint?.url ?? "", key: needed(v, "INFERENCE_KEY", "INFERENCE"), model };
}

function rewriterConfig(v: Variables): RewriterConfig {
  const name = v.REWRITER;
  if (name === "compose" || name === "gpu") return { name };
  const of = (variable: "REWRITER_URL" | "REWRITER_KEY" | "REWRITER_MODEL") =>
    needed(v, variable, "REWRITER");
  if (name === "workers-ai") return { name, model: of("REWRITER_MODEL") };
  const url = of("REWRITER_URL").replace(/(?<!\/)\/+$/u, "");
  return { name, url, key: of("REWRITER_KEY"), model: of("REWRITER_MODEL") };
}
