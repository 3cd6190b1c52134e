/** An OpenAI chat completion request: its schema, and its translation. */
import { z } from "@hono/zod-openapi";
import { RosaError } from "@rosa2/shared/errors";
import { limits, type PromptMessage, type Sampling } from "@rosa2/shared/protocol";
import { effortSchema, samplingFields, samplingOf, stopSchema } from "../../contract/sampling.ts";
import {
  chatFields,
  messageFields,
  partTypes,
  refuseUnsupported,
  streamOptions,
  unsupported,
} from "./fields.ts";
import {
  responseFormatSchema,
  shapeOf,
  templateKwargsSchema,
  toolChoiceSchema,
  toolSchema,
} from "./shape.ts";

const partSchema = z.looseObject({ type: z.string(), text: z.string().optional() });

const chatMessageSchema = z.looseObject({
  role: z.string().openapi({ example: "user" }),
  content: z
    .union([z.string().max(limits.contentCharsMax), z.array(partSchema).max(64)])
    .nullish()
    .openapi({ example: "Write a haiku about rain" }),
  tool_calls: z
    .array(
      z.looseObject({
        id: z.string(),
        type: z.string().optional(),
        function: z.looseObject({ name: z.string(), arguments: z.string() }).optional(),
      }),
    )
    .nullish(),
  tool_call_id: z.string().nullish(),
});

/** Parameters that are not named here are in the lists of fields.ts, or refused. */
export const chatRequestSchema = z
  .looseObject({
    model: z.string().min(1).max(256).openapi({
      description: "The served model's name, or an alias of the deployment's; any other is refused",
      example: "rosa2-mini-2",
    }),
    messages: z.array(chatMessageSchema).min(1).max(limits.messagesMax),
    stream: z.boolean().nullish(),
    stream_options: z.looseObject({ include_usage: z.boolean().nullish() }).nullish(),
    temperature: samplingFields.temperature.nullish(),
    top_p: samplingFields.top_p.nullish(),
    top_k: samplingFields.top_k.nullish(),
    min_p: samplingFields.min_p.nullish(),
    repetition_penalty: samplingFields.repetition_penalty.nullish(),
    max_tokens: samplingFields.max_tokens.nullish(),
    max_completion_tokens: samplingFields.max_tokens.nullish(),
    n: z.int().nullish(),
    stop: stopSchema.nullish(),
    seed: samplingFields.seed.nullish(),
    frequency_penalty: samplingFields.frequency_penalty.nullish(),
    presence_penalty: samplingFields.presence_penalty.nullish(),
    logit_bias: samplingFields.logit_bias.nullish(),
    logprobs: z.boolean().nullish(),
    top_logprobs: z.int().min(0).max(20).nullish(),
    response_format: responseFormatSchema.nullish(),
    tools: z.array(toolSchema).max(128).nullish(),
    tool_choice: toolChoiceSchema.nullish(),
    parallel_tool_calls: z.boolean().nullish(),
    reasoning_effort: effortSchema.nullish(),
    chat_template_kwargs: templateKwargsSchema.nullish(),
    metadata: z.record(z.string(), z.unknown()).nullish(),
  })
  .openapi("ChatCompletionRequest");
export type ChatRequest = z.infer<typeof chatRequestSchema>;

const { safeParseAsync } = chatRequestSchema;
chatRequestSchema.safeParseAsync = async (body, params) =>
  isPlainRequest(body) ? { success: true, data: body } : await safeParseAsync(body, params);

const plainFields = new Set(["model", "messages", "stream", "max_tokens", "temperature"]);

/**
 * Whether a body holds only what nearly every body holds, in the schema's form. The schema need not be asked then: in
 * the Worker's runtime it cannot compile itself, and takes a third of a millisecond.
 */
export function isPlainRequest(body: unknown): body is ChatRequest {
  if (typeof body !== "object" || body === null) return false;
  const { model, messages, stream, max_tokens: tokens, temperature } = body as ChatRequest;
  return (
    Object.keys(body).every((name) => plainFields.has(name)) &&
    isText(model, 256) &&
    model !== "" &&
    Array.isArray(messages) &&
    messages.length > 0 &&
    messages.length <= limits.messagesMax &&
    messages.every(isPlainMessage) &&
    (stream === undefined || typeof stream === "boolean") &&
    (tokens === undefined ||
      (Number.isInteger(tokens) && Number(tokens) > 0 && Number(tokens) <= limits.tokensMax)) &&
    (temperature === undefined ||
      (typeof temperature === "number" && temperature >= 0 && temperature <= 2))
  );
}

