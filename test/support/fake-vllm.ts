/**
 * A stand-in for vLLM's server: the routes that the gateway calls, with vLLM's own rules about adapters.
 *
 * It reads adapter directories from disk and refuses what vLLM's loader refuses: names it cannot parse, modules it does
 * not have, shapes that do not fit, ranks above its limit. A function gives the replies, so that a test can put a real
 * engine behind it. It computes nothing itself.
 */
import { existsSync, readFileSync } from "node:fs";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { openSafetensors } from "../../gpu-service/src/checkpoint/safetensors.ts";

/** One linear layer of the served model. */
export interface Linear {
  module: string;
  in: number;
  out: number;
}

/** An adapter, read from its directory. */
export interface LoadedLora {
  rank: number;
  /** A [rank, in] and B [out, rank] by module. */
  matrices: Map<string, { A: Float32Array; B: Float32Array }>;
}

export interface Token {
  text: string;
  logprob: number;
  /** Number of the model's tokens that make up the text; 1 unless given. */
  tokens?: number;
  /** Set instead of content where a parser for calls or thoughts found something. */
  delta?: object;
}

/** A reply's tokens, the end token last with an empty text. */
export type Speak = (
  lora: LoadedLora | null,
  body: ChatBody,
) => AsyncIterable<Token> | Iterable<Token>;

export interface ChatBody {
  model: string;
  messages: { role: string; content: string | null }[];
  temperature: number;
  max_tokens?: number;
  seed?: number;
  cache_salt?: string;
  stream_options?: { include_usage?: boolean };
  tools?: object[];
  tool_choice?: unknown;
  response_format?: unknown;
  chat_template_kwargs?: unknown;
}

export interface FakeVllmOptions {
  model: string;
  linears: readonly Linear[];
  speak: Speak;
  maxLoraRank?: number;
  contextTokens?: number;
  key?: string;
  /** vLLM's error for functions, where it was started without a parser for calls. */
  refuses?: string;
}

export class FakeVllm {
  readonly #options: FakeVllmOptions;
  readonly #server: Server;
  readonly #loras = new Map<string, { lora: LoadedLora; path: string }>();
  #port = 0;
  /** Chat completions asked for, in order. */
  readonly chats: ChatBody[] = [];
  /** Adapter calls that succeeded: `load <name>`, `unload <name>`. */
  readonly adapterCalls: string[] = [];
  /** Chat completions whose caller went away before their end. */
  aborted = 0;
  /** Most adapters that were loaded at a time. */
  mostLoaded = 0;

