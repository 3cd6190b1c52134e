/** The gateway's parts against the stand-in for vLLM: adapters by digest, the cap, S, rejected replies, restarts. */
import { existsSync, mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type GenerateEvent, generateRequestSchema } from "@rosa2/shared/protocol";
import { pino } from "pino";
import { afterEach, beforeEach, expect, it } from "vitest";
import { readAdapter, writeAdapter } from "../../../gpu-service/src/adapt/adapter-file.ts";
import { peftFiles } from "../../../gpu-service/src/adapt/peft.ts";
import { openCheckpoint } from "../../../gpu-service/src/checkpoint/checkpoint.ts";
import { makeBasis } from "../../../gpu-service/src/lora/basis.ts";
import { loraGroups, loraLength, loraSites } from "../../../gpu-service/src/lora/sites.ts";
import { VllmClient } from "../../../gpu-service/src/vllm/client.ts";
import { adapterName, LoadedAdapters } from "../../../gpu-service/src/vllm/loaded-adapters.ts";
import { VllmReplies } from "../../../gpu-service/src/vllm/replies.ts";
import {
  FakeVllm,
  type FakeVllmOptions,
  type LoadedLora,
  type Token,
} from "../../support/fake-vllm.ts";
import { fixtureFolder } from "../compiler/golden.ts";

const checkpoint = openCheckpoint(fixtureFolder("qwen2"));
const rank = 2;
const basis = makeBasis(loraGroups(checkpoint.config), rank);
const logger = pino({ level: "silent" });

let folder: string;
let vllm: FakeVllm;
let client: VllmClient;
let loaded: LoadedAdapters;
let replies: VllmReplies;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "rosa2-loras-"));
});
afterEach(async () => {
  await client.close();
  await vllm.close();
  rmSync(folder, { recursive: true });
});

it("gives each adapter's own reply and loads it once, from its file", async () => {
  await serve({});
  const [one, two] = [adapterOf(1), adapterOf(2)];
  expect(await textOf("hi", null)).toBe("base: hi");
  await expect(replyTo("hi", one.digest, null)).rejects.toMatchObject({ code: "adapter_missing" });
  expect(await textOf("hi", one.digest, one.bytes)).toBe("1: hi");
  expect(await textOf("hi", two.digest, two.bytes)).toBe("2: hi");
  expect(await textOf("again", one.digest)).toBe("1: again");
  const [nameOfOne, nameOfTwo] = [one, two].map(({ digest }) => adapterName("t", digest));
  expect(vllm.adapterCalls).toEqual([`load ${nameOfOne}`, `load ${nameOfTwo}`]);
  expect(nameOfOne).toContain(one.digest);
});

it("gives another tenant no access to an adapter by its digest", async () => {
  await serve({});
  const one = adapterOf(1);
  await textOf("hi", one.digest, one.bytes);
  const request = { ...requestTo("hi", one.digest), tenant: "another" };
  const asked = replies.generate(request, null, new AbortController().signal);
  await expect(asked).rejects.toMatchObject({ code: "adapter_missing" });
  const salts = vllm.chats.map((chat) => chat.cache_salt);
  await collect(
    await replies.generate({ ...requestTo("hi", null), tenant: "another" }, null, signal()),
  );
  expect(salts).not.toContain(vllm.chats.at(-1)?.cache_salt);
});

it("refuses a file made for another model before vLLM sees it", async () => {
  await serve({});
  const base = { config: checkpoint.config, digest: "0".repeat(64) };
  const B = new Float32Array(loraLength(checkpoint.config, rank));
  const { bytes, digest } = writeAdapter(base, { rank, B, parent: null });
  await expect(replyTo("hi", digest, Uint8Array.from(bytes))).rejects.toMatchObject({
    code: "adapter_invalid",
  });
  expect(readdirSync(folder)).toEqual([]);
});

