/** The edge's variables, checked once: a missing or bad one fails with its name and what is allowed. */
import { z } from "zod";

const usdPerMillion = (usd: number) =>
  z.coerce.number("must be a number of US dollars").min(0).max(10_000).default(usd);
const milliseconds = (ms: number) =>
  z.coerce.number("must be milliseconds").int().min(10).max(3_600_000).default(ms);

const variablesSchema = z.object({
  /** Base URL of the GPU service. */
  GPU_URL: z.url({ protocol: /^https?$/, error: "must be an http(s) URL" }),
  /** Shared with the GPU service; at least 16 characters. */
  GPU_SECRET: z
    .string("must be a string of at least 16 characters")
    .min(16, "must have at least 16 characters"),
  /** Proxy headers of a deployment on Modal. */
  MODAL_KEY: z.string().optional(),
  MODAL_SECRET: z.string().optional(),
  /** Longest silence of the GPU service before a call is given up. */
  GPU_TIMEOUT_MS: milliseconds(60_000),
  /** Who rewrites requests. */
  REWRITER: z.enum(["rules", "gpu", "openai", "workers-ai"]).default("rules"),
  /** Tokens of the model's window; what a dialogue is cut to. */
  CONTEXT_TOKENS: z.coerce.number("must be a number of tokens").int().min(64).max(1e6).default(512),
  /** Tokens of a reply when the caller gives no max_tokens. */
  REPLY_TOKENS: z.coerce.number("must be a number of tokens").int().min(1).max(32_768).default(256),
  PRICE_INPUT_USD_PER_MTOK: usdPerMillion(0.1),
  PRICE_CACHED_USD_PER_MTOK: usdPerMillion(0.025),
  PRICE_OUTPUT_USD_PER_MTOK: usdPerMillion(0.4),
  /** Per accepted update. */
  PRICE_ADAPTATION_USD: z.coerce
    .number("must be a number of US dollars")
    .min(0)
    .max(100)
    .default(0.0005),
  /** Comma-separated origins that browsers may call from, or *. */
  CORS_ORIGINS: z.string().default("*"),
  /** Requests per key and minute; `off` leaves the limiter unused. */
  RATE_LIMIT: z.enum(["on", "off"]).default("on"),
  /** One structured line a request, without content or keys. */
  LOG: z.enum(["on", "off"]).default("on"),
  /** Sessions that a tenant may have at a time. */
  SESSIONS_MAX: z.coerce.number("must be a count").int().min(1).default(100_000),
});

/** What may be set: the local start hands these on from its own environment. */
export const variableNames: readonly string[] = Object.keys(variablesSchema.shape);

export interface Config {
  gpu: {
    url: string;
    secret: string;
    proxyHeaders: Record<string, string>;
    timeoutMs: number;
  };
  rewriter: "rules" | "gpu" | "openai" | "workers-ai";
  contextTokens: number;
  replyTokens: number;
  prices: Prices;
  corsOrigins: string[];
  rateLimit: boolean;
  log: boolean;
  sessionsMax: number;
}

/** Nano-dollars: per token, and per accepted update. */
export interface Prices {
  inputNanos: number;
  cachedNanos: number;
  outputNanos: number;
  adaptationNanos: number;
}

const known = new WeakMap<object, Config>();

/** Typed configuration of these bindings. Throws an Error that names every bad variable. */
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
      const given = name.includes("SECRET")
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
  return {
    gpu: {
      url: v.GPU_URL.replace(/\/+$/, ""),
      secret: v.GPU_SECRET,
      proxyHeaders:
        v.MODAL_KEY === undefined || v.MODAL_SECRET === undefined
          ? {}
          : { "Modal-Key": v.MODAL_KEY, "Modal-Secret": v.MODAL_SECRET },
      timeoutMs: v.GPU_TIMEOUT_MS,
    },
    rewriter: v.REWRITER,
    contextTokens: v.CONTEXT_TOKENS,
    replyTokens: v.REPLY_TOKENS,
    prices: {
      inputNanos: v.PRICE_INPUT_USD_PER_MTOK * 1000,
      cachedNanos: v.PRICE_CACHED_USD_PER_MTOK * 1000,
      outputNanos: v.PRICE_OUTPUT_USD_PER_MTOK * 1000,
      adaptationNanos: v.PRICE_ADAPTATION_USD * 1e9,
    },
    corsOrigins: v.CORS_ORIGINS.split(",").map((origin) => origin.trim()),
    rateLimit: v.RATE_LIMIT === "on",
    log: v.LOG === "on",
    sessionsMax: v.SESSIONS_MAX,
  };
}
