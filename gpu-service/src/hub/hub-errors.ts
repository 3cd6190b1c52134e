/** Turns refusals of a hub or the network into this project's errors, and says which failures are worth another attempt. */
import { setTimeout as sleep } from "node:timers/promises";
import { RosaError } from "@rosa2/shared/errors";
import { z } from "zod";
import type { HubOptions } from "./hub-options.ts";
import type { ModelId } from "./model-id.ts";

const attemptsDefault = 5;
const retryDelayDefaultMs = 1_000;

/** A failure that may pass: of the network, or of the server. */
class Retryable extends Error {
  readonly error: RosaError;

  constructor(error: RosaError) {
    super(error.message, { cause: error });
    this.error = error;
  }
}

export async function withRetries<T>(
  { attemptsMax = attemptsDefault, retryDelayMs = retryDelayDefaultMs }: HubOptions,
  action: (advance: () => void) => Promise<T>,
): Promise<T> {
  let failures = 0;
  const advance = () => {
    failures = 0;
  };
  for (;;) {
    try {
      return await action(advance);
    } catch (error) {
      if (!(error instanceof Retryable)) throw error;
      if (++failures >= attemptsMax) throw error.error;
      await sleep(retryDelayMs * 2 ** (failures - 1));
    }
  }
}

/** Turns errors of the library, the network or the hub into this project's errors. */
export async function refusals<T>(
  id: ModelId,
  options: HubOptions,
  action: () => Promise<T>,
): Promise<T> {
  try {
    return await action();
  } catch (cause) {
    if (cause instanceof RosaError) throw cause;
    throw refusal(id, options, cause);
  }
}

export function refusal(id: ModelId, { endpoint, token }: HubOptions, cause: unknown): Error {
  const what = `Cannot get model "${id.name}" at revision "${id.revision}" from ${endpoint}`;
  const said = cause instanceof Error ? reasonOf(cause) : String(cause);
  const status = cause instanceof Refused ? cause.status : 0;
  if (status === 401)
    return token === undefined
      ? new RosaError("missing_key", `${what}: no such model, or it needs HF_TOKEN (${said})`, {
          param: "HF_TOKEN",
          cause,
        })
      : new RosaError("invalid_key", `${what}: no such model, or HF_TOKEN is not valid (${said})`, {
          param: "HF_TOKEN",
          cause,
        });
  if (status === 403)
    return new RosaError(
      "insufficient_scope",
      `${what}: access is refused; a gated model's terms are accepted on ${endpoint}/${id.name} (${said})`,
      { param: "HF_TOKEN", cause },
    );
  if (status === 404)
    return new RosaError("not_found", `${what}: no such model or revision (${said})`, {
      param: "MODEL",
      cause,
    });
  const unavailable = new RosaError("gpu_unavailable", `${what}: ${said}`, {
    param: "MODEL",
    cause,
  });
  const passes = status === 0 || status === 408 || status === 429 || status >= 500;
  return passes ? new Retryable(unavailable) : unavailable;
}

/** `fetch` says only that it failed; the cause is inside. Bounded, because a server may say anything. */
function reasonOf(error: Error): string {
  const inner = error.cause instanceof Error ? `: ${error.cause.message}` : "";
  return `${error.message}${inner}`.replace(/\s+/g, " ").slice(0, 300);
}

/** An unsuccessful answer. Its address is left out, because it may be a signed one. */
class Refused extends Error {
  readonly status: number;

  constructor(status: number, reason: string) {
    super(reason === "" ? `status ${status}` : `status ${status}: ${reason}`);
    this.status = status;
  }
}

/** A `fetch` that throws for unsuccessful answers, and for a wrong range, which would land in the wrong place. */
export function strictFetch(signal: AbortSignal): typeof fetch {
  return async (input, init) => {
    const response = await fetch(input, { ...init, signal });
    if (!response.ok) {
      const body: unknown = await response.json().catch(() => null);
      const { error } = z
        .object({ error: z.string().catch("") })
        .catch({ error: "" })
        .parse(body);
      throw new Refused(response.status, error);
    }
    const range = new Headers(init?.headers).get("range");
    if (range === null) return response;
    const [, start] = range.match(/^bytes=(\d+)-/) ?? [];
    const got = response.headers.get("content-range") ?? "none";
    if (response.status === 206 && got.startsWith(`bytes ${start}-`)) return response;
    await response.body?.cancel();
    throw new RosaError(
      "gpu_unavailable",
      `Cannot download from ${new URL(response.url).origin}: it answered ${range} with status ${response.status} and range ${got}`,
      { param: "HF_ENDPOINT" },
    );
  };
}
