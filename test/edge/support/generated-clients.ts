/** Clients that know nothing of OpenAI: one generated from the OpenAPI document, and a browser's EventSource. */
import { EventSource } from "eventsource";
import createClient from "openapi-fetch";
import type { paths } from "rosa2";
import { ask, type Caller, openSession, parseEvents } from "./client.ts";
import {
  chatTools,
  type Doing,
  earlier,
  long,
  model,
  parameters,
  send,
  user,
} from "./client-features.ts";

const path = "/v1/chat/completions";
const generated = ({ key }: Caller) =>
  createClient<paths>({
    baseUrl: "http://rosa2.test",
    headers: { authorization: `Bearer ${key}` },
    fetch: (request: Request) => send(request),
  });
type Body = paths[typeof path]["post"]["requestBody"]["content"]["application/json"];

async function messageOf(caller: Caller, body: Pick<Body, "messages"> & Partial<Body>) {
  const { data } = await generated(caller).POST(path, { body: { model, ...body } });
  return data?.choices[0]?.message;
}

/** The stream's deltas, as they come. */
async function* deltasOf(caller: Caller, content: string, signal?: AbortSignal) {
  const { data } = await generated(caller).POST(path, {
    body: { model, messages: user(content), stream: true },
    parseAs: "stream",
    ...(signal === undefined ? {} : { signal }),
  });
  const decoder = new TextDecoder();
  let text = "";
  for await (const bytes of data as unknown as AsyncIterable<Uint8Array>) {
    text += decoder.decode(bytes, { stream: true });
    const end = text.lastIndexOf("\n\n") + 2;
    for (const { data: chunk } of parseEvents(text.slice(0, end))) {
      if (chunk !== "[DONE]") yield (chunk.choices[0]?.delta.content ?? "") as string;
    }
    text = text.slice(end);
  }
}

export const openapiFetch: Doing = {
  text: async (c) => (await messageOf(c, { messages: user("hi") }))?.content,
  stream: async (c) => {
    let text = "";
    for await (const delta of deltasOf(c, "hi")) text += delta;
    return text;
  },
  abort: async (c) => {
    const stop = new AbortController();
    let seen = 0;
    try {
      for await (const _ of deltasOf(c, long, stop.signal)) if (++seen === 3) stop.abort();
    } catch (error) {
      if (!stop.signal.aborted) throw error;
    }
  },
  tools: async (c) => {
    const question = user("the weather");
    const first = await messageOf(c, { messages: question, tools: chatTools });
    const [called] = first?.tool_calls ?? [];
    if (called === undefined) return first;
    const result = { role: "tool" as const, tool_call_id: called.id, content: "rain in Oslo" };
    const messages = [...question, { role: "assistant" as const, tool_calls: [called] }, result];
    return (await messageOf(c, { messages, tools: chatTools }))?.content;
  },
  "parallel tools": async (c) =>
    (await messageOf(c, { messages: user("both cities"), tools: chatTools }))?.tool_calls?.length,
  json_schema: async (c) => {
    const json_schema = { name: "c", schema: parameters };
    const response_format = { type: "json_schema" as const, json_schema };
    const message = await messageOf(c, { messages: user("an object"), response_format });
    return JSON.parse(message?.content ?? "");
  },
  thinking: async (c) => (await messageOf(c, { messages: user("hi") }))?.reasoning_content,
  history: async (c) => void (await messageOf(c, { messages: earlier })),
  errors: async (c) => {
    const body = { model: "gpt-4o", messages: user("hi") };
    return (await generated(c).POST(path, { body })).response.status;
  },
};

/** It reads a turn's events; asking is not its affair. */
function sourceOf(caller: Caller, sessionId: string, turnId: string) {
  const headers = { authorization: `Bearer ${caller.key}` };
  return new EventSource(`http://rosa2.test/v1/sessions/${sessionId}/turns/${turnId}/events`, {
    fetch: ((url: string, init: RequestInit) =>
      send(url, { ...init, headers: { ...(init.headers as object), ...headers } })) as never,
  });
}

/** The reply's text up to so many deltas, or to its end. */
async function textOf(source: EventSource, deltasMax = Number.POSITIVE_INFINITY): Promise<string> {
  return await new Promise<string>((resolve, reject) => {
    let text = "";
    let seen = 0;
    const end = () => {
      source.close();
      resolve(text);
    };
    source.addEventListener("delta", ({ data }) => {
      text += JSON.parse(data).text;
      if (++seen === deltasMax) end();
    });
    source.addEventListener("done", end);
    source.addEventListener("error", ({ code, message }) => {
      source.close();
      reject(Object.assign(new Error(message), { status: code }));
    });
  });
}

export const eventSource: Doing = {
  stream: async (c) => {
    const { id } = await openSession(c);
    const turn = await ask(c, id, "hi");
    return await textOf(sourceOf(c, id, turn.id));
  },
  abort: async (c) => {
    const { id } = await openSession(c);
    const asked = await c.post(`/v1/sessions/${id}/turns`, { content: long, stream: true });
    await asked.body?.cancel();
    await textOf(sourceOf(c, id, asked.headers.get("x-rosa2-turn") ?? ""), 3);
  },
  errors: async (c) => {
    const { id } = await openSession(c);
    return await textOf(sourceOf(c, id, "turn_none")).then(
      () => "no error",
      ({ status }) => status,
    );
  },
};
