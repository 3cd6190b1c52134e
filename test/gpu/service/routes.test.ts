import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { healthSchema } from "@rosa2/shared/health";
import {
  adaptPlanDefaults,
  adaptResultSchema,
  limits,
  sampleResultSchema,
  scoreResultSchema,
  secretHeader,
} from "@rosa2/shared/protocol";
import { randomInt, seededRandom } from "@rosa2/shared/random";
import { unzipSync } from "fflate";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { isNearCopy } from "../../../gpu-service/src/engine/batch/near-copies.ts";
import { fakeAdapter } from "../support/fake-runtime.ts";
import { ask, collect, eventsOf, formOf, secret, TestService } from "../support/service.ts";

let service: TestService;
beforeAll(async () => {
  service = await TestService.start();
});
afterAll(() => service.stop());

const loud = fakeAdapter([1]);

/** The error of an answer that must be an error, in the one shape of errors. */
async function errorOf(response: Response) {
  const body = (await response.json()) as { error: Record<string, string> };
  expect(Object.keys(body)).toEqual(["error"]);
  expect(body.error.request_id).toBe(response.headers.get("x-request-id"));
  expect(JSON.stringify(body)).not.toMatch(/\.ts|node_modules| at /);
  return { status: response.status, code: body.error.code, param: body.error.param };
}

