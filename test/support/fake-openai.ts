/**
 * A small working stand-in for an endpoint with OpenAI's chat completions. It computes nothing. A reply is `echo: <last
 * message>`; unless the temperature is 0, each draw differs. It calls the functions that it may call, with the last
 * message as their only argument. A request for rewrites is answered with the request and the last remark.
 *
 * Each model has its own behaviour: `thinker` thinks first and takes the length limit under its newer name only;
 * `silent` reports no usage; `strict` refuses whatever OpenAI's own models refuse; `cut` breaks off. A message that
 * begins with `slow` is answered a word at a time, without end. One that begins with `long` does not fit the window.
 */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";

interface Body {
  model: string;
  messages: { role: string; content: string | null; tool_calls?: unknown; tool_call_id?: string }[];
  stream?: boolean;
  stream_options?: { include_usage?: boolean };
  temperature?: number;
  max_tokens?: number;
  stop?: string[];
  logprobs?: boolean;
  tools?: { function: { name: string } }[];
  tool_choice?: string | { function: { name: string } };
  response_format?: { type: string };
  reasoning_effort?: string;
  top_k?: number;
}

interface Reply {
  reasoning: string;
  pieces: string[];
  calls: { name: string; arguments: string }[];
}

export class FakeOpenAi {
  readonly #key: string;
  readonly #server: Server;
  readonly #bodies: Body[] = [];
  #draws = 0;
  #aborted = 0;

  constructor(key: string) {
    this.#key = key;
    this.#server = createServer((request, response) => {
      this.#serve(request, response).catch((error) => response.destroy(error));
    });
  }

  /** Starts on a free port of the loopback interface; it keeps no process alive. */
  async listen(): Promise<string> {
    this.#server.keepAliveTimeout = 60_000;
    await new Promise<void>((resolve) => this.#server.listen(0, "127.0.0.1", resolve));
    this.#server.unref();
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}/v1`;
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { url } = request;
    if (url === "/v1/__seen") {
      return sendJson(response, 200, { bodies: this.#bodies, aborted: this.#aborted });
    }
    if (request.headers.authorization !== `Bearer ${this.#key}`) {
      return refuse(response, 401, `Incorrect API key provided: ${request.headers.authorization}`);
    }
    if (url === "/v1/models") return sendJson(response, 200, { object: "list", data: [] });
    if (url !== "/v1/chat/completions") return refuse(response, 404, "No such route");
    const body = JSON.parse(await readBody(request)) as Body;
    this.#bodies.push(body);
    const last = body.messages.at(-1)?.content ?? "";
    if (last.startsWith("long")) {
      const words = "This model's maximum context length is 8192 tokens.";
      return refuse(response, 400, words, { code: "context_length_exceeded", param: "messages" });
    }
    if (body.model === "thinker" && body.max_tokens !== undefined) {
      const words =
        "Unsupported parameter: 'max_tokens'. Use 'max_completion_tokens' instead with this model.";
      return refuse(response, 400, words, { code: "unsupported_parameter", param: "max_tokens" });
    }
    if (body.model === "strict" && body.top_k !== undefined) {
      const words = "Unrecognized request argument supplied: top_k";
      return refuse(response, 400, words, { code: "unsupported_parameter", param: "top_k" });
    }
    const reply = this.#reply(body, last);
    response.on("close", () => {
      if (!response.writableEnded) this.#aborted++;
    });
    if (body.stream !== true) return sendJson(response, 200, whole(body, reply));
    response.writeHead(200, { "content-type": "text/event-stream" });
    const send = (json: unknown) => response.write(`data: ${JSON.stringify(json)}\n\n`);
    const delta = (said: object, rest: object = {}) =>
      send({ choices: [{ index: 0, delta: said, finish_reason: null, ...rest }], usage: null });
    delta({ role: "assistant", content: "" });
    if (reply.reasoning !== "") delta({ reasoning_content: reply.reasoning });
    for (const piece of reply.pieces) {
      const entry = { token: piece, logprob: -0.25, bytes: [...Buffer.from(piece)] };
      const logprobs = { content: [{ ...entry, top_logprobs: [entry] }] };
      delta({ content: piece }, body.logprobs === true ? { logprobs } : {});
    }
    while (last.startsWith("slow") && !response.destroyed) {
      delta({ content: " word" });
      await sleep(20);
    }
    if (body.model === "cut") return response.destroy() as never;
    for (const [index, { name, arguments: json }] of reply.calls.entries()) {
      const half = Math.ceil(json.length / 2);
      delta({ tool_calls: [{ index, id: `c${index}`, function: { name, arguments: "" } }] });
      delta({ tool_calls: [{ index, function: { arguments: json.slice(0, half) } }] });
      delta({ tool_calls: [{ index, function: { arguments: json.slice(half) } }] });
    }
    const finish_reason = reply.calls.length > 0 ? "tool_calls" : "stop";
    send({ choices: [{ index: 0, delta: {}, finish_reason }] });
    if (body.stream_options?.include_usage === true && body.model !== "silent") {
      send({ choices: [], usage: usageOf(body, reply) });
    }
    response.end("data: [DONE]\n\n");
  }

  #reply(body: Body, last: string): Reply {
    const reasoning = body.reasoning_effort === "medium" ? "Let me think. " : "";
    const role = body.messages.at(-1)?.role;
    const json = JSON.stringify({ text: last });
    if (body.messages[0]?.content?.startsWith("You repair requests")) {
      const { request, attempts } = JSON.parse(last) as {
        request: string;
        attempts: { feedback: string }[];
      };
      const rewritten = [`${request} (${attempts.at(-1)?.feedback})`];
      return spoken(JSON.stringify({ diagnosis: "unclear", rewritten }), reasoning);
    }
    const { tools = [], tool_choice: choice } = body;
    if (tools.length > 0 && role !== "tool" && choice !== "none") {
      const named = typeof choice === "object" ? choice.function.name : null;
      const calls = tools
        .filter(({ function: { name } }) => named === null || name === named)
        .map(({ function: { name } }) => ({ name, arguments: json }));
      return { reasoning, pieces: ["Calling."], calls };
    }
    if (body.response_format !== undefined) return spoken(json, reasoning);
    const isWarm = body.temperature === undefined || body.temperature > 0;
    return spoken(`echo: ${last}${isWarm ? ` #${++this.#draws}` : ""}`, reasoning);
  }
}

