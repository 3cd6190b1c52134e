/** The output shape of a chat completion (thinking, JSON, functions), from OpenAI's fields to the wire's. */
import { RosaError } from "@rosa2/shared/errors";
import type { OutputShape } from "@rosa2/shared/protocol";
import { outputShapeSchema } from "@rosa2/shared/protocol";
import { z } from "zod";
import { type effortSchema, thinks } from "../../contract/sampling.ts";
import { unsupported } from "./fields.ts";

const schemaSchema = z.record(z.string(), z.unknown());

export const responseFormatSchema = z.union([
  z.looseObject({ type: z.literal("text") }),
  z.looseObject({ type: z.literal("json_object") }),
  z.looseObject({
    type: z.literal("json_schema"),
    json_schema: z.looseObject({ name: z.string(), schema: schemaSchema.nullish() }),
  }),
]);

export const toolSchema = z.looseObject({
  type: z.string(),
  function: z
    .looseObject({
      name: z.string(),
      description: z.string().nullish(),
      parameters: schemaSchema.nullish(),
    })
    .optional(),
});

export const toolChoiceSchema = z.union([
  z.enum(["none", "auto", "required"]),
  z.looseObject({
    type: z.string(),
    function: z.looseObject({ name: z.string() }).optional(),
    allowed_tools: z
      .looseObject({
        mode: z.enum(["auto", "required"]),
        tools: z.array(z.looseObject({ function: z.looseObject({ name: z.string() }).optional() })),
      })
      .optional(),
  }),
]);

export const templateKwargsSchema = z.strictObject({ enable_thinking: z.boolean().nullish() });

export interface ShapeFields {
  response_format?: z.infer<typeof responseFormatSchema> | null | undefined;
  tools?: z.infer<typeof toolSchema>[] | null | undefined;
  tool_choice?: z.infer<typeof toolChoiceSchema> | null | undefined;
  parallel_tool_calls?: boolean | null | undefined;
  reasoning_effort?: z.infer<typeof effortSchema> | null | undefined;
  chat_template_kwargs?: z.infer<typeof templateKwargsSchema> | null | undefined;
}

/** @throws RosaError `unsupported_parameter`, `invalid_request`. Undefined if any reply is allowed. */
export function shapeOf(body: ShapeFields): OutputShape | undefined {
  const thinking = thinkingOf(body);
  const format = formatOf(body);
  const { tools, choice } = toolsOf(body);
  const parallel = body.parallel_tool_calls ?? undefined;
  const shape = {
    ...(thinking === undefined ? {} : { thinking }),
    ...(format === undefined ? {} : { format }),
    ...(tools.length === 0 ? {} : { tools }),
    ...(tools.length === 0 || choice === undefined ? {} : { tool_choice: choice }),
    ...(tools.length === 0 || parallel === undefined ? {} : { parallel_tool_calls: parallel }),
  };
  if (Object.keys(shape).length === 0) return undefined;
  const checked = outputShapeSchema.safeParse(shape);
  if (checked.success) return checked.data;
  const issue = checked.error.issues[0];
  throw invalid(issue?.path.map(String).join(".") ?? "tools", issue?.message ?? "is not valid");
}

function thinkingOf({ reasoning_effort: effort, chat_template_kwargs: kwargs }: ShapeFields) {
  if (kwargs?.enable_thinking != null) return kwargs.enable_thinking;
  if (effort == null) return undefined;
  return thinks(effort);
}

function formatOf({ response_format: format }: ShapeFields): OutputShape["format"] {
  if (format == null || format.type === "text") return undefined;
  if (format.type === "json_object") return { type: "json_object" };
  return { type: "json_schema", schema: format.json_schema.schema ?? { type: "object" } };
}

function toolsOf({ tools: given, tool_choice: chosen }: ShapeFields) {
  const all = (given ?? []).map((tool, i) => {
    if (tool.type !== "function" || tool.function === undefined) {
      throw unsupported(`tools.${i}.type`, `Tools of type "${tool.type}" are not supported`);
    }
    const { name, description, parameters } = tool.function;
    return {
      name,
      ...(description == null ? {} : { description }),
      ...(parameters == null ? {} : { parameters }),
    };
  });
  const known = (name: string | undefined) => {
    if (all.some((tool) => tool.name === name)) return name as string;
    throw invalid("tool_choice", `there is no function "${name}" among the tools`);
  };
  if (chosen == null || typeof chosen === "string") {
    if (chosen === "required" && all.length === 0) throw invalid("tool_choice", "needs tools");
    return { tools: all, choice: chosen ?? undefined };
  }
  if (chosen.type === "function") {
    return { tools: all, choice: { name: known(chosen.function?.name) } };
  }
  if (chosen.type === "allowed_tools" && chosen.allowed_tools !== undefined) {
    const { mode, tools } = chosen.allowed_tools;
    const names = tools.map((tool) => known(tool.function?.name));
    return { tools: all.filter(({ name }) => names.includes(name)), choice: mode };
  }
  throw unsupported("tool_choice", `tool_choice of type "${chosen.type}" is not supported`);
}

function invalid(param: string, message: string): RosaError {
  return new RosaError("invalid_request", `${param}: ${message}`, { param });
}