describe("POST /v1/generate", () => {
  it("streams the reply and ends with usage, log-prob and times", async () => {
    const events = await service.generate(ask("say hello"));
    const done = events.at(-1);
    const text = events.map((event) => (event.type === "delta" ? event.text : "")).join("");
    expect(text).toBe("hello");
    expect(done).toMatchObject({
      type: "done",
      text: "hello",
      finish_reason: "stop",
      usage: { prompt_tokens: 12, completion_tokens: 6, cached_tokens: 0 },
    });
    if (done?.type !== "done") return;
    // A caller that stops a reply has received its cost so far.
    const spent = events.flatMap((event) => (event.type === "delta" ? [event.spent] : []));
    expect(spent.map((so) => so?.usage.completion_tokens)).toEqual([1, 2, 3, 4, 5]);
    expect(spent.at(-1)?.usage.prompt_tokens).toBe(12);
    expect(spent.at(-1)?.ms.decode).toBeLessThanOrEqual(done.ms.decode);
    expect(done.logprob).toBeLessThan(0);
    expect(Math.exp(done.logprob)).toBeGreaterThan(0.5);
  });

  it("sends only the end, with all of the reply, where nobody watches the reply grow", async () => {
    const [told, ...rest] = await service.generate({ ...ask("say hello"), deltas: false });
    expect(rest).toEqual([]);
    expect(told).toMatchObject({ type: "done", text: "hello", usage: { completion_tokens: 6 } });
  });

  it.each([
    ["", []],
    [
      " and cannot be a copy of a long rejected one",
      ["the quick brown fox jumps over the lazy dog"],
    ],
  ])("sends the first text before the reply is complete%s", async (_, rejected) => {
    const folder = mkdtempSync(join(tmpdir(), "rosa2-held-"));
    const holdFile = join(folder, "held");
    // The prompt and the rejected reply take a few runs; the reply takes 241.
    writeFileSync(holdFile, "40");
    const held = await TestService.start({ runtime: { holdFile } });
    const random = seededRandom("a long reply");
    const letters = Array.from({ length: 240 }, () => "abcdefgh"[randomInt(random, 0, 8)]).join("");
    const body = { tenant: "t", ...ask(`say ${letters}`), rejected };
    const response = await held.post("/v1/generate", body);
    expect(response.headers.get("content-type")).toMatch(/^text\/event-stream/);
    let count = 0;
    for await (const event of eventsOf(response)) {
      if (count++ === 0) rmSync(folder, { recursive: true });
      expect(event.type).not.toBe("error");
    }
    expect(count).toBeGreaterThan(240);
    await held.stop();
  });

  it("reports log-probs with alternatives when asked", async () => {
    const events = await service.generate({ ...ask("say ab"), sampling: { top_logprobs: 2 } });
    const listed = events.flatMap((event) =>
      event.type === "delta" ? (event.logprobs ?? []) : [],
    );
    expect(listed.map(({ token }) => token)).toEqual(["a", "b"]);
    for (const { top, ...chosen } of listed) {
      expect(top).toHaveLength(2);
      expect(top[0]).toEqual(chosen);
    }
  });

  it("never gives a rejected reply again, but another complete one", async () => {
    const events = await service.generate({ ...ask("say yes"), rejected: ["yes"] });
    const done = events.at(-1);
    expect(done?.type === "done" && done.finish_reason).toBe("stop");
    expect(done?.type === "done" && done.text.trim()).not.toBe("yes");
  });

  it("says whether a long reply is still a near copy of a rejected one, and gives its text once", async () => {
    const said = "the quick brown fox jumps over the lazy dog and back";
    const ids = (text: string) => [...new TextEncoder().encode(text)];
    for (const seed of [1, 2, 3]) {
      const request = { ...ask(`say ${said}`), rejected: [said], sampling: { seed } };
      const events = await service.generate(request);
      const done = events.at(-1);
      if (done?.type !== "done") throw new Error("no done");
      expect(done.text.trim()).not.toBe(said);
      expect(done.repeats_rejected ?? false).toBe(isNearCopy(ids(done.text), [ids(said)]));
      const shown = events.map((event) => (event.type === "delta" ? event.text : "")).join("");
      expect(shown).toBe(done.text);
    }
  });

  it("refuses what does not fit the context instead of cutting it", async () => {
    const long = await service.post("/v1/generate", { tenant: "t", ...ask("x".repeat(600)) });
    expect(await errorOf(long)).toEqual({
      status: 400,
      code: "context_length_exceeded",
      param: "messages",
    });
    const asked = await service.post("/v1/generate", {
      tenant: "t",
      ...ask("say hi"),
      sampling: { max_tokens: 5000 },
    });
    expect((await errorOf(asked)).code).toBe("context_length_exceeded");
  });

  it("fills the context and no more when no length is asked for", async () => {
    const events = await service.generate(ask(`say ${"a".repeat(400)}`));
    const done = events.at(-1);
    if (done?.type !== "done") throw new Error("no done");
    expect(done.usage.prompt_tokens + done.usage.completion_tokens).toBeLessThanOrEqual(512);
    expect(done.finish_reason).toBe("length");
  });
});

describe("adapters", () => {
  const request = { tenant: "t", ...ask("say shout"), adapter: { digest: loud.digest } };
  const textOf = async (response: Response) => {
    const events = await collect(eventsOf(response));
    const done = events.at(-1);
    return done?.type === "done" ? done.text : done;
  };

  it("asks for a missing adapter, takes it inline, then has it", async () => {
    const missing = await service.post("/v1/generate", request);
    expect(await errorOf(missing)).toMatchObject({ status: 409, code: "adapter_missing" });
    const inline = await service.post("/v1/generate", formOf(request, loud.bytes));
    expect(await textOf(inline)).toBe("SHOUT");
    expect(await textOf(await service.post("/v1/generate", request))).toBe("SHOUT");
  });

  it("does not lend one tenant's adapter to another that knows its digest", async () => {
    await (await service.post("/v1/generate", formOf(request, loud.bytes))).text();
    const other = await service.post("/v1/generate", { ...request, tenant: "another" });
    expect((await errorOf(other)).code).toBe("adapter_missing");
  });

  it("rejects a file that is not the one the digest names", async () => {
    const wrong = await service.post("/v1/generate", formOf(request, fakeAdapter([2]).bytes));
    expect(await errorOf(wrong)).toEqual({
      status: 400,
      code: "adapter_invalid",
      param: "adapter",
    });
  });

  it("rejects a file that is no adapter", async () => {
    const { bytes, digest } = { bytes: new TextEncoder().encode("{}"), digest: "" };
    const own = Buffer.from(await crypto.subtle.digest("SHA-256", bytes)).toString("hex") + digest;
    const response = await service.post(
      "/v1/generate",
      formOf({ ...request, adapter: { digest: own } }, bytes),
    );
    expect((await errorOf(response)).code).toBe("adapter_invalid");
  });

  it("rejects a file without a name, and a form without a request", async () => {
    const nameless = await service.post(
      "/v1/generate",
      formOf({ ...request, adapter: null }, loud.bytes),
    );
    expect(await errorOf(nameless)).toMatchObject({ code: "invalid_request", param: "adapter" });
    const empty = new FormData();
    empty.set("adapter", new Blob([loud.bytes]), "a");
    expect(await errorOf(await service.post("/v1/generate", empty))).toMatchObject({
      code: "invalid_request",
      param: "request",
    });
  });

  it("answers without an adapter as the base model, whatever is cached", async () => {
    expect(await textOf(await service.post("/v1/generate", { ...request, adapter: null }))).toBe(
      "shout",
    );
  });
});

