/** A caller of the Worker as tests need one: a fresh tenant with keys, requests, streams, and the stand-in's strings. */
import { createExecutionContext } from "cloudflare:test";
import { env, exports } from "cloudflare:workers";
import { bootstrapAccount } from "../../../edge/src/accounts/bootstrap.ts";
import { createApp } from "../../../edge/src/app.ts";
import type {
  ClientTokenBody,
  FeedbackResult,
  SessionDetail,
  TurnBody,
} from "../../../edge/src/contract/index.ts";
import { describeApi } from "../../../edge/src/docs/document.ts";
import type { ApiDocument } from "../../../edge/src/docs/page.ts";
import type { Env } from "../../../edge/src/env.ts";
import type { Behaviour, Call } from "../../support/fake-gpu-calls.ts";

export const bindings = env as unknown as Env;
export const worker = (exports as unknown as { default: Fetcher }).default;

let count = 0;

export interface Caller {
  tenantId: string;
  key: string;
  fetch(path: string, init?: RequestInit): Promise<Response>;
  get<T>(path: string): Promise<T>;
  post(path: string, body: unknown, headers?: Record<string, string>): Promise<Response>;
  /** Posts and insists on success. */
  make<T>(path: string, body: unknown, headers?: Record<string, string>): Promise<T>;
  behave(behaviour: Behaviour): Promise<void>;
  forgetAdapters(): Promise<void>;
  calls(path?: string): Promise<Call[]>;
}

/** A new tenant with an admin key, made the way that the documentation says. */
export async function newTenant(): Promise<Caller> {
  const tenantId = `ten_${Date.now()}${crypto.randomUUID().slice(0, 8)}_${++count}`;
  const { key, sql } = await bootstrapAccount({ tenantId });
  for (const statement of sql.split("\n")) await bindings.DB.prepare(statement).run();
  return callerWith(tenantId, key);
}

export function callerWith(tenantId: string, key: string): Caller {
  const call = (path: string, init: RequestInit = {}) =>
    worker.fetch(`http://rosa2.test${path}`, {
      ...init,
      headers: { authorization: `Bearer ${key}`, ...(init.headers as Record<string, string>) },
    });
  const post = (path: string, body: unknown, headers: Record<string, string> = {}) =>
    call(path, {
      method: "POST",
      body: JSON.stringify(body),
      headers: { "content-type": "application/json", ...headers },
    });
  const control = (path: string, init?: RequestInit) =>
    fetch(`${bindings.GPU_URL}${path}?tenant=${tenantId}`, init);
  return {
    tenantId,
    key,
    fetch: call,
    post,
    async get<T>(path: string): Promise<T> {
      return expectOk<T>(await call(path));
    },
    async make<T>(path: string, body: unknown, headers?: Record<string, string>): Promise<T> {
      return expectOk<T>(await post(path, body, headers));
    },
    async behave(behaviour) {
      await control("/__behaviour", { method: "POST", body: JSON.stringify(behaviour) });
    },
    async forgetAdapters() {
      await control("/__forget", { method: "POST" });
    },
    async calls(path) {
      const calls = (await (await control("/__calls")).json()) as Call[];
      return path === undefined ? calls : calls.filter((one) => one.path === path);
    },
  };
}

/** An owner's phone: it holds a token that the tenant's server made. */
export async function phoneOf(server: Caller, owner: string, wanted: object = {}): Promise<Caller> {
  const made = await server.make<ClientTokenBody>("/v1/client_tokens", { owner, ...wanted });
  return callerWith(server.tenantId, made.token);
}

async function expectOk<T>(response: Response): Promise<T> {
  if (!response.ok) throw new Error(`${response.status}: ${await response.text()}`);
  return (await response.json()) as T;
}

/** A team's own sense, so that a session learns from remarks alone which order is meant. */
export const orderSense = {
  id: "order",
  label: "the order",
  spans: ["sort them"],
  readings: [
    { id: "up", phrase: "from smallest to largest", cues: ["smallest first"] },
    { id: "down", phrase: "from largest to smallest", cues: ["largest first"] },
  ],
};

export function openSession(caller: Caller, body: object = {}): Promise<SessionDetail> {
  return caller.make<SessionDetail>("/v1/sessions", body);
}

export function ask(caller: Caller, sessionId: string, content: string): Promise<TurnBody> {
  return caller.make<TurnBody>(`/v1/sessions/${sessionId}/turns`, { content });
}

export function judge(
  caller: Caller,
  sessionId: string,
  turnId: string,
  body: object,
): Promise<FeedbackResult> {
  return caller.make<FeedbackResult>(`/v1/sessions/${sessionId}/turns/${turnId}/feedback`, body);
}

export interface StreamEvent {
  id: number | null;
  event: string | null;
  // biome-ignore lint/suspicious/noExplicitAny: tests look into every shape
  data: any;
}

/** All events of a stream that ends by itself. */
export async function readEvents(response: Response): Promise<StreamEvent[]> {
  return parseEvents(await response.text());
}

/** The events of as much of a stream as `enough` asks for; then the client goes away. */
export async function readSome(
  response: Response,
  enough: (events: StreamEvent[]) => boolean,
): Promise<StreamEvent[]> {
  const reader = (response.body as ReadableStream<Uint8Array>).getReader();
  const decoder = new TextDecoder();
  let text = "";
  for (;;) {
    const { done, value } = await reader.read();
    text += decoder.decode(value, { stream: true });
    const events = parseEvents(text.slice(0, text.lastIndexOf("\n\n") + 2));
    if (done || enough(events)) {
      await reader.cancel();
      return events;
    }
  }
}

export function parseEvents(text: string): StreamEvent[] {
  return text
    .split("\n\n")
    .filter((block) => block !== "" && !block.startsWith(":"))
    .map((block) => {
      const field = (name: string) =>
        block
          .split("\n")
          .filter((line) => line.startsWith(`${name}: `))
          .map((line) => line.slice(name.length + 2))
          .join("\n");
      const data = field("data");
      return {
        id: field("id") === "" ? null : Number(field("id")),
        event: field("event") === "" ? null : field("event"),
        data: data === "[DONE]" ? data : JSON.parse(data),
      };
    });
}

export function textOf(events: StreamEvent[]): string {
  let text = "";
  for (const { event, data } of events) {
    if (event === "reset") text = "";
    if (event === "delta") text += data.text;
  }
  return text;
}

/** Polls until something holds. The ceiling is for what never comes: a busy machine may take many seconds. */
export async function eventually<T>(
  look: () => Promise<T>,
  holds: (value: T) => boolean,
): Promise<T> {
  const until = Date.now() + 60_000;
  for (;;) {
    const value = await look();
    if (holds(value)) return value;
    if (Date.now() > until) throw new Error(`Still not so: ${JSON.stringify(value)}`);
    await new Promise((resolve) => setTimeout(resolve, 25));
  }
}

/** The OpenAPI document that is served as a file beside the Worker. */
export function apiDocument(): ApiDocument {
  return describeApi(createApp());
}

/** The app under other variables than the tests' own. */
export function appWith(variables: Record<string, unknown>) {
  const app = createApp();
  const env = { ...bindings, ...variables };
  return (path: string, init?: RequestInit) =>
    Promise.resolve(
      app.fetch(
        new Request(new URL(path, "http://rosa2.test"), init),
        env,
        createExecutionContext(),
      ),
    );
}
