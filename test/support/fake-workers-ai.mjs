/**
 * A stand-in for the binding `AI`, as a Worker of its own: it has the binding's method, its shapes of answers and its
 * errors. Its replies come from the stand-in for an endpoint (fake-openai.ts).
 */
import { WorkerEntrypoint } from "cloudflare:workers";

const stream_options = { include_usage: true };

/** The parameters that the platform's text models take. */
const fields = [
  "messages",
  "stream",
  "max_tokens",
  "temperature",
  "top_p",
  "top_k",
  "seed",
  "repetition_penalty",
  "frequency_penalty",
  "presence_penalty",
  "tools",
  "response_format",
];

export class Ai extends WorkerEntrypoint {
  async run(model, input) {
    for (const name of Object.keys(input)) {
      if (!fields.includes(name)) throw new Error(`5006: Error: oneOf at '/' not met, '${name}'`);
    }
    if (input.seed !== undefined && input.seed < 1) throw new Error("5006: Error: seed");
    const response = await fetch(`${this.env.URL}/chat/completions`, {
      method: "POST",
      headers: { authorization: `Bearer ${this.env.KEY}` },
      body: JSON.stringify({ ...input, ...formatOf(input), model, stream_options }),
    });
    if (!response.ok) {
      const { error } = await response.json();
      throw new Error(`5021: ${error.message}`);
    }
    if (input.stream === true) return response.body.pipeThrough(plainChunks());
    const { choices, usage } = await response.json();
    const { content, tool_calls } = choices[0].message;
    return {
      response: input.response_format === undefined ? content : JSON.parse(content),
      tool_calls: tool_calls?.map(({ function: called }) => ({
        name: called.name,
        arguments: JSON.parse(called.arguments),
      })),
      usage,
    };
  }
}

/** The binding's field holds the schema itself. */
function formatOf({ response_format: format }) {
  if (format?.type !== "json_schema") return {};
  const { json_schema: schema } = format;
  if (schema.type !== "object") throw new Error("5006: Error: json_schema");
  return {
    response_format: { type: "json_schema", json_schema: { name: "reply", strict: true, schema } },
  };
}

/** OpenAI's chunks in the form of the platform's older models: `response`, and the usage in the last one. */
function plainChunks() {
  const decoder = new TextDecoder();
  const encoder = new TextEncoder();
  let held = "";
  return new TransformStream({
    transform(bytes, controller) {
      held += decoder.decode(bytes, { stream: true });
      const blocks = held.split("\n\n");
      held = blocks.pop();
      for (const block of blocks) {
        const data = block.slice("data: ".length);
        const plain = data === "[DONE]" ? data : JSON.stringify(plainOf(JSON.parse(data)));
        controller.enqueue(encoder.encode(`data: ${plain}\n\n`));
      }
    },
  });
}

function plainOf({ choices: [choice], usage }) {
  return { response: choice?.delta.content ?? "", ...(usage == null ? {} : { usage }) };
}

export default { fetch: () => new Response(null, { status: 404 }) };