function isPlainMessage(message: unknown): boolean {
  if (typeof message !== "object" || message === null) return false;
  const { role, content, ...rest } = message as Record<string, unknown>;
  return (
    typeof role === "string" &&
    isText(content, limits.contentCharsMax) &&
    Object.keys(rest).length === 0
  );
}

function isText(value: unknown, charsMax: number): value is string {
  return typeof value === "string" && value.length <= charsMax;
}

/**
 * @throws RosaError `unsupported_parameter` for an unsupported parameter that would change the answer,
 * `invalid_request` for alternatives without log-probs.
 */
export function checkRequest(body: ChatRequest): void {
  refuseUnsupported(body, chatFields);
  refuseUnsupported(body.stream_options ?? {}, streamOptions, "stream_options.");
  if (body.top_logprobs != null && body.logprobs !== true) {
    throw invalid("top_logprobs", "needs logprobs to be true");
  }
}

/** @throws RosaError `unsupported_parameter` for unsupported roles, fields and parts, `invalid_request`. */
export function toMessages(body: Pick<ChatRequest, "messages">): PromptMessage[] {
  return body.messages.map((message, index) => {
    const at = `messages.${index}`;
    // A tool's name adds nothing to its call's id.
    const { name: _, ...unnamed } = message;
    refuseUnsupported(message.role === "tool" ? unnamed : message, messageFields, `${at}.`);
    const role = message.role === "developer" ? "system" : message.role;
    if (role !== "system" && role !== "user" && role !== "assistant" && role !== "tool") {
      throw unsupported(`${at}.role`, `Messages of role "${role}" are not supported`);
    }
    const content = textOf(message.content, at);
    if (role === "tool") {
      if (message.tool_call_id == null)
        throw invalid(`${at}.tool_call_id`, "names the call it answers");
      return { role, content, tool_call_id: message.tool_call_id };
    }
    if (role === "assistant" && message.tool_calls != null && message.tool_calls.length > 0) {
      const tool_calls = message.tool_calls.map(({ id, function: called }, i) => {
        if (called !== undefined) return { id, name: called.name, arguments: called.arguments };
        throw unsupported(`${at}.tool_calls.${i}`, "Only calls of functions are supported");
      });
      return { role, content, tool_calls };
    }
    if (role === "user" && content.trim() === "") {
      throw invalid(`${at}.content`, "a user's message must not be empty");
    }
    return { role, content };
  });
}

function textOf(content: ChatRequest["messages"][number]["content"], at: string): string {
  if (content == null || typeof content === "string") return content ?? "";
  const texts = content.map((part, index) => {
    const param = `${at}.content.${index}`;
    if (!(partTypes as readonly string[]).includes(part.type)) {
      throw unsupported(`${param}.type`, `Parts of type "${part.type}" are not supported`);
    }
    if (part.text === undefined) throw invalid(`${param}.text`, "must be a string");
    return part.text;
  });
  return texts.join("");
}

function invalid(param: string, message: string): RosaError {
  return new RosaError("invalid_request", `${param}: ${message}`, { param });
}

export function toSampling(body: ChatRequest): Partial<Sampling> {
  const maxTokens = body.max_completion_tokens ?? body.max_tokens;
  const stop = typeof body.stop === "string" ? [body.stop] : body.stop;
  const given: { [K in keyof Sampling]: Sampling[K] | null | undefined } = {
    temperature: body.temperature,
    top_p: body.top_p,
    top_k: body.top_k,
    min_p: body.min_p,
    repetition_penalty: body.repetition_penalty,
    max_tokens: maxTokens,
    stop,
    seed: body.seed,
    frequency_penalty: body.frequency_penalty,
    presence_penalty: body.presence_penalty,
    logit_bias: body.logit_bias,
    output: shapeOf(body),
    top_logprobs: body.logprobs === true ? (body.top_logprobs ?? 0) : undefined,
  };
  return samplingOf(Object.fromEntries(Object.entries(given).filter(([, value]) => value != null)));
}
