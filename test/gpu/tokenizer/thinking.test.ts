/** The place of an example's reply in the template of a thinking model: after its think block, whether written or empty. */
import { describe, expect, it } from "vitest";
import { ChatTokenizer } from "../../../gpu-service/src/tokenizer/tokenizer.ts";
import { byteTokenizer, byteTokenizerFiles, endId, thinkId } from "../support/byte-tokenizer.ts";

/** As in Qwen3's template, the last answer has its block, or an empty one; earlier answers have none. */
const chatTemplate =
  "{%- for m in messages -%}{%- if m.role == 'assistant' -%}" +
  "{%- set thought = '' -%}{%- set answer = m.content -%}" +
  "{%- if '</think>' in m.content -%}{%- set answer = m.content.split('</think>')[-1].lstrip('\\n') -%}" +
  "{%- set thought = m.content.split('</think>')[0].split('<think>')[-1].strip('\\n') -%}{%- endif -%}" +
  "{{- '<|assistant|>' -}}" +
  "{%- if loop.last -%}{{- '<think>\\n' + thought + '\\n</think>\\n\\n' -}}{%- endif -%}" +
  "{{- answer + '<|end|>' -}}" +
  "{%- else -%}{{- '<|' + m.role + '|>' + m.content + '<|end|>' -}}{%- endif -%}{%- endfor -%}" +
  "{%- if add_generation_prompt -%}{{- '<|assistant|>' -}}" +
  "{%- if enable_thinking is defined and enable_thinking is false -%}{{- '<think>\\n\\n</think>\\n\\n' -}}{%- endif -%}" +
  "{%- endif -%}";
const tokenizer = new ChatTokenizer({ ...byteTokenizerFiles, chatTemplate }, [endId]);
const asked = [{ role: "user", content: "2+2" }] as const;

/** The example as one sequence, and the whole conversation as the template writes it. */
function sequences(reply: string) {
  const { prompt, reply: answer } = tokenizer.exampleIds(asked, reply);
  const whole = tokenizer.promptIds([...asked, { role: "assistant", content: reply }]);
  // Without the opening of the next turn, which the prompt of a further request has.
  return { prompt, answer, example: [...prompt, ...answer], whole: [...whole].slice(0, -1) };
}

describe("an example of a thinking model", () => {
  it("stands after the empty think block where nothing was thought", () => {
    const { prompt, answer, example, whole } = sequences("4");
    expect([...answer]).toEqual(["4".charCodeAt(0), endId]);
    expect([...prompt]).toContain(thinkId);
    expect(tokenizer.decode([...prompt]).endsWith("\n\n</think>\n\n")).toBe(true);
    expect(example).toEqual(whole);
  });

  it("stands after the think block that was written, which belongs to the prompt", () => {
    const { prompt, answer, example, whole } = sequences("<think>\ntwo twos\n</think>\n\n4");
    expect([...answer]).toEqual(["4".charCodeAt(0), endId]);
    expect(tokenizer.decode([...prompt])).toContain("two twos");
    expect(example).toEqual(whole);
  });

  it("begins right after the prompt in a template without think blocks", () => {
    const plain = byteTokenizer();
    expect(plain.exampleIds(asked, "4")).toEqual({
      prompt: plain.promptIds(asked),
      reply: plain.replyIds("4"),
    });
  });
});
