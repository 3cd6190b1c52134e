/**
 * A request in the form of servers with OpenAI's chat completions: calls and results of functions have fields of their
 * own.
 */
import type { PromptMessage, Sampling, ToolCall } from "./protocol.ts";
import { ReplyParts } from "./reply-parts.ts";

interface NativeMessage {
  role: PromptMessage["role"];
  content: string | null;
  tool_calls?: { id: string; type: "function"; function: { name: string; arguments: string } }[];
  tool_call_id?: string;
}

/** A session keeps calls and results as text; this gives them their fields back, with ids by position. */
export function nativeMessages(messages: readonly PromptMessage[]): NativeMessage[] {
  const native: NativeMessage[] = [];
  for (const [index, message] of messages.entries()) {
    const { role, content, tool_calls: given, tool_call_id } = message;
    if (role === "assistant") {
      const parts = given === undefined ? writtenCalls(content, index) : { content, calls: given };
      const isAnswered =
        given !== undefined || resultsOf(messages[index + 1]).length === parts.calls.length;
      native.push(
        parts.calls.length > 0 && isAnswered
          ? {
              role,
              content: parts.content === "" ? null : parts.content,
              tool_calls: parts.calls.map(({ id, ...called }) => ({
                id,
                type: "function",
                function: called,
              })),
            }
          : { role, content },
      );
      continue;
    }
    const calls = native.at(-1)?.tool_calls ?? [];
    const results = role === "user" ? resultsOf(message) : [];
    if (results.length > 0 && results.length === calls.length) {
      for (const [i, result] of results.entries()) {
        native.push({ role: "tool", content: result, tool_call_id: calls[i]?.id ?? "" });
      }
    } else native.push({ role, content, ...(tool_call_id === undefined ? {} : { tool_call_id }) });
  }
  return native;
}

function writtenCalls(text: string, place: number): { content: string; calls: ToolCall[] } {
  const parts = new ReplyParts();
  const found = [parts.push(text), parts.end()];
  const calls: ToolCall[] = [];
  for (const { index, name, arguments: json } of found.flatMap((one) => one.calls)) {
    const call = calls[index];
    if (call !== undefined) call.arguments += json;
    else calls.push({ id: `call_${place}_${index}`, name: name ?? "", arguments: json });
  }
  return { content: found.map(({ content }) => content).join(""), calls };
}

function resultsOf(message: PromptMessage | undefined): string[] {
  if (message?.role !== "user") return [];
  const [opening, closing] = ["<tool_response>\n", "\n</tool_response>"];
  const results: string[] = [];
  for (let rest = message.content.trimStart(); rest !== ""; ) {
    const end = rest.startsWith(opening) ? rest.indexOf(closing, opening.length) : -1;
    if (end < 0) return [];
    results.push(rest.slice(opening.length, end));
    rest = rest.slice(end + closing.length).trimStart();
  }
  return results;
}

/** Tools and formats of a reply, in OpenAI's fields. */
export function outputFields({ output }: Partial<Sampling>): Record<string, unknown> {
  if (output === undefined) return {};
  const { format, tools = [], tool_choice: choice, parallel_tool_calls: parallel } = output;
  return {
    ...(format === undefined
      ? {}
      : {
          response_format:
            format.type === "json_object"
              ? format
              : {
                  type: "json_schema",
                  // The reply follows the schema or is refused: the model's host says which schemas it can follow.
                  json_schema: { name: "reply", strict: true, schema: format.schema },
                },
        }),
    ...(tools.length === 0
      ? {}
      : {
          tools: tools.map((tool) => ({ type: "function", function: tool })),
          ...(choice === undefined
            ? {}
            : {
                tool_choice:
                  typeof choice === "string"
                    ? choice
                    : { type: "function", function: { name: choice.name } },
              }),
          ...(parallel === undefined ? {} : { parallel_tool_calls: parallel }),
        }),
  };
}
