/**
 * A client of the public HTTP API, with only what the evaluation uses; every answer is validated.
 *
 * Each POST carries its own Idempotency-Key, so that a call repeated after a lost connection, a full queue or a rate
 * limit takes effect once.
 */
import { randomUUID } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import { isErrorCode, RosaError } from "@rosa2/shared/errors";
import type { ContextPolicy } from "@rosa2/shared/health";
import type { AdaptationMode } from "@rosa2/shared/schedule";
import { z } from "zod";
import { Failure } from "../../shared/command/failure.ts";

const costSchema = z.object({ usd: z.number() });
const tokensSchema = z.object({ prompt_tokens: z.number(), completion_tokens: z.number() });

const turnSchema = z.object({
  id: z.string(),
  status: z.string(),
  prompt: z.string(),
  reply: z.string(),
  generation: z.string(),
  usage: tokensSchema.nullable(),
  cost: costSchema,
});
export type TurnAnswer = z.infer<typeof turnSchema>;

const feedbackSchema = z.object({
  words: z.object({
    changed: z.boolean(),
    after: z.string(),
    rewriter: z
      .object({
        adopted: z.boolean(),
        drawn: z.int().optional(),
        completion_tokens: z.int().optional(),
      })
      .nullish(),
  }),
  weights: z.object({
    decision: z.enum(["updated", "skipped", "rejected", "queued"]),
    generation: z.string().optional(),
    shift_norm: z.number().nullish(),
    ms: z.number().nullish(),
  }),
  turn: turnSchema.optional(),
  cost: costSchema,
});
export type FeedbackAnswer = z.infer<typeof feedbackSchema>;

const completionSchema = z.object({
  choices: z.array(z.object({ message: z.object({ content: z.string().nullable() }) })).min(1),
  usage: tokensSchema.optional(),
  rosa2: z.object({ cost: costSchema }).optional(),
});
export type CompletionAnswer = z.infer<typeof completionSchema>;

const modelsSchema = z.object({ data: z.array(z.object({ id: z.string() })) });
const createdSchema = z.object({ id: z.string() });
const errorSchema = z.object({
  error: z.object({ code: z.string(), message: z.string(), request_id: z.string().optional() }),
});

export interface Adaptation {
  mode: AdaptationMode;
  context: ContextPolicy;
  rewriter?: "compose" | "gpu" | undefined;
}

export interface Sampling {
  temperature: number;
  max_tokens?: number;
  seed?: number;
}

export interface FeedbackInput {
  reward: number;
  text?: string;
  correction?: string;
  retry: boolean;
}

export interface ChatMessage {
  role: "system" | "user" | "assistant";
  content: string;
}

export interface ApiOptions {
  url: string;
  key: string;
  /** Calls made at most for one request, the first included. */
  triesMax?: number;
  /** Pause before the second call; it doubles from there. */
  backoffMs?: number;
  timeoutMs?: number;
  signal?: AbortSignal;
}

const backoffMsMax = 30_000;
const retriedStatuses = new Set([429, 502, 503, 504]);

export class Api {
  readonly url: string;
  readonly #key: string;
  readonly #triesMax: number;
  readonly #backoffMs: number;
  readonly #timeoutMs: number;
  readonly #signal: AbortSignal | undefined;

  constructor(options: ApiOptions) {
    this.url = options.url.replace(/\/+$/, "");
    this.#key = options.key;
    this.#triesMax = options.triesMax ?? 8;
    this.#backoffMs = options.backoffMs ?? 250;
    this.#timeoutMs = options.timeoutMs ?? 180_000;
    this.#signal = options.signal;
  }

  /**
   * Id of the served model.
   *
   * @throws Failure when nothing answers, the key is not accepted, or no model is loaded.
   */
  async model(): Promise<string> {
    let answer: z.infer<typeof modelsSchema>;
    try {
      answer = await this.#call("GET", "/v1/models", modelsSchema);
    } catch (error) {
      if (!(error instanceof RosaError)) throw error;
      const isKey = error.code === "invalid_key" || error.code === "missing_key";
      const remedy = isKey ? " (give one with --key)" : "";
      throw new Failure(`Cannot evaluate ${this.url}: ${error.message}${remedy}`);
    }
    const id = answer.data[0]?.id;
    if (id === undefined) throw new Failure(`Cannot evaluate ${this.url}: it serves no model`);
    return id;
  }

