/** One HTTP call: key, idempotency key, retries of what a retry can mend. It knows no route. */
import { errorOf, Rosa2Error } from "./errors.ts";
import { backoffMs, pause, reasonOf } from "./pause.ts";

export interface ClientOptions {
  /** Where the API is, without `/v1`: "https://rosa2.example.com". */
  baseUrl: string;
  apiKey: string;
  /** Another fetch; in React Native `expo/fetch`, because the built-in one cannot stream. */
  fetch?: typeof fetch;
  /** Further tries after a connection that failed, a 429 or a 5xx that passes. Default 2. */
  retriesMax?: number;
  /** Lost connections in a row that a stream makes up for before it gives up. Default 8: about half a minute. */
  reconnectsMax?: number;
  /** A stream that is silent for longer (the server sends a sign of life every 15 s) is reconnected. Default 45 s. */
  silenceMsMax?: number;
}

export interface CallOptions {
  signal?: AbortSignal;
  /** The same key with the same request gives the same answer. Made for every POST that has none. */
  idempotencyKey?: string;
}

interface Call extends CallOptions {
  method?: "GET" | "POST" | "PUT" | "PATCH" | "DELETE";
  body?: object;
  query?: Record<string, string | number | undefined>;
  headers?: Record<string, string>;
}

const passing = new Set([429, 502, 503, 504]);

export class Http {
  readonly silenceMsMax: number;
  readonly reconnectsMax: number;
  readonly #retriesMax: number;
  readonly #baseUrl: string;
  readonly #apiKey: string;
  readonly #fetch: typeof fetch;

  constructor(options: ClientOptions) {
    this.#baseUrl = options.baseUrl.replace(/\/+$/, "");
    this.#apiKey = options.apiKey;
    // Browsers refuse a fetch that is called as a method of something else.
    const given = options.fetch ?? fetch;
    this.#fetch = (...request) => given(...request);
    this.#retriesMax = options.retriesMax ?? 2;
    this.reconnectsMax = options.reconnectsMax ?? 8;
    this.silenceMsMax = options.silenceMsMax ?? 45_000;
  }

  /** @throws Rosa2Error; an aborted signal's own reason. */
  async json<T>(path: string, call: Call = {}): Promise<T> {
    const response = await this.send(path, call);
    return (await response.json()) as T;
  }

  /**
   * A successful answer whose body is not read yet.
   *
   * @throws Rosa2Error; an aborted signal's own reason.
   */
  async send(path: string, call: Call = {}): Promise<Response> {
    const { method = "GET", body, query = {}, headers = {}, signal } = call;
    const url = `${this.#baseUrl}${path}${searchOf(query)}`;
    const init: RequestInit = {
      method,
      headers: {
        authorization: `Bearer ${this.#apiKey}`,
        ...(body === undefined ? {} : { "content-type": "application/json" }),
        ...(method === "POST" ? { "idempotency-key": call.idempotencyKey ?? newKey() } : {}),
        ...headers,
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      ...(signal === undefined ? {} : { signal }),
    };
    for (let tries = 0; ; tries++) {
      const failure = await this.#try(url, init);
      if (!(failure instanceof Rosa2Error)) return failure;
      const hopeless = failure.status !== 0 && !passing.has(failure.status);
      if (hopeless || tries >= this.#retriesMax) throw failure;
      const askedMs = Math.min(30, failure.retryAfterS ?? 0) * 1000;
      await pause(Math.max(askedMs, backoffMs(tries)), signal);
    }
  }

  async #try(url: string, init: RequestInit): Promise<Response | Rosa2Error> {
    let response: Response;
    try {
      response = await this.#fetch(url, init);
    } catch (cause) {
      if (init.signal?.aborted === true) throw reasonOf(init.signal);
      return new Rosa2Error("The server cannot be reached", { cause });
    }
    return response.ok ? response : errorOf(response);
  }
}

/** By hand, because React Native's own URLSearchParams takes no pairs. */
function searchOf(query: Record<string, string | number | undefined>): string {
  const pairs = Object.entries(query)
    .filter(([, value]) => value !== undefined)
    .map(([name, value]) => `${name}=${encodeURIComponent(String(value))}`);
  return pairs.length === 0 ? "" : `?${pairs.join("&")}`;
}

/** Unlikely to come twice; it guards no secret, so an engine without WebCrypto may draw it from Math.random. */
export function newKey(): string {
  const { crypto } = globalThis as { crypto?: Crypto };
  if (typeof crypto?.randomUUID === "function") return crypto.randomUUID();
  const digits = () => Math.random().toString(36).slice(2).padEnd(11, "0");
  return `${Date.now().toString(36)}-${digits()}-${digits()}`;
}
