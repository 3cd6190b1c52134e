/** One HTTP call: key, idempotency key, bounds in time, retries of what a retry can mend. It knows no route. */
import { ConnectionError, errorOf, Rosa2Error, TimeoutError } from "./errors.ts";
import { backoffMs, pause, reasonOf } from "./pause.ts";

export interface ClientOptions {
  /** Where the API is, with or without `/v1`: "https://rosa2.example.com". */
  baseUrl: string;
  /**
   * An API key, on a server; or a function that gives a client token, asked of the app's own back end. It is called
   * for the first call, and again whenever the token that it gave is refused. A `Rosa2Error` that it throws is passed
   * on, any other error is a lost connection.
   */
  apiKey: string | (() => string | Promise<string>);
  /** Another fetch; in React Native `expo/fetch`, because the built-in one cannot stream. */
  fetch?: typeof fetch;
  /** Further tries after a connection that failed, an answer that broke off, a 429 or a 5xx that passes. Default 2. */
  retriesMax?: number;
  /** How long one try of a call may take, from sending to the last byte. Default 120 s; a stream has `silenceMsMax`. */
  timeoutMs?: number;
  /** Lost connections in a row that a stream makes up for before it gives up. Default 8: about half a minute. */
  reconnectsMax?: number;
  /** A stream that is silent for longer, before its first byte or later, is reconnected. The server sends a sign of life every 15 s. Default 45 s. */
  silenceMsMax?: number;
}

export interface CallOptions {
  signal?: AbortSignal;
  /** The same key with the same request gives the same answer. Made for every POST that has none. */
  idempotencyKey?: string;
  /** Instead of the client's, for this call. */
  timeoutMs?: number;
}

export interface Call extends CallOptions {
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
  readonly #timeoutMs: number;
  readonly #baseUrl: string;
  readonly #apiKey: ClientOptions["apiKey"];
  #token: Promise<string> | null = null;
  readonly #fetch: typeof fetch;

  constructor(options: ClientOptions) {
    this.#baseUrl = options.baseUrl.replace(/\/+$/, "").replace(/\/v1$/, "");
    this.#apiKey = options.apiKey;
    // Browsers refuse a fetch that is called as a method of something else.
    const given = options.fetch ?? fetch;
    this.#fetch = (...request) => given(...request);
    this.#retriesMax = options.retriesMax ?? 2;
    this.#timeoutMs = options.timeoutMs ?? 120_000;
    this.reconnectsMax = options.reconnectsMax ?? 8;
    this.silenceMsMax = options.silenceMsMax ?? 45_000;
  }

