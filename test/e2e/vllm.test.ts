/**
 * Replies by vLLM, updates by the GPU service: the whole product with a gateway. A stand-in for vLLM answers through
 * the real engine, with the adapter that it read from the directory. A real vLLM needs a GPU.
 */
import { spawn } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { confidenceOf } from "@rosa2/shared/objective";
import { type GenerateEvent, secretHeader } from "@rosa2/shared/protocol";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { choosePort } from "../../edge/local/ports.ts";
import { PrivateFolder } from "../../edge/local/private-folder.ts";
import { rootPath } from "../../edge/local/settings.ts";
import { writeAdapter } from "../../gpu-service/src/adapt/adapter-file.ts";
import { openCheckpoint } from "../../gpu-service/src/checkpoint/checkpoint.ts";
import { makeBasis } from "../../gpu-service/src/lora/basis.ts";
import { loraGroups, loraLength, loraSites } from "../../gpu-service/src/lora/sites.ts";
import { eventsOf, formOf } from "../gpu/support/service.ts";
import { type ChatBody, FakeVllm, type LoadedLora, type Token } from "../support/fake-vllm.ts";
import { drawRequest } from "./support/requests.ts";
import { makeStateFolder, Rosa } from "./support/rosa.ts";

const MODEL = join(rootPath, "gpu-service/models/rosa2-mini");
const checkpoint = openCheckpoint(MODEL);
const secret = "secret-of-the-vllm-tests";
const state = makeStateFolder();
const loras = makeStateFolder();
const adaptersMax = 2;
let rosa: Rosa;
let vllm: FakeVllm;
let gateway: ReturnType<typeof spawn>;

beforeAll(async () => {
  new PrivateFolder(state.path).write("gpu-secret", secret);
  vllm = new FakeVllm({ model: "rosa2-mini", linears: loraSites(checkpoint.config), speak });
  const [vllmUrl, port] = [await vllm.listen(), await choosePort(0)];
  gateway = spawn(process.execPath, [join(rootPath, "gpu-service/src/vllm/main.ts")], {
    env: {
      ...process.env,
      ...{ MODEL, VLLM_URL: vllmUrl, LORA_DIR: loras.path, ADAPTERS_MAX: String(adaptersMax) },
      ...{ GPU_SECRET: secret, GPU_PORT: String(port), LOG_LEVEL: "warn" },
    },
    stdio: "inherit",
  });
  rosa = await Rosa.start(state.path, { MODEL, INFERENCE_URL: `http://127.0.0.1:${port}` });
});
afterAll(async () => {
  gateway?.kill("SIGKILL");
  await rosa?.process.stop();
  await vllm?.close();
  for (const folder of [state, loras]) folder.remove();
});

describe("an edge whose replies come from vLLM", () => {
  it("shows both services in its health", async () => {
    expect(await rosa.get("/health")).toMatchObject({
      status: "ok",
      gpu: { status: "ok", provider: "cpu" },
      inference: { status: "ok", provider: "vllm", model: "rosa2-mini" },
    });
  });

  it("answers with the generation that the last update made, never with an older one", async () => {
    const { content, answers } = drawRequest(54);
    const session = await rosa.openSession();
    const first = await rosa.ask(session.id, content);
    for (const correction of [...answers].reverse()) {
      const { turn, weights } = await rosa.correct(first, correction);
      expect(weights.decision).toBe("updated");
      expect(turn.reply).toBe(correction);
      expect(turn.generation).toBe(weights.generation);
      // The name of the adapter that answered contains the digest of the update's file.
      const { data } = await rosa.get<{ data: { id: string; digest: string }[] }>(
        `/v1/sessions/${session.id}/generations`,
      );
      const made = data.find(({ id }) => id === weights.generation);
      expect(vllm.chats.at(-1)?.model.endsWith(`-${made?.digest}`)).toBe(true);
    }
  });

  it("gives the reply that the GPU service gives with the same adapter, with the same confidence", async () => {
    const { content, answers } = drawRequest(52);
    const session = await rosa.openSession();
    const first = await rosa.ask(session.id, content);
    const correction = answers.find((answer) => answer !== first.reply) ?? "";
    const { turn, weights } = await rosa.correct(first, correction);
    const file = await fetch(
      `${rosa.url}/v1/sessions/${session.id}/generations/${weights.generation}/adapter?format=rosa2`,
      { headers: { authorization: `Bearer ${rosa.key}` } },
    );
    const bytes = new Uint8Array(await file.arrayBuffer());
    const body = vllm.chats.at(-1);
    if (body === undefined) throw new Error("vLLM was not asked");
    const digest = body.model.slice(-64);
    const own = await generate(body, { digest, bytes });
    expect(turn.reply).toBe(own.text);
    const readBack = await rosa.get<{ confidence: number }>(
      `/v1/sessions/${session.id}/turns/${turn.id}`,
    );
    expect(readBack.confidence).toBeCloseTo(confidenceOf(own.logprob, own.length), 4);
  });

  it("holds no more adapters than its cap, and loads one again when its session continues", async () => {
    const { content, answers } = drawRequest(53);
    const taught: { id: string; reply: string }[] = [];
    for (let n = 0; n <= adaptersMax; n++) {
      const { id } = await rosa.openSession();
      const first = await rosa.ask(id, content);
      // Each session gets another reply, because sessions that learnt the same have the same file.
      const { turn } = await rosa.correct(first, `${answers[0]} ${n}`);
      taught.push({ id, reply: turn.reply });
    }
    expect(vllm.mostLoaded).toBeLessThanOrEqual(adaptersMax);
    expect(readdirSync(loras.path).length).toBeLessThanOrEqual(adaptersMax);
    for (const { id, reply } of taught) expect((await rosa.ask(id, content)).reply).toBe(reply);
    expect(vllm.adapterCalls.filter((call) => call.startsWith("unload")).length).toBeGreaterThan(0);
  });
});

