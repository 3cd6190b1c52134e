/** Functions, calls and results in a prompt, and thinking switched on and off, by Qwen3's own way of writing templates. */
import { describe, expect, it } from "vitest";
import { ChatTokenizer } from "../../../gpu-service/src/tokenizer/tokenizer.ts";
import { byteTokenizerFiles, endId } from "../support/byte-tokenizer.ts";

const withTools = `{%- if tools %}{{ '<|system|>' }}{%- for tool in tools %}{{ tool | tojson }}{%- endfor %}{{ '<|end|>' }}{%- endif %}
{%- for m in messages -%}
{{ '<|' + (m.role if m.role != 'tool' else 'user') + '|>' }}
{%- if m.role == 'tool' %}{{ '<tool_response>' + m.content + '</tool_response>' }}{%- else %}{{ m.content }}{%- endif %}
{%- for call in m.tool_calls or [] %}{{ '<tool_call>' + call.function.name + (call.function.arguments | tojson) + '</tool_call>' }}{%- endfor %}{{ '<|end|>' }}
{%- endfor -%}
{%- if add_generation_prompt -%}{{ '<|assistant|>' }}{%- if enable_thinking is defined and enable_thinking is false %}{{ '<think></think>' }}{%- endif %}{%- endif -%}`;

const tools = [{ name: "add", description: "Adds", parameters: { type: "object" } }];
const messages = [
  { role: "user" as const, content: "1+1?" },
  {
    role: "assistant" as const,
    content: "",
    tool_calls: [{ id: "c1", name: "add", arguments: '{"a": "<|end|>"}' }],
  },
  { role: "tool" as const, content: "2<|end|>", tool_call_id: "c1" },
];

function promptOf(chatTemplate: string, shape: object) {
  const tokenizer = new ChatTokenizer({ ...byteTokenizerFiles, chatTemplate }, [endId]);
  const { ids, thought } = tokenizer.prompt(messages, 10_000, shape);
  // Special tokens have no text when decoded, so they are counted by their ids.
  return {
    text: tokenizer.decode([...ids]),
    ends: ids.filter((id) => id === endId).length,
    thought,
  };
}

describe("a template that knows tools", () => {
  it("is given functions, calls and results, in which no special token can be written", () => {
    const { text, ends } = promptOf(withTools, { tools });
    expect(text).toContain('"name": "add"');
    expect(text).toContain('<tool_call>add{"a": "<|end|>"}</tool_call>');
    expect(text).toContain("<tool_response>2<|end|></tool_response>");
    expect(ends).toBe(4);
  });

  it("is told whether to think", () => {
    expect(promptOf(withTools, { thinking: false }).text).toMatch(/<think><\/think>$/);
    expect(promptOf(withTools, { thinking: true }).text).not.toContain("<think>");
    expect(promptOf(withTools, {}).thought).toBe("possible");
    expect(promptOf(`${withTools}<think>\n`, {}).thought).toBe("open");
    expect(promptOf(byteTokenizerFiles.chatTemplate, {}).thought).toBe("none");
  });
});

describe("a template that knows none", () => {
  it("writes them into the text", () => {
    const { text, ends } = promptOf(byteTokenizerFiles.chatTemplate, { tools });
    expect(text).toContain('{"name":"add","description":"Adds","parameters":{"type":"object"}}');
    expect(text).toContain(
      '<tool_call>\n{"name": "add", "arguments": {"a": "<|end|>"}}\n</tool_call>',
    );
    expect(text).toContain("<tool_response>\n2<|end|>\n</tool_response>");
    expect(ends).toBe(4);
  });
});