  constructor(options: FakeVllmOptions) {
    this.#options = options;
    this.#server = createServer((request, response) => {
      this.#serve(request, response).catch((error: Error) => {
        if (response.headersSent) response.destroy();
        else sendError(response, 500, error.message, "InternalServerError");
      });
    });
  }

  async listen(): Promise<string> {
    await new Promise<void>((resolve) => this.#server.listen(this.#port, "127.0.0.1", resolve));
    this.#port = (this.#server.address() as AddressInfo).port;
    return `http://127.0.0.1:${this.#port}`;
  }

  async close(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  /** Forgets what was loaded, like a new process. */
  async restart(): Promise<void> {
    await this.close();
    this.#loras.clear();
    await this.listen();
  }

  get loaded(): string[] {
    return [...this.#loras.keys()];
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { model, key, contextTokens = 512 } = this.#options;
    const route = `${request.method} ${request.url}`;
    if (route === "GET /health") {
      response.writeHead(200).end();
      return;
    }
    if (key !== undefined && request.headers.authorization !== `Bearer ${key}`) {
      return sendError(response, 401, "Unauthorized", "AuthenticationError");
    }
    if (route === "GET /v1/models") {
      const cards = [...this.#loras].map(([id, { path }]) => ({ id, root: path, parent: model }));
      const base = { id: model, root: model, parent: null, max_model_len: contextTokens };
      return sendJson(response, { object: "list", data: [base, ...cards] });
    }
    const body = JSON.parse(await text(request)) as Record<string, string>;
    if (route === "POST /v1/load_lora_adapter") return this.#load(response, body);
    if (route === "POST /v1/unload_lora_adapter") return this.#unload(response, body);
    if (route === "POST /v1/chat/completions") {
      return await this.#chat(response, body as unknown as ChatBody);
    }
    sendError(response, 404, "Not Found", "NotFoundError");
  }

  #load(response: ServerResponse, { lora_name: name, lora_path: path }: Record<string, string>) {
    if (!name || !path) {
      return sendError(response, 400, "Both 'lora_name' and 'lora_path' must be provided.");
    }
    if (this.#loras.has(name)) {
      return sendError(response, 400, `The lora adapter '${name}' has already been loaded.`);
    }
    if (!existsSync(path)) {
      const message = `Loading lora ${name} failed: No adapter found for ${path}`;
      return sendError(response, 404, message, "NotFoundError");
    }
    const lora = readLora(path, this.#options.linears, this.#options.maxLoraRank ?? 16);
    this.#loras.set(name, { lora, path });
    this.mostLoaded = Math.max(this.mostLoaded, this.#loras.size);
    this.adapterCalls.push(`load ${name}`);
    response.writeHead(200).end(`Success: LoRA adapter '${name}' added successfully.`);
  }

  #unload(response: ServerResponse, { lora_name: name = "" }: Record<string, string>) {
    if (!this.#loras.delete(name)) {
      const message = `The lora adapter '${name}' cannot be found.`;
      return sendError(response, 404, message, "NotFoundError");
    }
    this.adapterCalls.push(`unload ${name}`);
    response.writeHead(200).end(`Success: LoRA adapter '${name}' removed successfully.`);
  }

  async #chat(response: ServerResponse, body: ChatBody): Promise<void> {
    const { model, contextTokens = 512, speak } = this.#options;
    const lora = this.#loras.get(body.model)?.lora;
    if (lora === undefined && body.model !== model) {
      const message = `The model \`${body.model}\` does not exist.`;
      return sendError(response, 404, message, "NotFoundError");
    }
    if ((body.max_tokens ?? 0) > contextTokens) {
      const message = `This model's maximum context length is ${contextTokens} tokens.`;
      return sendError(response, 400, message);
    }
    const { refuses } = this.#options;
    if (refuses !== undefined && body.tools !== undefined) {
      return sendError(response, 400, refuses);
    }
    this.chats.push(body);
    response.on("close", () => {
      if (!response.writableEnded) this.aborted++;
    });
    response.writeHead(200, { "content-type": "text/event-stream" });
    response.flushHeaders();
    const send = (data: object | string) =>
      response.write(`data: ${typeof data === "string" ? data : JSON.stringify(data)}\n\n`);
    const chunk = (choices: object[], usage: object | null = null) =>
      send({ object: "chat.completion.chunk", model: body.model, choices, usage });
    chunk([{ index: 0, delta: { role: "assistant", content: "" }, finish_reason: null }]);
    let count = 0;
    for await (const { text, logprob, tokens = 1, delta = { content: text } } of speak(
      lora ?? null,
      body,
    )) {
      if (response.destroyed) return;
      count += tokens;
      const isEnd = text === "";
      const isLast = isEnd || count >= (body.max_tokens ?? Number.POSITIVE_INFINITY);
      const token = { token: isEnd ? "<|end|>" : text, logprob, top_logprobs: [] };
      chunk([
        {
          index: 0,
          delta,
          logprobs: { content: [token] },
          finish_reason: isLast ? (isEnd ? "stop" : "length") : null,
          stop_reason: null,
        },
      ]);
      if (isLast) break;
    }
    const prompt = body.messages.reduce((n, { content }) => {
      return n + (content ?? "").split(" ").length;
    }, 0);
    chunk([], { prompt_tokens: prompt, completion_tokens: count, total_tokens: prompt + count });
    send("[DONE]");
    response.end();
  }
}

/** Reads a PEFT directory, checked as vLLM checks it. */
function readLora(path: string, linears: readonly Linear[], maxRank: number): LoadedLora {
  const config = JSON.parse(readFileSync(join(path, "adapter_config.json"), "utf8"));
  for (const field of ["r", "lora_alpha", "target_modules"]) {
    if (config[field] === undefined) throw new Error(`Missing required fields: {'${field}'}`);
  }
  if (config.peft_type !== "LORA" || config.bias !== "none" || config.modules_to_save) {
    throw new Error("Unsupported adapter features");
  }
  if (config.r > maxRank) {
    throw new Error(`LoRA rank ${config.r} is greater than max_lora_rank ${maxRank}.`);
  }
  // vLLM scales B·A by lora_alpha / r, unless use_rslora asks for the root.
  if (config.lora_alpha !== config.r || config.use_rslora) throw new Error("The scale is not one");
  const known = new Map(linears.map((linear) => [linear.module, linear]));
  const file = openSafetensors(readFileSync(join(path, "adapter_model.safetensors")));
  const matrices: LoadedLora["matrices"] = new Map();
  for (const name of file.names) {
    const [, module = "", side] =
      name.match(/^base_model\.model\.(.+)\.lora_([AB])\.weight$/) ?? [];
    const linear = known.get(module);
    if (side === undefined) throw new Error(`${name} is unsupported LoRA weight`);
    if (linear === undefined || !config.target_modules.includes(module.split(".").at(-1))) {
      throw new Error(`Expected target modules, but received ${module}`);
    }
    const { shape } = file.info(name);
    const expected = side === "A" ? [config.r, linear.in] : [linear.out, config.r];
    if (shape.join() !== expected.join()) {
      throw new Error(`${name} has shape [${shape}], expected [${expected}]`);
    }
    const pair = matrices.get(module) ?? { A: new Float32Array(), B: new Float32Array() };
    matrices.set(module, { ...pair, [side]: file.readFloat32(name) });
  }
  for (const [module, { A, B }] of matrices) {
    if (A.length === 0 || B.length === 0) throw new Error(`${module} lacks one of its matrices`);
  }
  if (matrices.size !== linears.length) {
    throw new Error(`${matrices.size} modules of ${linears.length} have an adapter`);
  }
  return { rank: config.r, matrices };
}

async function text(request: IncomingMessage): Promise<string> {
  let all = "";
  for await (const chunk of request) all += String(chunk);
  return all;
}

function sendJson(response: ServerResponse, body: object): void {
  response.writeHead(200, { "content-type": "application/json" }).end(JSON.stringify(body));
}

function sendError(
  response: ServerResponse,
  status: number,
  message: string,
  type = "BadRequestError",
): void {
  response
    .writeHead(status, { "content-type": "application/json" })
    .end(JSON.stringify({ error: { message, type, param: null, code: status } }));
}