  /** @throws Rosa2Error; an aborted signal's own reason. */
  json<T>(path: string, call: Call = {}): Promise<T> {
    return this.#tries(path, call, call.timeoutMs ?? this.#timeoutMs, async (response) => {
      try {
        return JSON.parse(await response.text()) as T;
      } catch (cause) {
        throw cause instanceof SyntaxError ? foreign(response, "JSON", cause) : cause;
      }
    });
  }

  /** @throws Rosa2Error; an aborted signal's own reason. */
  bytes(path: string, call: Call = {}): Promise<ArrayBuffer> {
    const timeoutMs = call.timeoutMs ?? this.#timeoutMs;
    return this.#tries(path, call, timeoutMs, (response) => response.arrayBuffer());
  }

  /**
   * A stream of events whose body is not read yet. The bound is on its headers alone.
   *
   * @throws Rosa2Error; an aborted signal's own reason.
   */
  events(path: string, call: Call = {}): Promise<Response> {
    return this.#tries(path, call, call.timeoutMs ?? this.silenceMsMax, async (response) => {
      const type = response.headers.get("content-type") ?? "";
      // 204 tells that there is nothing more.
      if (response.status !== 204 && !type.includes("text/event-stream")) {
        response.body?.cancel().catch(() => {});
        throw foreign(response, "a stream of events");
      }
      return response;
    });
  }

  /** Tries a call until it succeeds, always under the same idempotency key. */
  async #tries<T>(
    path: string,
    call: Call,
    timeoutMs: number,
    read: (response: Response) => Promise<T>,
  ): Promise<T> {
    const { method = "GET", body, query = {}, headers = {}, signal } = call;
    const url = `${this.#baseUrl}${path}${searchOf(query)}`;
    const init: RequestInit = {
      method,
      headers: {
        ...(body === undefined ? {} : { "content-type": "application/json" }),
        ...(method === "POST" ? { "idempotency-key": call.idempotencyKey ?? newKey() } : {}),
        ...headers,
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    };
    let isRenewed = false;
    for (let tries = 0; ; tries++) {
      const token = this.#bearer();
      try {
        return await this.#try(url, init, token, timeoutMs, signal, read);
      } catch (failure) {
        if (!(failure instanceof Rosa2Error)) throw failure;
        if (failure.status === 401 && typeof this.#apiKey !== "string" && !isRenewed) {
          // It has expired. Another call may have asked for the next one already.
          if (this.#token === token) this.#token = null;
          isRenewed = true;
          tries--;
          continue;
        }
        const isHopeless = !(failure instanceof ConnectionError) && !passing.has(failure.status);
        if (isHopeless || tries >= this.#retriesMax) throw failure;
        const askedMs = Math.min(30, failure.retryAfterS ?? 0) * 1000;
        await pause(Math.max(askedMs, backoffMs(tries)), signal);
      }
    }
  }

  /** The key, or the token that was given last; one that could not be given is asked for again. */
  #bearer(): Promise<string> {
    const apiKey = this.#apiKey;
    if (typeof apiKey === "string") return Promise.resolve(apiKey);
    if (this.#token === null) {
      const asked = (async () => await apiKey())();
      this.#token = asked;
      asked.catch(() => {
        if (this.#token === asked) this.#token = null;
      });
    }
    return this.#token;
  }

  async #try<T>(
    url: string,
    init: RequestInit,
    token: Promise<string>,
    timeoutMs: number,
    signal: AbortSignal | undefined,
    read: (response: Response) => Promise<T>,
  ): Promise<T> {
    if (signal?.aborted === true) throw reasonOf(signal);
    const ending = new AbortController();
    let abort = () => {};
    let timer: ReturnType<typeof setTimeout> | null = null;
    // Raced and not only aborted: an engine's fetch may take no notice of its signal.
    const ended = new Promise<never>((_, reject) => {
      abort = () => {
        if (signal !== undefined) reject(reasonOf(signal));
        ending.abort();
      };
      timer = setTimeout(() => {
        reject(new TimeoutError(`No answer within ${timeoutMs} ms`));
        ending.abort();
      }, timeoutMs);
    });
    signal?.addEventListener("abort", abort);
    try {
      const answer = (async () => {
        const key = await token.catch((cause) => {
          if (cause instanceof Rosa2Error) throw cause;
          throw new ConnectionError("`apiKey` failed: no key could be had", { cause });
        });
        const headers = { authorization: `Bearer ${key}`, ...init.headers };
        const response = await this.#fetch(url, { ...init, headers, signal: ending.signal });
        return response.ok ? await read(response) : Promise.reject(await errorOf(response));
      })();
      answer.catch(() => {});
      ended.catch(() => {});
      const result = await Promise.race([answer, ended]);
      // A stream is still to be read, and leaving it aborts it.
      if (!(result instanceof Response)) signal?.removeEventListener("abort", abort);
      return result;
    } catch (cause) {
      signal?.removeEventListener("abort", abort);
      if (signal?.aborted) throw reasonOf(signal);
      if (cause instanceof Rosa2Error) throw cause;
      throw new ConnectionError("The server cannot be reached, or its answer broke off", { cause });
    } finally {
      if (timer !== null) clearTimeout(timer);
    }
  }
}

/** An answer that no rosa2 gives: a captive portal's page, a proxy's. */
function foreign(response: Response, wanted: string, cause?: unknown): ConnectionError {
  const type = response.headers.get("content-type") ?? "no content type";
  return new ConnectionError(
    `The answer is not ${wanted} (${type}): something between may have given it, a captive portal or a proxy`,
    { status: response.status, cause },
  );
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
