/**
 * A small working stand-in for the GPU service: it speaks the wire protocol, learns corrections by heart, keeps
 * adapters by tenant and digest, and can be told to fail. It computes nothing.
 *
 * A reply is what the adapter learned for the last message, else `echo: <last message>`. When replies are rejected, the
 * next variant is the answer; samples are the variants in order. A word is a token. Behaviour is set per tenant, so
 * that tests do not affect each other.
 *
 * Under `/dialogue` its health names no context policy; under `/overloaded` its health answers once. Under
 * `/asleep/<name>/<ms>` it is a platform that scales to zero: the first request wakes it, and for `ms` after that health
 * says `loading` and requests are held. `/guard` stands in for a deployer's hook.
 */
import { createHash } from "node:crypto";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import type { Health } from "@rosa2/shared/health";
import {
  type AdaptResult,
  adaptRequestSchema,
  type GenerateEvent,
  generateRequestSchema,
  type SampleResult,
  sampleRequestSchema,
  scoreRequestSchema,
  secretHeader,
} from "@rosa2/shared/protocol";
import { type Behaviour, type Call, lastContent, noteOf } from "./fake-gpu-calls.ts";

interface AdapterFile {
  parent: string | null;
  learned: Record<string, string>;
  salt?: number;
}

export class FakeGpu {
  #secrets: readonly string[];
  readonly #server: Server;
  readonly #adapters = new Map<string, AdapterFile>();
  readonly #behaviours = new Map<string, Behaviour>();
  readonly #calls = new Map<string, Call[]>();
  /** The time at which each sleeping service is awake. */
  readonly #awakeAt = new Map<string, number>();
  #salt = 0;
  #healthTold = false;