describe("POST /v1/sample", () => {
  const babble = { tenant: "s", ...ask("tell me"), count: 4 };
  const sample = async (request: object) =>
    sampleResultSchema.parse(await (await service.post("/v1/sample", request)).json());

  it("gives the greedy reply and drawn ones, and counts the prompt once", async () => {
    const alone = (await service.generate(babble)).at(-1);
    const { samples, usage, ms } = await sample({ ...babble, sampling: { seed: 3 } });
    expect(samples).toHaveLength(4);
    expect(alone).toMatchObject({ type: "done", text: samples[0]!.text });
    expect(samples[0]!.logprob).toBeCloseTo(alone?.type === "done" ? alone.logprob : NaN, 5);
    expect(new Set(samples.map(({ text }) => text)).size).toBeGreaterThan(1);
    const written = samples.reduce((sum, { completion_tokens }) => sum + completion_tokens, 0);
    expect(usage).toMatchObject({
      prompt_tokens: alone?.type === "done" ? alone.usage.prompt_tokens : NaN,
      completion_tokens: written,
    });
    expect(ms.decode).toBeGreaterThan(0);
  });

  it("draws the same replies from the same seed, others from another", async () => {
    const drawn = async (seed: number) => {
      const sampling = { seed, max_tokens: 12 };
      return (await sample({ ...babble, greedy_first: false, sampling })).samples;
    };
    expect(await drawn(20)).toEqual(await drawn(20));
    expect(await drawn(20)).not.toEqual(await drawn(21));
  });

  it("draws evenly: as many replies begin with each letter, whatever the seed", async () => {
    const begins = async (seed: number) => {
      const sampling = { seed, max_tokens: 1 };
      const { samples } = await sample({ ...babble, count: 8, greedy_first: false, sampling });
      return samples.map(({ text }) => text);
    };
    const [one, ...others] = [await begins(1), await begins(2), await begins(3)];
    for (const letter of new Set(others.flat().concat(one!))) {
      const times = [one!, ...others].map((drawn) => drawn.filter((l) => l === letter).length);
      expect(Math.max(...times) - Math.min(...times)).toBeLessThanOrEqual(1);
    }
    expect(new Set(one).size).toBeGreaterThan(1);
  });

  it("samples with the adapter that is named", async () => {
    const body = { tenant: "s", ...ask("say hi"), adapter: { digest: loud.digest }, count: 2 };
    const missing = await service.post("/v1/sample", body);
    expect(await errorOf(missing)).toMatchObject({ status: 409, code: "adapter_missing" });
    const response = await service.post("/v1/sample", formOf(body, loud.bytes));
    const { samples } = sampleResultSchema.parse(await response.json());
    expect(samples[0]!.text).toBe("HI");
  });

  it("ends all replies when the caller goes away", async () => {
    const going = new AbortController();
    const request = { ...babble, ...ask(`say ${"b".repeat(300)}`) };
    const answer = service.post("/v1/sample", request, { signal: going.signal });
    // They last about 40 ms on a quick machine, and share rows as long as they are the same.
    await expect
      .poll(() => service.engine.health.queue.running, { interval: 1 })
      .toBeGreaterThan(0);
    going.abort();
    await expect(answer).rejects.toThrow();
    await expect.poll(() => service.engine.health.queue).toEqual({ waiting: 0, running: 0 });
    expect(service.engine.inFlight).toBe(0);
  });

  it.each([
    ["no count", { count: undefined }, "count"],
    ["more than the limit", { count: limits.samplesMax + 1 }, "count"],
    ["greedy draws", { sampling: { temperature: 0 } }, "sampling.temperature"],
  ])("refuses %s", async (_, wrong, param) => {
    const response = await service.post("/v1/sample", { ...babble, ...wrong });
    expect(await errorOf(response)).toMatchObject({ status: 400, code: "invalid_request", param });
  });
});