/** One reply of the real engine, with the adapter that was read from a PEFT directory. */
async function* speak(lora: LoadedLora | null, body: ChatBody): AsyncGenerator<Token> {
  const adapter = lora === null ? null : adapterOf(lora);
  const { tokens, logprob } = await generate(body, adapter);
  yield* tokens;
  // The engine's own end token counts in S, but is not among the tokens shown.
  const shown = tokens.reduce((sum, token) => sum + token.logprob, 0);
  yield { text: "", logprob: logprob - shown };
}

/** The file that has these matrices. Throws if A is not the frozen matrix that B's rows belong to. */
function adapterOf({ rank, matrices }: LoadedLora): {
  digest: string;
  bytes: Uint8Array<ArrayBuffer>;
} {
  const basis = makeBasis(loraGroups(checkpoint.config), rank);
  const B = new Float32Array(loraLength(checkpoint.config, rank));
  let offset = 0;
  for (const { module, group } of loraSites(checkpoint.config)) {
    const pair = matrices.get(module);
    if (pair === undefined) throw new Error(`${module} has no adapter`);
    expect(pair.A).toEqual(basis.get(group));
    B.set(pair.B, offset);
    offset += pair.B.length;
  }
  const { bytes, digest } = writeAdapter(checkpoint, { rank, B, parent: null });
  return { bytes: Uint8Array.from(bytes), digest };
}

async function generate(
  { messages, temperature, max_tokens, seed }: ChatBody,
  adapter: { digest: string; bytes: Uint8Array<ArrayBuffer> } | null,
): Promise<{ text: string; logprob: number; length: number; tokens: Token[] }> {
  const request = {
    tenant: "vllm",
    adapter: adapter && { digest: adapter.digest },
    messages,
    sampling: { temperature, max_tokens, seed, top_logprobs: 0 },
  };
  const response = await fetch(`${rosa.process.gpuUrl}/v1/generate`, {
    method: "POST",
    headers: { [secretHeader]: readFileSync(join(state.path, "gpu-secret"), "utf8").trim() },
    body: adapter === null ? JSON.stringify(request) : formOf(request, adapter.bytes),
  });
  if (!response.ok) throw new Error(`${response.status} ${await response.text()}`);
  const tokens: Token[] = [];
  let last: GenerateEvent | undefined;
  for await (const event of eventsOf(response)) {
    if (event.type === "delta") {
      const logprobs = event.logprobs ?? [];
      const logprob = logprobs.reduce((sum, token) => sum + token.logprob, 0);
      tokens.push({ text: event.text, logprob, tokens: logprobs.length });
    }
    last = event;
  }
  if (last?.type !== "done") throw new Error(`No end: ${JSON.stringify(last)}`);
  const { text, logprob, usage } = last;
  return { text, logprob, length: usage.completion_tokens, tokens };
}
