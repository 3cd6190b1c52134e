/**
 * Client of the GPU service: one method for each of its operations, with validated answers and typed errors.
 *
 * It sends an adapter's bytes only after `409 adapter_missing`. It knows neither sessions nor where adapters are kept:
 * the caller gives it a function that loads them. Replies may come from another service that speaks the same
 * `/v1/generate`. With several services the nearest answers, or the next one (pools.ts). A cold service is an error, or
 * the call waits for it (cold-start.ts).
 */
import { type Health, healthSchema } from "@rosa2/shared/health";
import {
  type AdaptResult,
  adaptResultSchema,
  type SampleResult,
  type ScoreResult,
  sampleResultSchema,
  scoreResultSchema,
  secretHeader,
} from "@rosa2/shared/protocol";
import { createParser } from "eventsource-parser";
import type { Config } from "../config.ts";
import type { Region } from "../contract/sets.ts";
import type {
  AdaptInput,
  CallContext,
  GenerateInput,
  Inference,
  LoadAdapter,
  SampleInput,
  ScoreInput,
  Waiting,
} from "../inference/inference.ts";
import { Attempts } from "./attempts.ts";
import { goesOn, isCold, unlessCold, untilWarm } from "./cold-start.ts";
import { broken, readError, reported, unreachable } from "./failures.ts";
import type { IdleTimeout } from "./idle-timeout.ts";
import {
  hasAnsweredSince,
  inOrder,
  nearestFirst,
  noteAnswer,
  noteFailure,
  type Pool,
} from "./pools.ts";
import { bodyOf, parseEvent, parseJson, readToEnd, validate } from "./wire.ts";

export { isTransient } from "./failures.ts";

/** A request that fails within this time, without any answer, was lost on the way. */
const lostWithinMs = 1000;
/** How long a service may be silent before the client asks for its health, where another service could answer instead. */
const doubtMs = 2_000;

interface Request {
  tenant: string;
  adapter?: { digest: string } | null;
}

/** Updates and scores, or replies: they may come from different services. */
type Of = "updates" | "replies";

type Told = ReturnType<typeof parseEvent> | Waiting;

/** An answer that has begun, the service that gives it, and its idle timeout. */
interface Answer {
  response: Response;
  pool: Pool;
  idle: IdleTimeout;
}

export class GpuClient implements Inference {
  readonly #config: Config["gpu"];
  readonly #pools: Record<Of, Pool[]>;
  readonly fixedWeights = null;