describe("POST /v1/score", () => {
  it("gives the log-prob of each token and their sum, equal to what generation reports", async () => {
    const events = await service.generate(ask("say hello"));
    const done = events.at(-1);
    const response = await service.post("/v1/score", {
      tenant: "t",
      items: [
        { ...ask("say hello"), reply: "hello" },
        { ...ask("say hello"), reply: "other" },
      ],
    });
    const { scores, ms } = scoreResultSchema.parse(await response.json());
    expect(ms?.score).toBeGreaterThan(0);
    expect(scores[0]?.token_logprobs).toHaveLength(6);
    expect(scores[0]?.logprob).toBeCloseTo(done?.type === "done" ? done.logprob : Number.NaN, 4);
    expect(scores[1]?.logprob).toBeLessThan(-10);
  });

  it("gives on request what a reply owes, and how much one update can bring", async () => {
    const items = ["hello", "HI", "é"].map((reply) => ({ ...ask("say hello"), reply }));
    const response = await service.post("/v1/score", { tenant: "t", items, reach: true });
    const { scores } = scoreResultSchema.parse(await response.json());
    const foreign = { in_bytes: [], unwritable: [] };
    expect(scores[0]?.reach).toEqual({
      ...foreign,
      owed_nats: 0,
      owed_nats_max: 64,
      context_length: 512,
    });
    const [, { token_logprobs = [], reach } = {}] = scores;
    const { token_settled, token_target } = adaptPlanDefaults;
    const owed = token_logprobs
      .filter((logprob) => logprob < Math.log(token_settled))
      .reduce((sum, logprob) => sum + Math.log(token_target) - logprob, 0);
    expect(owed).toBeGreaterThan(5);
    expect(reach?.owed_nats).toBeCloseTo(owed, 3);
    expect(scores[2]?.reach).toMatchObject(foreign);
  });

  it("names the item that does not fit", async () => {
    const response = await service.post("/v1/score", {
      tenant: "t",
      items: [
        { ...ask("a"), reply: "b" },
        { ...ask("a"), reply: "b".repeat(600) },
      ],
    });
    expect(await errorOf(response)).toEqual({
      status: 400,
      code: "context_length_exceeded",
      param: "items.1",
    });
  });
});

