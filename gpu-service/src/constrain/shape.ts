/** The requested shape of a reply as XGrammar's structural tags. It knows no tokens. */

import type { StructuralTagFormat } from "@mlc-ai/web-xgrammar";
import type { OutputShape } from "@rosa2/shared/protocol";

const trigger = "<tool_call>";

/** Null if the reply may be any text. */
export function shapeOf(output: OutputShape): StructuralTagFormat | null {
  const { format, tools = [], tool_choice: choice = "auto" } = output;
  const json: StructuralTagFormat | null =
    format === undefined
      ? null
      : {
          type: "json_schema",
          json_schema: format.type === "json_object" ? { type: "object" } : format.schema,
        };
  if (tools.length === 0 || choice === "none") return json;
  const chosen = tools.filter(({ name }) => typeof choice === "string" || name === choice.name);
  const tags = chosen.map(({ name, parameters }) => ({
    type: "tag" as const,
    begin: `${trigger}\n{"name": ${JSON.stringify(name)}, "arguments": `,
    content: { type: "json_schema" as const, json_schema: parameters ?? { type: "object" } },
    end: "}\n</tool_call>",
  }));
  const stop_after_first = output.parallel_tool_calls === false || typeof choice !== "string";
  const calls: StructuralTagFormat = {
    type: "tags_with_separator",
    tags,
    separator: "\n",
    at_least_one: true,
    stop_after_first,
  };
  if (choice !== "auto") return calls;
  if (json !== null) return { type: "or", elements: [json, calls] };
  return {
    type: "triggered_tags",
    triggers: [trigger],
    tags,
    at_least_one: false,
    stop_after_first,
  };
}