it("passes functions, their results, JSON and thinking on in vLLM's own fields", async () => {
  await serve({});
  const schema = { type: "object", properties: { city: { type: "string" } } };
  const weather = { name: "weather", parameters: schema };
  const call = '<tool_call>\n{"name": "weather", "arguments": {"city":"Oslo"}}\n</tool_call>';
  const messages = [
    { role: "user" as const, content: "Rain?" },
    { role: "assistant" as const, content: call },
    { role: "user" as const, content: "<tool_response>\nyes\n</tool_response>" },
  ];
  const output = {
    tools: [weather],
    tool_choice: { name: "weather" },
    parallel_tool_calls: false,
    thinking: false,
  };
  const asked = { ...requestTo("hi", null, { output }), messages };
  await collect(await replies.generate(asked, null, signal()));
  await replyTo("hi", null, null, { output: { format: { type: "json_schema", schema } } });
  expect(vllm.chats[0]).toMatchObject({
    messages: [
      { role: "user", content: "Rain?" },
      {
        role: "assistant",
        content: null,
        tool_calls: [{ function: { name: "weather", arguments: '{"city":"Oslo"}' } }],
      },
      { role: "tool", content: "yes" },
    ],
    tools: [{ type: "function", function: weather }],
    tool_choice: { type: "function", function: { name: "weather" } },
    parallel_tool_calls: false,
    chat_template_kwargs: { enable_thinking: false },
  });
  expect(vllm.chats[1]).toMatchObject({
    response_format: { type: "json_schema", json_schema: { schema, strict: true } },
  });
});

it("writes calls as text in the form that replies have, and keeps thoughts apart", async () => {
  const part = (index: number, called: object) => ({
    text: " ",
    logprob: -0.1,
    delta: { tool_calls: [{ index, function: called }] },
  });
  await serve({
    speak: () => [
      { text: "Hm.", logprob: -0.2, delta: { reasoning_content: "Hm." } },
      { text: "I look.", logprob: -0.1 },
      part(0, { name: "weather", arguments: "" }),
      part(0, { arguments: '{"city":' }),
      part(0, { arguments: '"Oslo"}' }),
      part(1, { name: "now", arguments: "" }),
      { text: "", logprob: -0.1 },
    ],
  });
  const output = { tools: [{ name: "weather" }, { name: "now" }] };
  const events = await replyTo("hi", null, null, { output });
  const text = [
    'I look.<tool_call>\n{"name": "weather", "arguments": {"city":"Oslo"}}\n</tool_call>',
    '<tool_call>\n{"name": "now", "arguments": {}}\n</tool_call>',
  ].join("");
  const deltas = events.flatMap((event) => (event.type === "delta" ? [event] : []));
  expect(deltas.map((delta) => delta.text).join("")).toBe(text);
  expect(deltas.map(({ reasoning = "" }) => reasoning).join("")).toBe("Hm.");
  expect(events.at(-1)).toMatchObject({
    type: "done",
    text,
    reasoning: "Hm.",
    finish_reason: "stop",
  });
});

it("says what vLLM lacks where it refuses functions", async () => {
  await serve({ refuses: '"auto" tool choice requires --enable-auto-tool-choice' });
  const output = { tools: [{ name: "weather" }] };
  await expect(replyTo("hi", null, null, { output })).rejects.toMatchObject({
    code: "invalid_request",
    message: expect.stringContaining("--enable-auto-tool-choice"),
  });
});

it("unloads the adapter used longest ago beyond the cap, and its files with it", async () => {
  await serve({ adaptersMax: 2 });
  const [one, two, three] = [adapterOf(1), adapterOf(2), adapterOf(3)];
  await textOf("hi", one.digest, one.bytes);
  await textOf("hi", two.digest, two.bytes);
  await textOf("hi", one.digest);
  await textOf("hi", three.digest, three.bytes);
  expect(vllm.loaded.toSorted()).toEqual(
    [one, three].map(({ digest }) => adapterName("t", digest)).toSorted(),
  );
  expect(readdirSync(folder).toSorted()).toEqual(vllm.loaded.toSorted());
  await expect(replyTo("hi", two.digest, null)).rejects.toMatchObject({ code: "adapter_missing" });
  expect(await textOf("hi", two.digest, two.bytes)).toBe("2: hi");
  expect(vllm.mostLoaded).toBe(2);
});