describe("POST /v1/adapt", () => {
  const rows = [{ ...ask("say hi"), reply: "HI", kind: "corrected" }];

  it("answers with the result and the new adapter, which is there for the next reply", async () => {
    const response = await service.post("/v1/adapt", { tenant: "t", rows });
    expect(response.headers.get("content-type")).toMatch(/^multipart\/form-data/);
    const form = await response.formData();
    const result = adaptResultSchema.parse(JSON.parse(String(form.get("result"))));
    const file = form.get("adapter") as File;
    const digest = Buffer.from(await crypto.subtle.digest("SHA-256", await file.arrayBuffer()));
    expect(digest.toString("hex")).toBe(result.digest);
    expect(result.ms.update).toBeGreaterThan(0);

    const events = await service.generate({ ...ask("say hi"), adapter: { digest: result.digest } });
    expect(events.at(-1)).toMatchObject({ type: "done", text: "HI" });
  });

  it("gives each token's log-prob before and after for watched replies, and learns nothing from them", async () => {
    const watch = ["HI", "a".repeat(2 * limits.watchedTokensMax)].map((reply) => ({
      ...ask("say hi"),
      reply,
    }));
    const response = await service.post("/v1/adapt", { tenant: "t", rows, watch });
    const form = await response.formData();
    const { digest, watched } = adaptResultSchema.parse(JSON.parse(String(form.get("result"))));
    expect(watched.map((tokens) => tokens.map(({ text }) => text))).toEqual([
      ["H", "I", ""],
      Array.from({ length: limits.watchedTokensMax }, () => "a"),
    ]);
    const scoresOf = async (adapter: { digest: string | undefined } | null) => {
      const answer = await service.post("/v1/score", { tenant: "t", items: watch, adapter });
      return scoreResultSchema.parse(await answer.json()).scores;
    };
    const [before, after] = [await scoresOf(null), await scoresOf({ digest })];
    for (const [row, tokens] of watched.entries()) {
      for (const [at, token] of tokens.entries()) {
        expect(token.before).toBeCloseTo(before[row]!.token_logprobs[at]!, 5);
        expect(token.after).toBeCloseTo(after[row]!.token_logprobs[at]!, 5);
      }
    }
    const tooMany = [...watch, ...watch];
    const refused = await service.post("/v1/adapt", { tenant: "t", rows, watch: tooMany });
    expect(await errorOf(refused)).toMatchObject({ status: 400, param: "watch" });
  });

  it("starts from the parent it is given, and asks for a parent it lacks", async () => {
    const parent = fakeAdapter([1, 1, 41]);
    const request = { tenant: "t", rows, adapter: { digest: parent.digest } };
    expect((await errorOf(await service.post("/v1/adapt", request))).code).toBe("adapter_missing");
    const response = await service.post("/v1/adapt", formOf(request, parent.bytes));
    const file = (await response.formData()).get("adapter") as File;
    expect(JSON.parse(await file.text())).toEqual([1, 1, 42]);
  });

  it("drops the parent for the next generation; its file brings it back", async () => {
    const parent = fakeAdapter([1, 1, 43]);
    const adapter = { digest: parent.digest };
    const reply = { tenant: "t", ...ask("say hi"), adapter };
    const first = await service.post("/v1/generate", formOf(reply, parent.bytes));
    await first.text();
    const response = await service.post("/v1/adapt", { tenant: "t", rows, adapter });
    await response.formData();
    const late = await service.post("/v1/generate", reply);
    expect((await errorOf(late)).code).toBe("adapter_missing");
    const again = await service.post("/v1/generate", formOf(reply, parent.bytes));
    expect(again.status).toBe(200);
    const events = await collect(eventsOf(again));
    // The keys and values of the parent's sequences are dropped as well.
    expect(events.at(-1)).toMatchObject({ type: "done", usage: { cached_tokens: 0 } });
  });
});