  constructor(secret: string) {
    this.#secrets = [secret];
    this.#server = createServer((request, response) => {
      this.#serve(request, response).catch((error) => {
        if (!response.headersSent) response.writeHead(500);
        response.end(JSON.stringify({ error: { code: "internal_error", message: String(error) } }));
      });
    });
  }

  /** Starts on a free port of the loopback interface; it keeps no process alive. */
  async listen(): Promise<string> {
    // On a busy machine a connection can be idle for long. Closing it just when a call comes would look like a failure.
    this.#server.keepAliveTimeout = 60_000;
    await new Promise<void>((resolve) => this.#server.listen(0, "127.0.0.1", resolve));
    this.#server.unref();
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  /** Changes the accepted secrets. */
  take(...secrets: string[]): void {
    this.#secrets = secrets;
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const url = new URL(request.url ?? "/", "http://fake");
    const raw = await readBody(request);
    if (url.pathname.startsWith("/__")) return this.#control(url, raw, response);
    const sleeper = url.pathname.match(/^\/asleep\/\w+\/(\d+)/);
    if (sleeper !== null) {
      const [prefix, ms] = sleeper;
      url.pathname = url.pathname.slice(prefix.length);
      const awakeAt = this.#awakeAt.get(prefix) ?? Date.now() + Number(ms);
      this.#awakeAt.set(prefix, awakeAt);
      if (url.pathname === "/health" && Date.now() < awakeAt) {
        return sendJson(response, 503, { ...health, status: "loading" });
      }
      await sleep(Math.max(0, awakeAt - Date.now()));
    }
    if (url.pathname === "/guard") {
      const update = JSON.parse(raw.toString()) as { tenant: string };
      const call = { ...noteOf(url.pathname, request, update, false), update };
      this.#calls.set(update.tenant, [...(this.#calls.get(update.tenant) ?? []), call]);
      const { guard = { allow: true }, delayMs } = this.#behaviours.get(update.tenant) ?? {};
      await sleep(delayMs?.["/guard"] ?? 0);
      return sendJson(response, 200, guard);
    }
    if (!this.#secrets.includes(String(request.headers[secretHeader]))) {
      return sendError(response, 401, "invalid_key", "wrong secret");
    }
    if (url.pathname.startsWith("/overloaded/")) {
      url.pathname = url.pathname.slice("/overloaded".length);
      if (url.pathname === "/health" && this.#healthTold) return;
      this.#healthTold = true;
    }
    if (url.pathname.startsWith("/dialogue/")) {
      url.pathname = url.pathname.slice("/dialogue".length);
      if (url.pathname === "/health") {
        return sendJson(response, 200, {
          ...health,
          model: { ...health.model, context_policy: undefined },
        });
      }
    }
    if (url.pathname === "/health") return sendJson(response, 200, health);
    if (url.pathname === "/metrics") return sendJson(response, 200, {});
    const { json, adapter } = await readRequest(request, raw);
    const { tenant } = json as { tenant: string };
    const call = noteOf(url.pathname, request, json, adapter !== null);
    response.on("close", () => {
      call.aborted = !response.writableEnded;
    });
    const calls = this.#calls.get(tenant) ?? [];
    calls.push(call);
    this.#calls.set(tenant, calls);
    response.on("finish", () => {
      call.status = response.statusCode;
    });

    const behaviour = this.#behaviours.get(tenant) ?? {};
    const delayMs = behaviour.delayMs?.[url.pathname];
    if (delayMs !== undefined) await sleep(delayMs);
    const isCurrent = () => this.#behaviours.get(tenant) === behaviour && !response.destroyed;
    while (behaviour.hold?.includes(url.pathname) === true && isCurrent()) await sleep(20);
    if (behaviour.down?.includes(url.pathname) === true) {
      request.socket.destroy();
      return;
    }
    const error = behaviour.error?.[url.pathname];
    if (error !== undefined) return sendError(response, error.status, error.code, error.message);
    if (adapter !== null) {
      const digest = sha256(adapter);
      if (digest !== call.adapter) return sendError(response, 400, "adapter_invalid", "digest");
      this.#adapters.set(`${tenant}/${digest}`, JSON.parse(adapter.toString()) as AdapterFile);
    }
    if (call.adapter !== null && !this.#adapters.has(`${tenant}/${call.adapter}`)) {
      return sendError(response, 409, "adapter_missing", `no adapter ${call.adapter}`);
    }
    const file = call.adapter === null ? null : this.#adapters.get(`${tenant}/${call.adapter}`);
    const learned = file?.learned ?? {};
    if (url.pathname === "/v1/generate") {
      return await generate(response, json, learned, behaviour, isCurrent);
    }
    if (url.pathname === "/v1/sample") return sample(response, json, learned, behaviour);
    if (url.pathname === "/v1/score") return score(response, json, learned, behaviour);
    if (url.pathname === "/v1/adapt") return await this.#adapt(response, json, learned, behaviour);
    if (url.pathname === "/v1/export") {
      response.writeHead(200, { "content-type": "application/zip" });
      response.end(`archive of ${call.adapter}`);
      return;
    }
    sendError(response, 404, "not_found", "no such route");
  }

  /** `POST /__behaviour?tenant=` sets, `GET /__calls?tenant=` reads, `POST /__forget?tenant=` empties the adapter cache. */
  #control(url: URL, raw: Buffer, response: ServerResponse): void {
    const tenant = url.searchParams.get("tenant") ?? "";
    if (url.pathname === "/__behaviour") {
      this.#behaviours.set(tenant, JSON.parse(raw.toString()) as Behaviour);
    } else if (url.pathname === "/__forget") {
      for (const key of [...this.#adapters.keys()]) {
        if (key.startsWith(`${tenant}/`)) this.#adapters.delete(key);
      }
    }
    sendJson(response, 200, this.#calls.get(tenant) ?? []);
  }

  async #adapt(
    response: ServerResponse,
    json: unknown,
    learned: Record<string, string>,
    behaviour: Behaviour,
  ): Promise<void> {
    const request = adaptRequestSchema.parse(json);
    const { messagesMax = Number.POSITIVE_INFINITY } = behaviour;
    if (request.rows.some(({ messages }) => messages.length > messagesMax)) {
      return sendError(response, 400, "context_length_exceeded", "a row has too many messages");
    }
    const decision = behaviour.adapt ?? "updated";
    const file: AdapterFile = {
      parent: request.adapter?.digest ?? null,
      learned: { ...learned },
      ...(behaviour.salted === true ? { salt: ++this.#salt } : {}),
    };
    for (const row of request.rows) {
      if (row.kind !== "rejected") file.learned[lastContent(row.messages)] = row.reply;
    }
    const bytes = Buffer.from(JSON.stringify(file));
    const digest = sha256(bytes);
    const result: AdaptResult = {
      decision,
      reason: decision === "updated" ? "learned by heart" : `told to answer ${decision}`,
      ...(decision === "updated" ? { digest } : {}),
      rank: 8,
      step_norm: decision === "updated" ? 0.5 : 0,
      shift_norm: Object.keys(file.learned).length * 0.5,
      stopped_by: "reached",
      steps: 1,
      kl: 0.02,
      kl_base: 0.03,
      objective: { before: -2, after: -0.1 },
      rows: request.rows.map(({ kind, reply }) => ({
        kind,
        logprob_before: -5,
        logprob_after: -0.9,
        owed_tokens: 3,
        target_shift: 4,
        predicted_shift: 4,
        realised_shift: 4.1,
        reply_tokens: tokenCount(reply),
      })),
      watched: request.watch.map(({ messages, reply }) => {
        const isLearnt = file.learned[lastContent(messages)] === reply;
        const pieces = reply.match(/\s*\S+\s*/g) ?? [];
        return [...pieces, ""].slice(0, 64).map((text) => ({
          text,
          before: isLearnt ? -2 : -0.1,
          after: isLearnt ? -0.1 : -2,
        }));
      }),
      ms: { queue: 0, update: 3 },
    };
    if (decision === "updated") this.#adapters.set(`${request.tenant}/${digest}`, file);
    const form = new FormData();
    form.append("result", new Blob([JSON.stringify(result)], { type: "application/json" }));
    if (decision === "updated") form.append("adapter", new Blob([bytes]), "adapter.safetensors");
    const answer = new Response(form);
    response.writeHead(200, { "content-type": answer.headers.get("content-type") ?? "" });
    response.end(Buffer.from(await answer.arrayBuffer()));
  }
}

async function generate(
  response: ServerResponse,
  json: unknown,
  learned: Record<string, string>,
  behaviour: Behaviour,
  isCurrent: () => boolean,
): Promise<void> {
  const request = generateRequestSchema.parse(json);
  if (request.messages.length > (behaviour.messagesMax ?? Number.POSITIVE_INFINITY)) {
    return sendError(response, 400, "context_length_exceeded", "too many messages");
  }
  const prompt = lastContent(request.messages);
  const whole =
    variantsOf(prompt, learned, behaviour).find((text) => !request.rejected.includes(text)) ?? "";
  response.writeHead(200, { "content-type": "text/event-stream" });
  for (let waited = 0; waited < (behaviour.queueMs ?? 0); waited += 500) {
    response.write(": waiting\n\n");
    await sleep(500);
  }
  const send = (event: GenerateEvent) => {
    if (event.type === "delta" && !request.deltas) return;
    // JSON may escape a slash. Here it is escaped, so a test can see whether a text was encoded again.
    response.write(`data: ${JSON.stringify(event).replaceAll("/", "\\/")}\n\n`);
  };
  const { stop, max_tokens: tokensMax = Number.POSITIVE_INFINITY } = request.sampling;
  const stopsAt = stop.map((text) => whole.indexOf(text)).filter((at) => at >= 0);
  const pieces = whole.slice(0, Math.min(whole.length, ...stopsAt)).match(/\s*\S+\s*/g) ?? [];
  const deltas = pieces.slice(0, tokensMax);
  const reply = deltas.join("");
  const asked = {
    prompt_tokens: request.messages.reduce((n, { content }) => n + tokenCount(content), 0),
    cached_tokens: behaviour.cachedTokens ?? 0,
  };
  const reasoning = request.sampling.output?.thinking === false ? undefined : behaviour.reasoning;
  for (const piece of reasoning?.match(/\s*\S+\s*/g) ?? []) {
    send({ type: "delta", text: "", reasoning: piece });
  }
  const withLogprobs = request.sampling.top_logprobs !== undefined;
  for (const [index, text] of deltas.entries()) {
    if (behaviour.breakAfter === index) {
      response.destroy();
      return;
    }
    while (behaviour.holdAfter === index && isCurrent()) {
      response.write(": waiting\n\n");
      await sleep(20);
    }
    if (response.destroyed) return;
    const logprobs = [{ token: text, logprob: -0.1, top: [] }];
    const usage = { ...asked, completion_tokens: index + 1 };
    const spent = { usage, ms: { queue: 0, prefill: 1, decode: 1 } };
    send({ type: "delta", text, ...(withLogprobs ? { logprobs } : {}), spent });
    await sleep(behaviour.deltaMs ?? 0);
  }
  send({
    type: "done",
    text: reply,
    ...(reasoning === undefined ? {} : { reasoning }),
    finish_reason: deltas.length < pieces.length ? "length" : "stop",
    usage: { ...asked, completion_tokens: deltas.length },
    logprob: learned[prompt] === reply ? -0.05 : -1.2,
    ...(behaviour.repeats === true ? { repeats_rejected: true } : {}),
    ms: { queue: 0, prefill: 1, decode: 1 },
  });
  response.end();
}

/** Replies to a prompt, the likeliest first. */
function variantsOf(
  prompt: string,
  learned: Record<string, string>,
  behaviour: Behaviour,
): string[] {
  const told = behaviour.replies?.find(({ to }) => prompt.includes(to))?.reply;
  const more = Array.from({ length: 38 }, (_, i) => `echo ${i + 2}: ${prompt}`);
  return [told ?? learned[prompt] ?? `echo: ${prompt}`, `echo: ${prompt}`, ...more];
}

function sample(
  response: ServerResponse,
  json: unknown,
  learned: Record<string, string>,
  behaviour: Behaviour,
): void {
  const request = sampleRequestSchema.parse(json);
  const prompt = lastContent(request.messages);
  const texts =
    behaviour.samples?.find(({ to }) => prompt.includes(to))?.texts ??
    variantsOf(prompt, learned, behaviour);
  const samples = Array.from({ length: request.count }, (_, i) => {
    const text = texts[i % texts.length] ?? "";
    const finish_reason = "stop" as const;
    return { text, finish_reason, logprob: -1.2 - i, completion_tokens: tokenCount(text) };
  });
  const result: SampleResult = {
    samples,
    usage: {
      prompt_tokens: request.messages.reduce((n, { content }) => n + tokenCount(content), 0),
      completion_tokens: samples.reduce((n, { completion_tokens }) => n + completion_tokens, 0),
      cached_tokens: behaviour.cachedTokens ?? 0,
    },
    ms: { queue: 0, prefill: 1, decode: 1 },
  };
  sendJson(response, 200, result);
}

function score(
  response: ServerResponse,
  json: unknown,
  learned: Record<string, string>,
  behaviour: Behaviour,
): void {
  const request = scoreRequestSchema.parse(json);
  sendJson(response, 200, {
    ms: { queue: 0, score: 2 },
    scores: request.items.map(({ messages, reply }) => {
      const prompt = lastContent(messages);
      const logprob = learned[prompt] === reply ? -0.05 : reply === `echo: ${prompt}` ? -1.2 : -5;
      const scored = { logprob, token_logprobs: [logprob], prompt_tokens: tokenCount(prompt) };
      if (request.reach !== true) return scored;
      const bounds = { owed_nats: logprob > -0.1 ? 0 : -logprob, owed_nats_max: 64 };
      const foreign = { unwritable: [], in_bytes: [] };
      const { context_length } = health.model ?? {};
      return { ...scored, reach: { ...foreign, ...bounds, context_length, ...behaviour.reach } };
    }),
  });
}

const health: Health = {
  status: "ok",
  model: {
    id: "fake-mini",
    digest: "0".repeat(64),
    context_length: 512,
    parameters: 1,
    context_policy: "request",
  },
  provider: "cpu",
  queue: { waiting: 0, running: 0 },
};

async function readRequest(
  request: IncomingMessage,
  raw: Buffer,
): Promise<{ json: unknown; adapter: Buffer | null }> {
  const type = request.headers["content-type"] ?? "";
  if (!type.startsWith("multipart/form-data")) {
    return { json: JSON.parse(raw.toString()), adapter: null };
  }
  const form = await new Response(new Uint8Array(raw), {
    headers: { "content-type": type },
  }).formData();
  const part = async (name: string) => Buffer.from(await (form.get(name) as File).arrayBuffer());
  return {
    json: JSON.parse((await part("request")).toString()),
    adapter: await part("adapter"),
  };
}

async function readBody(request: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
}

function sendJson(response: ServerResponse, status: number, body: unknown): void {
  response.writeHead(status, { "content-type": "application/json" });
  response.end(JSON.stringify(body));
}

function sendError(response: ServerResponse, status: number, code: string, message: string): void {
  sendJson(response, status, { error: { type: "api_error", code, message } });
}

function tokenCount(text: string): number {
  return text.split(/\s+/).filter((word) => word !== "").length;
}

function sha256(bytes: Buffer): string {
  return createHash("sha256").update(bytes).digest("hex");
}

function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
