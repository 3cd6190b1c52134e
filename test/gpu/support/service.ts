/** The whole GPU service in this process, on a free loopback port, with the fake model in its worker thread. */
import type { Server } from "node:http";
import type { AddressInfo } from "node:net";
import { createAdaptorServer } from "@hono/node-server";
import { type GenerateEvent, generateEventSchema, secretHeader } from "@rosa2/shared/protocol";
import { pino } from "pino";
import { Engine, type EngineOptions } from "../../../gpu-service/src/engine/queue/engine.ts";
import { Metrics } from "../../../gpu-service/src/http/metrics.ts";
import { createService } from "../../../gpu-service/src/http/service.ts";
import type { LoadOptions } from "../../../gpu-service/src/load.ts";
import { type FakeRuntimeOptions, fakeRuntimeModule } from "./fake-runtime.ts";

const loadModule = new URL("../../../gpu-service/src/load.ts", import.meta.url).href;

export const secret = "a secret of the tests";

export interface ServiceOptions {
  runtime?: FakeRuntimeOptions;
  /** Loads a real model instead of the fake one. */
  model?: LoadOptions;
  admission?: Partial<EngineOptions["admission"]>;
  secrets?: string[];
}

export class TestService {
  readonly url: string;
  readonly engine: Engine;
  /** Lines of the log, parsed. */
  readonly log: Record<string, unknown>[];
  readonly #server: Server;

  private constructor(url: string, engine: Engine, log: Record<string, unknown>[], server: Server) {
    this.url = url;
    this.engine = engine;
    this.log = log;
    this.#server = server;
  }

  static async start(options: ServiceOptions = {}) {
    const { runtime = {}, model, admission = {}, secrets = [secret] } = options;
    const log: Record<string, unknown>[] = [];
    const logger = pino({ base: null }, { write: (line: string) => log.push(JSON.parse(line)) });
    const metrics = new Metrics();
    const rowsMax = admission.rowsMax ?? 4;
    const engine = new Engine({
      worker: {
        runtime:
          model === undefined
            ? { module: fakeRuntimeModule, options: runtime }
            : { module: loadModule, options: model },
        rowsMax,
        prefillTokens: 32,
        backgroundShare: 0.5,
        kvBytesMax: model === undefined ? 1_000_000 : 64_000_000,
        adapterCacheBytesMax: 1000,
      },
      admission: { rowsMax, queueMax: 8, tenantQueueMax: 8, backgroundMax: 4, ...admission },
      provider: "fake",
      hooks: {
        onPass: (report, state) => metrics.enginePassed(report, state),
        onError: () => metrics.engineFailed(),
      },
    });
    await engine.ready;
    const app = createService({ engine, secrets: () => secrets, logger, metrics });
    const server = createAdaptorServer({ fetch: app.fetch }) as Server;
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const { port } = server.address() as AddressInfo;
    return new TestService(`http://127.0.0.1:${port}`, engine, log, server);
  }

  post(
    path: string,
    body: unknown,
    { headers = {}, signal }: { headers?: Record<string, string>; signal?: AbortSignal } = {},
  ): Promise<Response> {
    const isForm = body instanceof FormData;
    return fetch(this.url + path, {
      method: "POST",
      headers: {
        [secretHeader]: secret,
        ...(isForm ? {} : { "content-type": "application/json" }),
        ...headers,
      },
      body: isForm ? body : typeof body === "string" ? body : JSON.stringify(body),
      ...(signal ? { signal } : {}),
    });
  }

  /** Generates and waits for the last event. */
  async generate(request: object): Promise<GenerateEvent[]> {
    const response = await this.post("/v1/generate", { tenant: "t", ...request });
    if (!response.ok) throw new Error(`${response.status} ${await response.text()}`);
    return collect(eventsOf(response));
  }

  async stop(): Promise<void> {
    this.#server.closeAllConnections();
    this.#server.close();
    await this.engine.stop(0);
  }
}

/** The server-sent events, validated. */
export async function* eventsOf(response: Response): AsyncGenerator<GenerateEvent> {
  let text = "";
  const decoder = new TextDecoder();
  for await (const chunk of response.body ?? []) {
    text += decoder.decode(chunk, { stream: true });
    for (let end = text.indexOf("\n\n"); end >= 0; end = text.indexOf("\n\n")) {
      const line = text.slice(0, end);
      text = text.slice(end + 2);
      if (line.startsWith("data: ")) yield generateEventSchema.parse(JSON.parse(line.slice(6)));
    }
  }
}

export async function collect<T>(items: AsyncIterable<T>): Promise<T[]> {
  const all: T[] = [];
  for await (const item of items) all.push(item);
  return all;
}

export function ask(content: string): { messages: { role: "user"; content: string }[] } {
  return { messages: [{ role: "user", content }] };
}

/** A form of a request and an adapter file. */
export function formOf(request: unknown, adapter?: Uint8Array<ArrayBuffer>): FormData {
  const form = new FormData();
  form.set("request", JSON.stringify(request));
  if (adapter) form.set("adapter", new Blob([adapter]), "adapter.safetensors");
  return form;
}
