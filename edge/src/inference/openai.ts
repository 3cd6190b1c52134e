/** A model behind any endpoint with OpenAI's chat completions. The endpoint itself refuses what it cannot honour. */
import { nativeMessages, outputFields } from "@rosa2/shared/chat-body";
import { RosaError } from "@rosa2/shared/errors";
import { createParser } from "eventsource-parser";
import { goesOn } from "../gpu-client/cold-start.ts";
import { IdleTimeout } from "../gpu-client/idle-timeout.ts";
import { away, type Chunk, readChunk } from "./chunks.ts";
import type { ChatRequest, HostedModel } from "./hosted.ts";
import type { StreamContext } from "./inference.ts";

export interface EndpointOptions {
  /** Base URL up to and including the version: https://api.example.com/v1 */
  url: string;
  key: string;
  model: string;
  contextTokens: number;
  /** A call is given up after this long without data. */
  timeoutMs: number;
}

/** After this long without data the caller is told that the wait continues. */
const quietMs = 10_000;
const healthMs = 2_000;

/** Endpoints of thinking models accept a reply's length only under this name; each reports that once. */
const newerLength = new Set<string>();

export function openAiModel(options: EndpointOptions): HostedModel {
  const { url, key, model, contextTokens } = options;
  return {
    provider: "openai",
    id: model,
    contextTokens,
    place: `${url} ${model}`,
    stream: (request, context) => replyOf(options, request, context),
    async isThere() {
      const response = await fetch(`${url}/models`, {
        headers: { authorization: `Bearer ${key}` },
        signal: AbortSignal.timeout(healthMs),
      }).catch(() => null);
      await response?.body?.cancel();
      // An endpoint without a list of models still exists.
      return response !== null && (response.ok || response.status === 404);
    },
  };
}

async function* replyOf(
  options: EndpointOptions,
  request: ChatRequest,
  context: StreamContext,
): AsyncGenerator<Chunk | null> {
  const idle = new IdleTimeout(options.timeoutMs, "The model's endpoint");
  let reader: ReadableStreamDefaultReader<string> | null = null;
  let isOver = false;
  try {
    const answering = idle.watch(answerOf(options, request, context, idle));
    while (await goesOn(answering, quietMs)) yield null;
    const { body } = await answering;
    if (body === null) throw away("answered without a body");
    reader = body.pipeThrough(new TextDecoderStream()).getReader();
    const arrived: string[] = [];
    const parser = createParser({ onEvent: ({ data }) => arrived.push(data) });
    let hasFinished = false;
    for (;;) {
      const reading = idle.watch(reader.read());
      while (await goesOn(reading, quietMs)) yield null;
      const { done, value } = await reading;
      if (done) {
        // Not every endpoint sends [DONE]; a stream without a finish reason broke off.
        if (!hasFinished) throw away("broke off before the reply's end");
        isOver = true;
        return;
      }
      parser.feed(value);
      for (const data of arrived.splice(0)) {
        if (data === "[DONE]") {
          isOver = true;
          return;
        }
        const chunk = readChunk(parseJson(data));
        hasFinished ||= chunk.finish !== null;
        yield chunk;
      }
    }
  } catch (error) {
    if (error instanceof RosaError || context.signal?.aborted) throw error;
    throw away("cannot be reached");
  } finally {
    idle.stop();
    if (!isOver) {
      idle.end();
      await reader?.cancel().catch(() => {});
    }
  }
}

async function answerOf(
  { url, key, model }: EndpointOptions,
  request: ChatRequest,
  context: StreamContext,
  idle: IdleTimeout,
): Promise<Response> {
  const send = () =>
    fetch(`${url}/chat/completions`, {
      method: "POST",
      headers: {
        "content-type": "application/json",
        authorization: `Bearer ${key}`,
        ...(context.requestId === undefined ? {} : { "x-request-id": context.requestId }),
        ...(context.traceparent === undefined ? {} : { traceparent: context.traceparent }),
      },
      body: JSON.stringify(bodyOf(model, request, newerLength.has(url))),
      signal: idle.signal(context.signal),
    });
  const response = await send();
  if (response.ok) return response;
  const error = await refusalOf(response);
  const wantsNewer = error.status === 400 && error.message.includes("max_completion_tokens");
  if (!wantsNewer || newerLength.has(url)) throw error;
  newerLength.add(url);
  const again = await send();
  if (again.ok) return again;
  throw await refusalOf(again);
}

function bodyOf(model: string, { messages, sampling }: ChatRequest, isNewer: boolean) {
  const { max_tokens, stop = [], frequency_penalty, presence_penalty, top_logprobs } = sampling;
  const { temperature, top_p, top_k, min_p, repetition_penalty, seed, logit_bias } = sampling;
  const thinking = sampling.output?.thinking;
  // JSON leaves out absent values.
  return {
    model,
    messages: nativeMessages(messages),
    stream: true,
    stream_options: { include_usage: true },
    ...{ temperature, top_p, top_k, min_p, repetition_penalty, seed, logit_bias },
    [isNewer ? "max_completion_tokens" : "max_tokens"]: max_tokens,
    stop: stop.length === 0 ? undefined : stop,
    frequency_penalty: frequency_penalty || undefined,
    presence_penalty: presence_penalty || undefined,
    ...(top_logprobs === undefined ? {} : { logprobs: true, top_logprobs }),
    ...(thinking === undefined ? {} : { reasoning_effort: thinking ? "medium" : "none" }),
    ...outputFields(sampling),
  };
}

/**
 * An endpoint's refusal as our caller should see it: a bad request is the caller's, a full endpoint can be retried, and
 * a refused key or model is the operator's.
 */
async function refusalOf(response: Response): Promise<RosaError> {
  const text = await response.text().catch(() => "");
  const { status } = response;
  const given = (parseJsonOr(text) as { error?: Record<string, unknown> } | null)?.error ?? {};
  const words = typeof given.message === "string" ? given.message.slice(0, 1_000) : "";
  const retryAfter = Number(response.headers.get("retry-after") ?? Number.NaN);
  const retryAfterS = Number.isFinite(retryAfter) ? retryAfter : 5;
  if (status === 429) {
    return new RosaError("queue_full", "The model's endpoint takes no more requests now", {
      retryAfterS,
    });
  }
  if (status !== 400 && status !== 413 && status !== 422) {
    // A message about a refused key may contain the key.
    return away(`answered with status ${status}`, retryAfterS);
  }
  const param = typeof given.param === "string" ? { param: given.param } : {};
  const code =
    given.code === "context_length_exceeded" || /context (length|window)/i.test(words)
      ? "context_length_exceeded"
      : String(given.code).startsWith("unsupported")
        ? "unsupported_parameter"
        : "invalid_request";
  return new RosaError(code, `The model's endpoint refused the request: ${words}`, param);
}

function parseJson(text: string): unknown {
  const json = parseJsonOr(text);
  if (json === null) throw away("answered with invalid JSON");
  return json;
}

function parseJsonOr(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}