it("never unloads an adapter that a reply is being made with", async () => {
  let go = () => {};
  const gate = new Promise<void>((resolve) => {
    go = resolve;
  });
  await serve({
    adaptersMax: 1,
    speak: async function* (lora, { messages }) {
      if (messages.at(-1)?.content === "slow") await gate;
      yield* tokensOf(`${markOf(lora)}`);
    },
  });
  const [one, two] = [adapterOf(1), adapterOf(2)];
  const slow = await replies.generate(requestTo("slow", one.digest), one.bytes, signal());
  expect(await textOf("hi", two.digest, two.bytes)).toBe("2");
  expect(vllm.loaded).toContain(adapterName("t", one.digest));
  go();
  expect(lastOf(await collect(slow)).text).toBe("1");
  await expect.poll(() => vllm.loaded).toHaveLength(1);
});

it("loads again by itself what a restarted vLLM has forgotten", async () => {
  await serve({});
  const one = adapterOf(1);
  await textOf("hi", one.digest, one.bytes);
  await vllm.restart();
  expect(await textOf("hi", one.digest)).toBe("1: hi");
});

it("takes over what vLLM has from an earlier gateway and clears the rest of the folder", async () => {
  await serve({ adaptersMax: 3 });
  const [one, two] = [adapterOf(1), adapterOf(2)];
  await textOf("hi", one.digest, one.bytes);
  await textOf("hi", two.digest, two.bytes);
  await client.unloadAdapter(adapterName("t", two.digest));
  const next = loadedBy(client, 3);
  await next.adopt((await client.models()).map(({ id }) => id));
  expect(next.names).toEqual([adapterName("t", one.digest)]);
  expect(existsSync(join(folder, adapterName("t", two.digest)))).toBe(false);
});

it("sums S over the reply's tokens and its end token", async () => {
  await serve({
    speak: () => [
      { text: "a", logprob: -0.5 },
      { text: " b", logprob: -0.25 },
      { text: "", logprob: -0.125 },
    ],
  });
  const events = await replyTo("hi", null, null, { top_logprobs: 0 });
  expect(events).toMatchObject([
    { type: "delta", text: "a", logprobs: [{ token: "a", logprob: -0.5 }] },
    { type: "delta", text: " b", logprobs: [{ token: " b", logprob: -0.25 }] },
    { type: "done", text: "a b", finish_reason: "stop", logprob: -0.875 },
  ]);
});

it("shows nothing of a rejected reply and draws another", async () => {
  const drawn = ["no good", "no good", "no, better"];
  await serve({ speak: (_lora) => tokensOf(drawn[vllm.chats.length - 1] ?? "") });
  const events = await replyTo("hi", null, null, { seed: 7 }, ["no good"]);
  const shown = events.flatMap((event) => (event.type === "delta" ? [event.text] : [])).join("");
  expect(shown).toBe("no, better");
  expect(lastOf(events)).toMatchObject({ text: "no, better" });
  expect(vllm.chats.map(({ temperature, seed }) => [temperature, seed])).toEqual([
    [0, 7],
    [0.7, 8],
    [1, 9],
  ]);
});

it("gives a rejected reply after all when the model gives no other", async () => {
  await serve({ speak: () => tokensOf("no good") });
  expect(lastOf(await replyTo("hi", null, null, {}, ["no good"]))).toMatchObject({
    text: "no good",
  });
  expect(vllm.chats).toHaveLength(4);
});

it("ends the reply in vLLM when the caller goes away", async () => {
  await serve({
    speak: async function* () {
      for (let n = 0; ; n++) {
        yield { text: `${n} `, logprob: -1 };
        await new Promise((resolve) => setTimeout(resolve, 5));
      }
    },
  });
  const stream = await replies.generate(requestTo("hi", null), null, signal());
  const reader = stream.getReader();
  await reader.read();
  await reader.cancel();
  await expect.poll(() => vllm.aborted).toBe(1);
  expect(replies.inFlight).toBe(0);
});