  /** `region` is where the caller is; null when that is unknown. */
  constructor(config: Config["gpu"], region: Region | null) {
    this.#config = config;
    this.#pools = {
      updates: nearestFirst(config.pools, region),
      replies: nearestFirst(config.replyPools, region),
    };
  }

  get place(): string {
    return this.#config.replyPools.map(({ url }) => url).join();
  }

  get isDivided(): boolean {
    return this.#config.replyPools !== this.#config.pools;
  }

  /**
   * Events of one reply, ending with `done`. Aborting the signal, or leaving the loop, ends the
   * generation on the GPU.
   *
   * @throws RosaError as the service reports it, or `gpu_unavailable` when it cannot be reached, falls silent or breaks off.
   */
  async *generate(request: GenerateInput, context: CallContext): AsyncGenerator<Told> {
    const attempts = new Attempts();
    let begun = false;
    let isOver = false;
    try {
      // Until the first event of the reply, another service may begin it anew.
      for (let others = this.#pools.replies.length - 1; ; others--) {
        const answering = this.#call("replies", "/v1/generate", request, context, attempts);
        if (context.waitsForColdStart) {
          while (await goesOn(answering, this.#config.coldMs)) yield { type: "waiting" };
        }
        const { response, pool, idle } = await answering;
        try {
          if (response.body === null) throw broken("answered without a body");
          const reader = response.body.getReader();
          const decoder = new TextDecoder();
          const arrived: string[] = [];
          const parser = createParser({ onEvent: ({ data }) => arrived.push(data) });
          for (;;) {
            // Heartbeats are chunks too, so a reply that waits in the queue does not time out.
            const { done, value } = await idle.watch(reader.read());
            if (done) throw broken("broke off before the reply's end");
            parser.feed(decoder.decode(value, { stream: true }));
            // A heartbeat of the service: the reply waits in its queue, or a long prompt is being read.
            if (arrived.length === 0) yield { type: "waiting" };
            for (const data of arrived.splice(0)) {
              const event = parseEvent(data);
              if (event.type === "error") throw reported(event.error.code, event.error.message);
              begun = true;
              isOver = event.type === "done";
              // Reading to the end starts before the event is passed on: a reader that stops at the event leaves the
              // connection free for the next call.
              const ending = isOver ? readToEnd(reader) : null;
              if (ending !== null) context.background?.(ending);
              yield event;
              if (ending === null) continue;
              await ending;
              return;
            }
          }
        } catch (error) {
          const cause = unreachable(error);
          const elsewhere = noteFailure(pool, cause);
          if (begun || others <= 0 || !elsewhere) throw cause;
        } finally {
          idle.stop();
        }
      }
    } finally {
      if (!isOver) attempts.end();
    }
  }

  /** One update of an adapter; an accepted update comes with the new file's bytes. */
  async adapt(
    request: AdaptInput,
    context: CallContext,
  ): Promise<{ result: AdaptResult; adapter: Uint8Array<ArrayBuffer> | null }> {
    const { response, idle } = await this.#call("updates", "/v1/adapt", request, context);
    const form = await wholeBody(idle, response.formData());
    const resultPart = form.get("result");
    if (resultPart === null) throw broken("answered an update without the part `result`");
    const text = typeof resultPart === "string" ? resultPart : await resultPart.text();
    const result = validate(adaptResultSchema, parseJson(text));
    if (result.decision !== "updated") return { result, adapter: null };
    const file = form.get("adapter");
    if (file === null || typeof file === "string" || result.digest === undefined) {
      throw broken("answered an accepted update without the adapter file");
    }
    return { result, adapter: new Uint8Array(await file.arrayBuffer()) };
  }

  /** Several replies to one prompt, which is read once. */
  async sample(request: SampleInput, context: CallContext): Promise<SampleResult> {
    return validate(sampleResultSchema, await this.#callForJson("/v1/sample", request, context));
  }

  /** Summed log-probs of given replies. */
  async score(request: ScoreInput, context: CallContext): Promise<ScoreResult> {
    return validate(scoreResultSchema, await this.#callForJson("/v1/score", request, context));
  }

  /** A PEFT archive made of an adapter file, as the service streams it. */
  async export(tenant: string, digest: string, context: CallContext): Promise<Response> {
    const request = { tenant, adapter: { digest } };
    const { response, idle } = await this.#call("updates", "/v1/export", request, context);
    idle.stop();
    return response;
  }

  /** Health of the nearest GPU service that answers, for updates or for replies. */
  async health(of: Of = "updates"): Promise<Health> {
    let failure: unknown;
    for (const { url } of this.#pools[of]) {
      try {
        return await this.#healthAt(url, 2_000);
      } catch (error) {
        failure ??= error;
      }
    }
    throw failure;
  }

  /** Health of each service, nearest first; null for one that cannot be reached. */
  async healthByRegion(of: Of): Promise<{ region: Region | null; health: Health | null }[]> {
    return await Promise.all(
      this.#pools[of].map(async ({ region, url }) => ({
        region,
        health: await this.#healthAt(url, 2_000).catch(() => null),
      })),
    );
  }

  async #healthAt(url: string, timeoutMs: number): Promise<Health> {
    const response = await fetch(`${url}/health`, {
      headers: this.#headers({ loadAdapter: noAdapter }),
      signal: AbortSignal.timeout(timeoutMs),
    }).catch((error) => {
      throw unreachable(error);
    });
    return validate(healthSchema, await response.json().catch(() => null));
  }

  async #callForJson(
    path: string,
    request: ScoreInput | SampleInput,
    context: CallContext,
  ): Promise<unknown> {
    const { response, idle } = await this.#call("updates", path, request, context);
    return parseJson(await wholeBody(idle, response.text()));
  }

  /**
   * Sends a request to the nearest service; after a failure, to the next one. A service that lacks the adapter is sent
   * its bytes.
   *
   * @throws RosaError the first failure, where no service answered.
   */
  async #call(
    of: Of,
    path: string,
    request: Request,
    context: CallContext,
    attempts = new Attempts(),
  ): Promise<Answer> {
    const { timeoutMs, updateTimeoutMs } = this.#config;
    const silenceMs = path === "/v1/adapt" ? updateTimeoutMs : timeoutMs;
    const json = JSON.stringify(request);
    let loading: ReturnType<LoadAdapter> | null = null;
    const load = (digest: string) => {
      loading ??= context.loadAdapter(digest);
      return loading;
    };
    const isBack = async ({ url }: Pool) => (await this.#healthAt(url, doubtMs)).status === "ok";
    const sendAnywhere = async (): Promise<Answer> => {
      const pools = inOrder(this.#pools[of], isBack);
      let failure: unknown;
      for (const [tried, pool] of pools.entries()) {
        const idle = attempts.begin(silenceMs);
        try {
          // The adapter is loaded already while the next service is asked whether it has it.
          if (tried > 0 && request.adapter != null) load(request.adapter.digest).catch(() => {});
          const send = (bytes: Uint8Array<ArrayBuffer> | null) =>
            this.#send(pool, pools.length === 1, path, bodyOf(json, bytes), context, idle);
          const response = await withAdapter(send, request, load);
          noteAnswer(pool);
          return { response, pool, idle };
        } catch (error) {
          idle.stop();
          if (attempts.isOver(context) || !noteFailure(pool, error)) throw error;
          failure ??= error;
        }
      }
      throw failure;
    };
    return context.waitsForColdStart
      ? await untilWarm(this.#config.warmUpMs, sendAnywhere)
      : await sendAnywhere();
  }

  async #send(
    pool: Pool,
    isOnly: boolean,
    path: string,
    body: string | FormData,
    context: CallContext,
    idle: IdleTimeout,
  ): Promise<Response> {
    const { url } = pool;
    const { warmUpMs } = this.#config;
    const coldMs = isOnly ? this.#config.coldMs : Math.min(this.#config.coldMs, doubtMs);
    const headers = this.#headers(context);
    const signal = idle.signal(context.signal);
    const startedAt = Date.now();
    const post = () =>
      fetch(url + path, {
        method: "POST",
        headers:
          typeof body === "string" ? { ...headers, "content-type": "application/json" } : headers,
        body,
        signal,
      });
    const answering = post()
      .catch((error) => {
        // A kept-alive connection that the other side has just closed fails at once, and the request never arrived.
        // Should it have arrived after all, the same request gives the same answer.
        const isLost = !signal.aborted && Date.now() - startedAt < lostWithinMs;
        if (!isLost) throw error;
        return post();
      })
      .catch((error) => {
        throw unreachable(error);
      });
    // A machine that is far too busy may be late with its health as well.
    const isThere = () =>
      this.#healthAt(url, coldMs).then(
        ({ status }) => status === "ok",
        () => hasAnsweredSince(pool, startedAt),
      );
    try {
      return await idle.watch(unlessCold(answering, coldMs, isThere));
    } catch (error) {
      // The platform may hold the request while it starts a container, and answer it in the end.
      const isHeld = isOnly && context.waitsForColdStart === true && isCold(error);
      if (isHeld) return await idle.watch(answering, warmUpMs);
      idle.end();
      throw error;
    }
  }

  #headers(context: CallContext): Record<string, string> {
    return {
      [secretHeader]: this.#config.secret,
      ...this.#config.proxyHeaders,
      ...(context.requestId === undefined ? {} : { "x-request-id": context.requestId }),
      ...(context.traceparent === undefined ? {} : { traceparent: context.traceparent }),
    };
  }
}

/** The service's answer; a service that lacks the adapter is sent its bytes. */
async function withAdapter(
  send: (bytes: Uint8Array<ArrayBuffer> | null) => Promise<Response>,
  { adapter }: Request,
  load: LoadAdapter,
): Promise<Response> {
  const first = await send(null);
  if (first.ok) return first;
  const error = await readError(first);
  if (error.code !== "adapter_missing" || adapter == null) throw error;
  const second = await send(await load(adapter.digest));
  if (second.ok) return second;
  throw await readError(second);
}

async function wholeBody<T>(idle: IdleTimeout, body: Promise<T>): Promise<T> {
  try {
    return await idle.watch(body);
  } catch (error) {
    throw unreachable(error);
  } finally {
    idle.stop();
  }
}

const noAdapter: LoadAdapter = async () => {
  throw new Error("This call has no adapter");
};
