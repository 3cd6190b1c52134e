/** A model of the platform's AI binding. Parameters without a field in the binding are refused. */
import { nativeMessages, outputFields } from "@rosa2/shared/chat-body";
import { RosaError } from "@rosa2/shared/errors";
import type { Sampling } from "@rosa2/shared/protocol";
import { createParser } from "eventsource-parser";
import { goesOn } from "../gpu-client/cold-start.ts";
import { IdleTimeout } from "../gpu-client/idle-timeout.ts";
import { away, type Chunk, readChunk } from "./chunks.ts";
import type { ChatRequest, HostedModel } from "./hosted.ts";
import type { StreamContext } from "./inference.ts";

/** The part of the binding that is used. */
interface AiBinding {
  run(model: string, input: Record<string, unknown>): Promise<unknown>;
}

export interface BindingOptions {
  ai: unknown;
  model: string;
  contextTokens: number;
  timeoutMs: number;
}

const quietMs = 10_000;

export function workersAiModel(options: BindingOptions): HostedModel {
  const { ai, model, contextTokens } = options;
  return {
    provider: "workers-ai",
    id: model,
    contextTokens,
    place: `workers-ai ${model}`,
    stream: (request, context) => replyOf(options, request, context),
    isThere: async () => ai != null,
  };
}

async function* replyOf(
  { ai, model, timeoutMs }: BindingOptions,
  request: ChatRequest,
  context: StreamContext,
): AsyncGenerator<Chunk | null> {
  if (ai == null) throw away("is not there: this deployment has no binding `AI`");
  const input = inputOf(request);
  const idle = new IdleTimeout(timeoutMs, "Workers AI");
  const ended = untilAborted(context.signal);
  let reader: ReadableStreamDefaultReader<string> | null = null;
  try {
    const answering = idle.watch(Promise.race([run(ai as AiBinding, model, input), ended]));
    while (await goesOn(answering, quietMs)) yield null;
    const answer = await answering;
    if (!(answer instanceof ReadableStream)) {
      yield readChunk(answer);
      return;
    }
    reader = (answer as ReadableStream<Uint8Array>)
      .pipeThrough(new TextDecoderStream())
      .getReader();
    const arrived: string[] = [];
    const parser = createParser({ onEvent: ({ data }) => arrived.push(data) });
    for (;;) {
      const reading = idle.watch(Promise.race([reader.read(), ended]));
      while (await goesOn(reading, quietMs)) yield null;
      const { done, value } = await reading;
      if (done) throw away("broke off before the reply's end");
      parser.feed(value);
      for (const data of arrived.splice(0)) {
        if (data === "[DONE]") return;
        yield readChunk(JSON.parse(data));
      }
    }
  } finally {
    idle.stop();
    await reader?.cancel().catch(() => {});
  }
}

async function run(ai: AiBinding, model: string, input: Record<string, unknown>): Promise<unknown> {
  try {
    return await ai.run(model, input);
  } catch (error) {
    throw refusalOf(error);
  }
}

/** The binding throws plain errors that begin with the platform's number of the problem. */
function refusalOf(error: unknown): RosaError {
  const words = error instanceof Error ? error.message.slice(0, 1_000) : String(error);
  const code = /^\D{0,20}(\d{4})\b/.exec(words)?.[1];
  if (code === "3040" || code === "3036") {
    return new RosaError("queue_full", `Workers AI takes no more requests now: ${words}`, {
      retryAfterS: 5,
    });
  }
  if (/context (length|window)|too (long|large)|token limit/i.test(words)) {
    return new RosaError("context_length_exceeded", `Workers AI refused the request: ${words}`);
  }
  if (code === "5006" || code === "3003" || code === "5004") {
    return new RosaError("invalid_request", `Workers AI refused the request: ${words}`);
  }
  return away(`failed: ${words}`);
}

function inputOf({ messages, sampling }: ChatRequest): Record<string, unknown> {
  const { temperature, top_p, top_k, repetition_penalty, seed, max_tokens, output } = sampling;
  refuse("stop", (sampling.stop ?? []).length > 0);
  refuse("logit_bias", sampling.logit_bias !== undefined);
  refuse("min_p", sampling.min_p !== undefined);
  refuse("logprobs", sampling.top_logprobs !== undefined);
  refuse("reasoning_effort", output?.thinking !== undefined);
  const { parallel_tool_calls: parallel, tool_choice: choice, tools } = outputFields(sampling);
  refuse("tool_choice", choice !== undefined && choice !== "auto" && choice !== "none");
  refuse("parallel_tool_calls", parallel === false);
  const { format } = output ?? {};
  const mayCall = tools !== undefined && choice !== "none";
  const given: Partial<Sampling> = { temperature, top_p, top_k, repetition_penalty };
  return withoutAbsent({
    messages: nativeMessages(messages),
    // Every model reports calls whole; few stream them. The binding does not stream JSON that follows a schema.
    stream: !mayCall && format?.type !== "json_schema",
    ...given,
    // The binding takes seeds from 1.
    seed: seed === undefined ? undefined : (Math.abs(seed) % 9_999_999_999) + 1,
    max_tokens,
    frequency_penalty: sampling.frequency_penalty || undefined,
    presence_penalty: sampling.presence_penalty || undefined,
    // Unlike OpenAI's, the binding's field holds the schema itself.
    response_format:
      format?.type === "json_schema" ? { type: format.type, json_schema: format.schema } : format,
    ...(mayCall ? { tools } : {}),
  });
}

function withoutAbsent(input: Record<string, unknown>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(input).filter(([, value]) => value !== undefined));
}

function refuse(param: string, isGiven: boolean): void {
  if (!isGiven) return;
  throw new RosaError("unsupported_parameter", `Workers AI has no "${param}"`, { param });
}

/** Rejects when the signal is aborted: the binding takes no signal. */
function untilAborted(signal: AbortSignal | undefined): Promise<never> {
  const ended = new Promise<never>((_, reject) => {
    const end = () => reject(signal?.reason);
    if (signal?.aborted) end();
    else signal?.addEventListener("abort", end, { once: true });
  });
  ended.catch(() => {});
  return ended;
}
