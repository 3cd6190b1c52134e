/** One HTTP call: key, idempotency key, time limits, and retries where they can help. It knows no route. */
import { ConnectionError, errorOf, Rosa2Error, TimeoutError } from "./errors.ts";
import { backoffMs, pause, reasonOf } from "./pause.ts";

export interface ClientOptions {
  /** Address of the API, with or without `/v1`: "https://rosa2.example.com". */
  baseUrl: string;
  /**
   * An API key, on a server; or a function that fetches a client token from the app's own back end. It is called before
   * the first call, and again when its token is refused. A `Rosa2Error` that it throws is passed on; any other error
   * counts as a lost connection.
   */
  apiKey: string | (() => string | Promise<string>);
  /** Another fetch; in React Native `expo/fetch`, because the built-in one cannot stream. */
  fetch?: typeof fetch;
  /** Further tries after a failed connection, an answer that broke off, a 429 or a temporary 5xx. Default 2. */
  retriesMax?: number;
  /** Time limit of one try, from sending to the last byte. Default 120 s; streams have `silenceMsMax`. */
  timeoutMs?: number;
  /** Consecutive lost connections that a stream survives. Default 8: about half a minute. */
  reconnectsMax?: number;
  /**
   * A stream without data for this long, before its first byte or later, is reconnected. The server sends a sign of
   * life every 15 s. Default 45 s.
   */
  silenceMsMax?: number;
}

export interface CallOptions {
  signal?: AbortSignal;
  /** The same key with the same request gets the same answer. Generated for every POST without one. */
  idempotencyKey?: string;
  /** Overrides the client's time limit for this call. */
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
   * A stream of events whose body has not been read yet. The time limit applies to its headers only.
   *
   * @throws Rosa2Error; an aborted signal's own reason.
   */
  events(path: string, call: Call = {}): Promise<Response> {
    return this.#tries(path, call, call.timeoutMs ?? this.silenceMsMax, async (response) => {
      const type = response.headers.get("content-type") ?? "";
      // 204 means that there is nothing more.
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
          // The token has expired. Another call may have fetched a new one already.
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

  /** The key, or the latest token; a failed fetch of a token is repeated. */
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
    // Raced as well as aborted: an engine's fetch may ignore its signal.
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
      // A stream is read later, and leaving it aborts it.
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

/** An answer that is not rosa2's: a captive portal's page, or a proxy's. */
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

/** Unlikely to repeat. It protects no secret, so an engine without WebCrypto may use Math.random. */
export function newKey(): string {
  const { crypto } = globalThis as { crypto?: Crypto };
  if (typeof crypto?.randomUUID === "function") return crypto.randomUUID();
  const digits = () => Math.random().toString(36).slice(2).padEnd(11, "0");
  return `${Date.now().toString(36)}-${digits()}-${digits()}`;
}