function spoken(text: string, reasoning: string): Reply {
  return { reasoning, pieces: text.match(/\S+\s*|\s+/g) ?? [], calls: [] };
}

function whole(body: Body, { pieces, calls, reasoning }: Reply) {
  const message = {
    role: "assistant",
    content: pieces.join(""),
    ...(reasoning === "" ? {} : { reasoning_content: reasoning }),
    ...(calls.length === 0
      ? {}
      : { tool_calls: calls.map((called, index) => ({ index, function: called })) }),
  };
  const choices = [{ index: 0, message, finish_reason: "stop" }];
  return { choices, usage: usageOf(body, { pieces, calls, reasoning }) };
}

/** A word is a token; calls take none. */
function usageOf({ messages }: Body, { pieces }: Reply) {
  const words = messages.map(({ content }) => (content ?? "").split(/\s+/).length);
  const prompt_tokens = words.reduce((sum, n) => sum + n, 0);
  const completion_tokens = pieces.length;
  return {
    prompt_tokens,
    completion_tokens,
    total_tokens: prompt_tokens + completion_tokens,
    prompt_tokens_details: { cached_tokens: 1 },
  };
}

function refuse(response: ServerResponse, status: number, message: string, more: object = {}) {
  sendJson(response, status, { error: { message, type: "invalid_request_error", ...more } });
}

function sendJson(response: ServerResponse, status: number, json: unknown): void {
  response.writeHead(status, { "content-type": "application/json" });
  response.end(JSON.stringify(json));
}

async function readBody(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString("utf8");
}