  /** Whether sessions take `adaptation.<name>`, as the deployment's own OpenAPI document tells. */
  async takesAdaptation(name: string): Promise<boolean> {
    try {
      const document = await this.#call(
        "GET",
        "/openapi.json",
        z.object({
          components: z.object({
            schemas: z.object({
              Adaptation: z.object({ properties: z.record(z.string(), z.unknown()) }),
            }),
          }),
        }),
      );
      return Object.hasOwn(document.components.schemas.Adaptation.properties, name);
    } catch (error) {
      if (error instanceof RosaError) return false;
      throw error;
    }
  }

  async createSession(body: {
    instructions?: string;
    title: string;
    adaptation: Adaptation;
  }): Promise<string> {
    return (await this.#call("POST", "/v1/sessions", createdSchema, body)).id;
  }

  turn(session: string, body: { content: string } & Sampling): Promise<TurnAnswer> {
    return this.#call("POST", `/v1/sessions/${session}/turns`, turnSchema, body);
  }

  /** Waits for the weights, and for the new reply where one is asked for. */
  feedback(session: string, turn: string, body: FeedbackInput): Promise<FeedbackAnswer> {
    const path = `/v1/sessions/${session}/turns/${turn}/feedback`;
    return this.#call("POST", path, feedbackSchema, { ...body, wait: true });
  }

  chat(
    body: { model: string; messages: readonly ChatMessage[] } & Sampling,
  ): Promise<CompletionAnswer> {
    return this.#call("POST", "/v1/chat/completions", completionSchema, body);
  }

  async deleteSession(session: string): Promise<void> {
    await this.#call("DELETE", `/v1/sessions/${session}`, z.unknown());
  }

  /** @throws RosaError with the API's own code, or `gpu_unavailable` when no answer came at all. */
  async #call<T>(method: string, path: string, schema: z.ZodType<T>, body?: object): Promise<T> {
    const idempotencyKey = randomUUID();
    for (let tries = 1; ; tries++) {
      this.#signal?.throwIfAborted();
      let failure: RosaError;
      try {
        const response = await this.#send(method, path, idempotencyKey, body);
        if (response.ok) return readAnswer(schema, await response.json(), `${method} ${path}`);
        failure = await readFailure(response, `${method} ${path}`);
        if (!isWorthRetrying(response, failure)) throw failure;
      } catch (error) {
        this.#signal?.throwIfAborted();
        if (!isNetworkError(error)) throw error;
        failure = new RosaError("gpu_unavailable", `${method} ${path}: no answer`, {
          cause: error,
        });
      }
      if (tries >= this.#triesMax) throw failure;
      const backoffMs = Math.min(this.#backoffMs * 2 ** (tries - 1), backoffMsMax);
      await sleep((failure.retryAfterS ?? 0) * 1000 || backoffMs, undefined, {
        signal: this.#signal,
      });
    }
  }

  #send(method: string, path: string, idempotencyKey: string, body?: object): Promise<Response> {
    const timeout = AbortSignal.timeout(this.#timeoutMs);
    return fetch(`${this.url}${path}`, {
      method,
      headers: {
        authorization: `Bearer ${this.#key}`,
        ...(body === undefined ? {} : { "content-type": "application/json" }),
        ...(method === "POST" ? { "idempotency-key": idempotencyKey } : {}),
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      signal: this.#signal === undefined ? timeout : AbortSignal.any([timeout, this.#signal]),
    });
  }
}

function readAnswer<T>(schema: z.ZodType<T>, body: unknown, call: string): T {
  const parsed = schema.safeParse(body);
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  const where = issue!.path.join(".") || "the answer";
  throw new Failure(`${call} gave an answer of another shape: ${where}: ${issue!.message}`);
}

async function readFailure(response: Response, call: string): Promise<RosaError> {
  const body = errorSchema.safeParse(await response.json().catch(() => null));
  const retryAfter = Number(response.headers.get("retry-after"));
  const details = retryAfter > 0 ? { retryAfterS: retryAfter } : {};
  if (!body.success) {
    return new RosaError("internal_error", `${call} answered ${response.status}`, details);
  }
  const { code, message } = body.data.error;
  const text = `${call} answered ${response.status} ${code}: ${message}`;
  return new RosaError(isErrorCode(code) ? code : "internal_error", text, details);
}

/** A conflict with a retry time means that the session is busy. Any other conflict is a bug, and a retry does not help. */
function isWorthRetrying(response: Response, failure: RosaError): boolean {
  if (response.status === 409) return failure.retryAfterS !== undefined;
  return retriedStatuses.has(response.status);
}

/** fetch reports a lost connection as a TypeError and its own time limit as a TimeoutError. */
function isNetworkError(error: unknown): boolean {
  return (
    error instanceof TypeError || (error instanceof DOMException && error.name === "TimeoutError")
  );
}