describe("POST /v1/export", () => {
  it("answers with a zip archive of the PEFT files, the same for the same adapter", async () => {
    // Large enough for several chunks.
    const adapter = fakeAdapter(Array.from({ length: 200_000 }, (_, i) => i));
    const request = { tenant: "t", adapter: { digest: adapter.digest } };
    expect((await errorOf(await service.post("/v1/export", request))).code).toBe("adapter_missing");
    const download = async () => {
      const response = await service.post("/v1/export", formOf(request, adapter.bytes));
      expect(response.headers.get("content-type")).toBe("application/zip");
      return new Uint8Array(await response.arrayBuffer());
    };
    const archive = await download();
    const files = unzipSync(archive);
    expect(Object.keys(files)).toEqual(["adapter_config.json", "adapter_model.safetensors"]);
    const values = new Float32Array(Uint8Array.from(files["adapter_model.safetensors"]!).buffer);
    expect(values).toHaveLength(200_000);
    expect(values.at(-1)).toBe(199_999);
    expect(await download()).toEqual(archive);
  });
});

describe("the secret", () => {
  it("is needed on every route except /health", async () => {
    for (const [path, method] of [
      ["/v1/generate", "POST"],
      ["/v1/sample", "POST"],
      ["/v1/adapt", "POST"],
      ["/v1/score", "POST"],
      ["/v1/export", "POST"],
      ["/metrics", "GET"],
      ["/nowhere", "GET"],
    ] as const) {
      const none = await fetch(service.url + path, { method });
      expect(await errorOf(none), path).toMatchObject({ status: 401, code: "missing_key" });
      for (const wrong of ["", "x", `${secret}x`, secret.slice(0, -1)]) {
        const response = await fetch(service.url + path, {
          method,
          headers: { [secretHeader]: wrong },
        });
        expect(response.status, path).toBe(401);
        await response.body?.cancel();
      }
    }
    expect((await fetch(`${service.url}/health`)).status).toBe(200);
  });

  it("can be either of two while it is being changed", async () => {
    const rotating = await TestService.start({ secrets: ["the new secret, 1", secret] });
    try {
      for (const one of ["the new secret, 1", secret]) {
        const response = await fetch(`${rotating.url}/metrics`, {
          headers: { [secretHeader]: one },
        });
        expect(response.status).toBe(200);
        await response.text();
      }
    } finally {
      await rotating.stop();
    }
  });
});

describe("bad requests", () => {
  const valid = { tenant: "t", ...ask("say hi") };

  it.each([
    ["not JSON", "{nope", 400, "invalid_json", undefined],
    ["nothing", "", 400, "invalid_json", undefined],
    ["an array", "[]", 400, "invalid_request", undefined],
    ["no tenant", { ...valid, tenant: undefined }, 400, "invalid_request", "tenant"],
    ["no messages", { ...valid, messages: [] }, 400, "invalid_request", "messages"],
    [
      "an unknown role",
      { ...valid, messages: [{ role: "critic", content: "" }] },
      400,
      "invalid_request",
      "messages.0.role",
    ],
    [
      "a temperature out of range",
      { ...valid, sampling: { temperature: 3 } },
      400,
      "invalid_request",
      "sampling.temperature",
    ],
    [
      "top_p below 0",
      { ...valid, sampling: { top_p: -0.1 } },
      400,
      "invalid_request",
      "sampling.top_p",
    ],
    [
      "a digest that is none",
      { ...valid, adapter: { digest: "../etc" } },
      400,
      "invalid_request",
      "adapter.digest",
    ],
    [
      "content beyond the limit",
      { ...valid, ...ask("x".repeat(limits.contentCharsMax + 1)) },
      400,
      "invalid_request",
      "messages.0.content",
    ],
  ])("answers %s with a typed error", async (_, body, status, code, param) => {
    const response = await service.post("/v1/generate", body);
    expect(await errorOf(response)).toEqual({ status, code, param });
  });

  it("refuses a body beyond the limit, declared or not", async () => {
    const big = "x".repeat(limits.bodyBytesMax + 1);
    expect(await errorOf(await service.post("/v1/generate", big))).toMatchObject({
      status: 413,
      code: "payload_too_large",
    });
    const chunks = new ReadableStream({
      start(controller) {
        for (let i = 0; i < 20; i++)
          controller.enqueue(new TextEncoder().encode("x".repeat(65_536)));
        controller.close();
      },
    });
    const streamed = await fetch(`${service.url}/v1/generate`, {
      method: "POST",
      headers: { [secretHeader]: secret, "content-type": "application/json" },
      body: chunks,
      duplex: "half",
    } as RequestInit);
    expect(await errorOf(streamed)).toMatchObject({ status: 413, code: "payload_too_large" });
  });

  it("refuses a form that is malformed", async () => {
    const response = await service.post("/v1/generate", "not a form", {
      headers: { "content-type": "multipart/form-data; boundary=x" },
    });
    expect(await errorOf(response)).toMatchObject({ status: 400, code: "invalid_request" });
  });

  it("says that a path or method does not exist", async () => {
    const response = await fetch(`${service.url}/v1/generate`, {
      headers: { [secretHeader]: secret },
    });
    expect(await errorOf(response)).toMatchObject({ status: 404, code: "not_found" });
  });

  it("hides an unexpected error's details from the caller", async () => {
    const events = await service.generate(ask("fail now"));
    expect(events).toEqual([
      {
        type: "error",
        error: { code: "internal_error", message: "The engine failed on this request" },
      },
    ]);
  });
});