it("distinguishes a context that is too long from a rank that vLLM does not take", async () => {
  await serve({ maxLoraRank: 1 });
  await expect(replyTo("hi", null, null, { max_tokens: 5000 })).rejects.toMatchObject({
    code: "context_length_exceeded",
  });
  const one = adapterOf(1);
  await expect(replyTo("hi", one.digest, one.bytes)).rejects.toMatchObject({
    code: "gpu_unavailable",
    message: expect.stringContaining("greater than max_lora_rank"),
  });
});

it("is cold while vLLM does not answer", async () => {
  await serve({});
  await vllm.close();
  await expect(replyTo("hi", null, null)).rejects.toMatchObject({
    code: "gpu_cold",
    retryAfterS: 5,
  });
  expect((await replies.health).status).toBe("loading");
  await vllm.listen();
});

it("sends its key to vLLM", async () => {
  await serve({ key: "a key" }, "a key");
  expect(await textOf("hi", null)).toBe("base: hi");
});

async function serve(
  { adaptersMax = 4, ...options }: Partial<FakeVllmOptions> & { adaptersMax?: number },
  key?: string,
): Promise<void> {
  vllm = new FakeVllm({
    model: "base-model",
    linears: loraSites(checkpoint.config),
    speak: (lora, { messages }) => tokensOf(`${markOf(lora)}: ${messages.at(-1)?.content}`),
    ...options,
  });
  client = new VllmClient({ url: await vllm.listen(), key });
  loaded = loadedBy(client, adaptersMax);
  const model = { id: "base-model", digest: checkpoint.digest, context_length: 512, parameters: 1 };
  const { sampling } = checkpoint.config;
  replies = new VllmReplies({ vllm: client, loaded, model, sampling, repliesMax: 16 });
}

function loadedBy(client: VllmClient, adaptersMax: number): LoadedAdapters {
  return new LoadedAdapters({
    vllm: client,
    folder,
    adaptersMax,
    peftFiles: (bytes) =>
      peftFiles(checkpoint, "base-model", basis, readAdapter(checkpoint, bytes)),
    logger,
  });
}

/** An adapter that begins with the given number. */
function adapterOf(mark: number): { bytes: Uint8Array<ArrayBuffer>; digest: string } {
  const B = new Float32Array(loraLength(checkpoint.config, rank)).fill(0.01);
  B[0] = mark;
  const { bytes, digest } = writeAdapter(checkpoint, { rank, B, parent: null });
  return { bytes: Uint8Array.from(bytes), digest };
}

/** The matrices that `adapterOf` set, as vLLM reads them from the PEFT directory. */
function markOf(lora: LoadedLora | null): string {
  const [first] = loraSites(checkpoint.config);
  return String(lora?.matrices.get(first?.module ?? "")?.B[0] ?? "base");
}

function requestTo(content: string, digest: string | null, sampling = {}, rejected: string[] = []) {
  return generateRequestSchema.parse({
    tenant: "t",
    adapter: digest === null ? null : { digest },
    messages: [{ role: "user", content }],
    sampling,
    rejected,
  });
}

async function replyTo(
  content: string,
  digest: string | null,
  bytes: Uint8Array<ArrayBuffer> | null,
  sampling = {},
  rejected: string[] = [],
): Promise<GenerateEvent[]> {
  const request = requestTo(content, digest, sampling, rejected);
  return await collect(await replies.generate(request, bytes, signal()));
}

async function textOf(
  content: string,
  digest: string | null,
  bytes: Uint8Array<ArrayBuffer> | null = null,
): Promise<string> {
  return lastOf(await replyTo(content, digest, bytes)).text;
}

function lastOf(events: GenerateEvent[]): Extract<GenerateEvent, { type: "done" }> {
  const last = events.at(-1);
  if (last?.type !== "done") throw new Error(`No end: ${JSON.stringify(last)}`);
  return last;
}

async function collect(stream: ReadableStream<GenerateEvent>): Promise<GenerateEvent[]> {
  const events: GenerateEvent[] = [];
  for await (const event of stream) events.push(event);
  return events;
}

function tokensOf(text: string): Token[] {
  const words = text.match(/\S+\s*/g) ?? [];
  return [...words, ""].map((word) => ({ text: word, logprob: -0.1 }));
}

function signal(): AbortSignal {
  return new AbortController().signal;
}
