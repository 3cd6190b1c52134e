/** An OpenAI Responses request: its schema, and its translation to chat messages, output shape and preceding turn. */
import { z } from "@hono/zod-openapi";
import { RosaError } from "@rosa2/shared/errors";
import type { OutputShape, PromptMessage, Sampling } from "@rosa2/shared/protocol";
import { effortSchema, samplingFields, samplingOf } from "../../contract/sampling.ts";
import { type Handling, refuseUnsupported, unsupported } from "./fields.ts";
import { shapeOf } from "./shape.ts";

const schemaSchema = z.record(z.string(), z.unknown());
const partSchema = z.looseObject({ type: z.string(), text: z.string().optional() });
const itemSchema = z.looseObject({
  type: z.string().optional(),
  role: z.string().optional(),
  content: z.union([z.string(), z.array(partSchema)]).nullish(),
  id: z.string().nullish(),
  call_id: z.string().optional(),
  name: z.string().optional(),
  arguments: z.string().optional(),
  output: z.union([z.string(), z.array(partSchema)]).optional(),
});

export const responsesRequestSchema = z
  .looseObject({
    model: z.string().min(1).max(256).openapi({
      description: "The served model's name, or an alias of the deployment's; any other is refused",
      example: "rosa2-mini-2",
    }),
    input: z.union([z.string(), z.array(itemSchema).min(1).max(512)]).openapi({
      description:
        "The request, or the items of a conversation that ends with it or with functions' results",
      example: "Which rivers meet in Lyon?",
    }),
    instructions: z.string().nullish().openapi({ description: "What every reply is to follow" }),
    previous_response_id: z.string().nullish().openapi({
      description:
        "The stored response that this one follows; it must be its session's latest turn",
    }),
    store: z.boolean().nullish().openapi({
      description:
        "Whether the response becomes a turn of a session (default), or leaves nothing behind",
    }),
    stream: z.boolean().nullish().openapi({ description: "Answers with server-sent events" }),
    max_output_tokens: samplingFields.max_tokens.nullish(),
    temperature: samplingFields.temperature.nullish(),
    top_p: samplingFields.top_p.nullish(),
    text: z
      .looseObject({
        format: z
          .looseObject({ type: z.string(), schema: schemaSchema.nullish() })
          .nullish()
          .openapi({ description: "The reply's shape: text, json_object or json_schema" }),
        verbosity: z.string().nullish(),
      })
      .nullish(),
    tools: z
      .array(
        z.looseObject({
          type: z.string(),
          name: z.string().optional(),
          description: z.string().nullish(),
          parameters: schemaSchema.nullish(),
        }),
      )
      .max(128)
      .nullish(),
    tool_choice: z
      .union([
        z.enum(["none", "auto", "required"]),
        z.looseObject({
          type: z.string(),
          name: z.string().optional(),
          mode: z.enum(["auto", "required"]).optional(),
          tools: z.array(z.looseObject({ name: z.string().optional() })).optional(),
        }),
      ])
      .nullish(),
    parallel_tool_calls: z.boolean().nullish(),
    reasoning: z.looseObject({ effort: effortSchema.nullish() }).nullish(),
  })
  .openapi("ResponseRequest");
export type ResponsesRequest = z.infer<typeof responsesRequestSchema>;

/** The handling of each parameter of OpenAI's Responses, as in fields.ts. */
export const responsesFields = {
  model: "honoured",
  input: "honoured",
  instructions: "honoured",
  previous_response_id: "honoured",
  store: "honoured",
  stream: "honoured",
  max_output_tokens: "honoured",
  temperature: "honoured",
  top_p: "honoured",
  text: "honoured",
  tools: "honoured",
  tool_choice: "honoured",
  parallel_tool_calls: "honoured",
  reasoning: "honoured",
  access_programs: { only: [] },
  background: { only: [false] },
  background_options: { only: [] },
  conversation: { only: [], hint: "use previous_response_id" },
  context_management: { only: [[]] },
  image: { only: [] },
  include: { only: [[], ["reasoning.encrypted_content"]] },
  moderation: { only: [] },
  prompt: { only: [] },
  top_logprobs: { only: [0] },
  truncation: { only: ["disabled"] },
  // It bounds calls of tools that OpenAI runs; there are none here.
  max_tool_calls: "without effect",
  metadata: "without effect",
  prompt_cache_key: "without effect",
  prompt_cache_options: "without effect",
  prompt_cache_retention: "without effect",
  safety_identifier: "without effect",
  service_tier: "without effect",
  stream_options: "without effect",
  user: "without effect",
} as const satisfies Record<string, Handling>;

/** A stored response by its own id, or the id of one of its items. */
export interface StoredId {
  sessionId: string;
  turnId: string;
}

export function responseIds({ sessionId, turnId }: StoredId) {
  const name = `${sessionId.replace(/^ses_/, "")}_${turnId.replace(/^turn_/, "")}`;
  return {
    response: `resp_${name}`,
    message: `msg_${name}`,
    call: `fc_${name}`,
    thought: `rs_${name}`,
  };
}

/** Null for an id that names no stored response. */
function storedId(id: string): StoredId | null {
  const [, session, turn] = /^(?:resp|msg|fc|rs)_([\w-]+)_([0-9A-Z]{26})(?:_\d+)?$/.exec(id) ?? [];
  if (session === undefined || turn === undefined) return null;
  return { sessionId: `ses_${session}`, turnId: `turn_${turn}` };
}

export interface ParsedRequest {
  /** What the model sees besides the session's own contents. */
  messages: PromptMessage[];
  /** The stored response before this one. */
  after: StoredId | null;
  sampling: Partial<Sampling>;
}

