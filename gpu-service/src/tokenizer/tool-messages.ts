/**
 * Functions, calls and their results as messages: in the fields of a template with tools, or as text for a template
 * without. A call is written the same way in both: `<tool_call>`, as in Qwen's and Hermes' templates.
 */
import type { OutputShape, PromptMessage } from "@rosa2/shared/protocol";

type Tool = NonNullable<OutputShape["tools"]>[number];

/** A message as `transformers` passes it to a template. */
export interface TemplateMessage {
  role: PromptMessage["role"];
  content: string;
  tool_calls?: { type: "function"; function: { name: string; arguments: unknown } }[];
}

/** The functions in the form that templates read. */
export function templateTools(tools: readonly Tool[]): object[] {
  return tools.map(({ name, description = "", parameters = emptyParameters }) => ({
    type: "function",
    function: { name, description, parameters },
  }));
}

export function templateMessages(messages: readonly PromptMessage[]): TemplateMessage[] {
  return messages.map(({ role, content, tool_calls }) => ({
    role,
    content,
    ...(tool_calls === undefined
      ? {}
      : {
          tool_calls: tool_calls.map(({ name, arguments: json }) => ({
            type: "function" as const,
            function: { name, arguments: parsed(json) },
          })),
        }),
  }));
}

/** For a template without tools: functions go into the system message, calls and results into the text. */
export function messagesAsText(
  messages: readonly PromptMessage[],
  tools: readonly Tool[],
): TemplateMessage[] {
  const said = messages.map(({ role, content, tool_calls = [] }): TemplateMessage => {
    if (role === "tool") {
      return { role: "user", content: `<tool_response>\n${content}\n</tool_response>` };
    }
    const calls = tool_calls.map(
      ({ name, arguments: json }) =>
        `<tool_call>\n{"name": ${JSON.stringify(name)}, "arguments": ${json}}\n</tool_call>`,
    );
    return { role, content: [content, ...calls].filter((part) => part !== "").join("\n") };
  });
  if (tools.length === 0) return said;
  const list = tools.map((tool) => JSON.stringify(tool));
  const introduction = `Functions that you may call:\n${list.join("\n")}\nA call is written:\n<tool_call>\n{"name": <name>, "arguments": <arguments>}\n</tool_call>`;
  const [first, ...rest] = said;
  if (first?.role !== "system") return [{ role: "system", content: introduction }, ...said];
  return [{ role: "system", content: `${first.content}\n\n${introduction}` }, ...rest];
}

const emptyParameters = { type: "object", properties: {} };

function parsed(json: string): unknown {
  try {
    return JSON.parse(json);
  } catch {
    return json;
  }
}