describe("GET /health and /metrics", () => {
  it("names the model, its digest and the queue", async () => {
    const response = await fetch(`${service.url}/health`);
    const health = healthSchema.parse(await response.json());
    expect(health).toMatchObject({
      status: "ok",
      provider: "fake",
      model: { id: "fake", context_length: 512 },
      queue: { waiting: 0, running: 0 },
    });
  });

  it("counts tokens, steps and requests", async () => {
    await service.generate(ask("say counted"));
    const response = await fetch(`${service.url}/metrics`, { headers: { [secretHeader]: secret } });
    const text = await response.text();
    const value = (pattern: RegExp) => Number(text.match(pattern)?.[1]);
    expect(value(/rosa2_tokens_total\{kind="completion"\} (\d+)/)).toBeGreaterThan(8);
    expect(value(/rosa2_decode_rows_count (\d+)/)).toBeGreaterThan(8);
    expect(
      value(/rosa2_requests_total\{path="\/v1\/generate",status="200",code=""\} (\d+)/),
    ).toBeGreaterThan(0);
    expect(text).toContain("nodejs_eventloop_lag");
  });
});

describe("the log", () => {
  it("has one line for each request, with ids and usage, and with neither content nor secret", async () => {
    const traceparent = "00-0123456789abcdef0123456789abcdef-0123456789abcdef-01";
    const response = await service.post(
      "/v1/generate",
      { tenant: "logged", ...ask("say confidential words") },
      { headers: { "x-request-id": "req-42", traceparent } },
    );
    expect(response.headers.get("x-request-id")).toBe("req-42");
    await response.text();
    await expect
      .poll(() => service.log.filter(({ request_id }) => request_id === "req-42"))
      .toHaveLength(1);
    expect(service.log.find(({ request_id }) => request_id === "req-42")).toMatchObject({
      traceparent,
      method: "POST",
      path: "/v1/generate",
      status: 200,
      tenant: "logged",
      completion_tokens: 19,
      finish_reason: "stop",
    });
    const all = JSON.stringify(service.log);
    expect(all).not.toContain("confidential");
    expect(all).not.toContain(secret);
  });

  it("makes an id where the given one could forge lines, and logs the code of an error", async () => {
    const response = await service.post("/v1/score", "{", {
      headers: { "x-request-id": 'a" b', traceparent: "nonsense" },
    });
    const id = response.headers.get("x-request-id");
    expect(id).toMatch(/^[0-9a-f-]{36}$/);
    await response.text();
    const line = service.log.find(({ request_id }) => request_id === id);
    expect(line).toMatchObject({ status: 400, code: "invalid_json" });
    expect(line).not.toHaveProperty("traceparent");
  });
});