/** @throws RosaError `unsupported_parameter`, `invalid_request`. */
export function parseRequest(body: ResponsesRequest): ParsedRequest {
  refuseUnsupported(body, responsesFields);
  refuseUnsupported(
    body.text ?? {},
    { format: "honoured", verbosity: { only: ["medium"] } },
    "text.",
  );
  const { messages, after } = itemsOf(body);
  const previous = body.previous_response_id ?? null;
  const named = previous === null ? null : storedId(previous);
  if (previous !== null && named === null) {
    throw new RosaError("not_found", `No response "${previous}" is stored here`, {
      param: "previous_response_id",
    });
  }
  if (body.store === false && (named ?? after) !== null) {
    throw invalid("store", "a response that follows a stored one is stored too");
  }
  const instructions = body.instructions ?? "";
  const system: PromptMessage[] =
    instructions === "" ? [] : [{ role: "system", content: instructions }];
  return { messages: [...system, ...messages], after: named ?? after, sampling: samplingFor(body) };
}

function samplingFor(body: ResponsesRequest): Partial<Sampling> {
  const output = shapeFor(body);
  return samplingOf({
    ...(body.temperature == null ? {} : { temperature: body.temperature }),
    ...(body.top_p == null ? {} : { top_p: body.top_p }),
    ...(body.max_output_tokens == null ? {} : { max_tokens: body.max_output_tokens }),
    ...(output === undefined ? {} : { output }),
  });
}

/** Chat completions write the same with one more level. */
function shapeFor({
  text,
  tools,
  tool_choice: choice,
  ...body
}: ResponsesRequest): OutputShape | undefined {
  const format = text?.format;
  if (format != null && !["text", "json_object", "json_schema"].includes(format.type)) {
    throw unsupported("text.format", `text.format of type "${format.type}" is not supported`);
  }
  const named = (name: string | undefined) => ({ function: { name: name ?? "" } });
  return shapeOf({
    parallel_tool_calls: body.parallel_tool_calls,
    reasoning_effort: body.reasoning?.effort,
    response_format:
      format == null
        ? null
        : format.type === "json_schema"
          ? { type: "json_schema", json_schema: { name: "reply", schema: format.schema } }
          : { type: format.type as "text" | "json_object" },
    tools: tools?.map(({ type, name, ...tool }) =>
      type === "function" ? { type, function: { ...tool, name: name ?? "" } } : { type },
    ),
    tool_choice:
      choice == null || typeof choice === "string"
        ? choice
        : choice.type === "allowed_tools"
          ? {
              type: choice.type,
              allowed_tools: {
                mode: choice.mode ?? "auto",
                tools: (choice.tools ?? []).map(({ name }) => named(name)),
              },
            }
          : { type: choice.type, ...named(choice.name) },
  });
}

/** The items as messages: those after the last item of a stored response, if there is one. */
function itemsOf({ input }: ResponsesRequest): {
  messages: PromptMessage[];
  after: StoredId | null;
} {
  if (typeof input === "string") {
    if (input.trim() === "") throw invalid("input", "must not be empty");
    return { messages: [{ role: "user", content: input }], after: null };
  }
  let messages: PromptMessage[] = [];
  let after: StoredId | null = null;
  for (const [i, item] of input.entries()) {
    const at = `input.${i}`;
    const type = item.type ?? "message";
    if (type === "item_reference") {
      after = storedId(item.id ?? "");
      if (after === null) {
        throw new RosaError("not_found", `No item "${item.id}" is stored here`, { param: at });
      }
      messages = messages.filter(({ role }) => role === "system");
    } else if (type === "message") messages.push(messageOf(item, at));
    else if (type === "function_call") {
      const { call_id: id = "", name = "", arguments: json = "{}" } = item;
      const call = { id, name, arguments: json };
      const last = messages.at(-1);
      if (last?.role === "assistant") last.tool_calls = [...(last.tool_calls ?? []), call];
      else messages.push({ role: "assistant", content: "", tool_calls: [call] });
    } else if (type === "function_call_output") {
      const content = textOf(item.output, `${at}.output`);
      messages.push({ role: "tool", content, tool_call_id: item.call_id ?? "" });
    } else if (type !== "reasoning") {
      throw unsupported(`${at}.type`, `Items of type "${type}" are not supported`);
    }
  }
  if (!["user", "tool"].includes(messages.at(-1)?.role ?? "")) {
    throw invalid("input", "must end with the user's request or a function's result");
  }
  return { messages, after };
}

function messageOf(item: z.infer<typeof itemSchema>, at: string): PromptMessage {
  const role = item.role === "developer" ? "system" : item.role;
  if (role !== "system" && role !== "user" && role !== "assistant") {
    throw unsupported(`${at}.role`, `Messages of role "${role}" are not supported`);
  }
  const content = textOf(item.content, `${at}.content`);
  if (role === "user" && content.trim() === "") {
    throw invalid(`${at}.content`, "a user's message must not be empty");
  }
  return { role, content };
}

const textTypes = ["input_text", "output_text", "text"];

function textOf(content: z.infer<typeof itemSchema>["content"], at: string): string {
  if (content == null || typeof content === "string") return content ?? "";
  const texts = content.map(({ type, text = "" }, i) => {
    if (textTypes.includes(type)) return text;
    throw unsupported(`${at}.${i}.type`, `Parts of type "${type}" are not supported`);
  });
  return texts.join("");
}

function invalid(param: string, message: string): RosaError {
  return new RosaError("invalid_request", `${param}: ${message}`, { param });
}
