/** A checkpoint's generation_config.json together with the parameters of requests. */
import { rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type GenerateEvent, generateRequestSchema } from "@rosa2/shared/protocol";
import { afterAll, expect, it } from "vitest";
import { Scheduler } from "../../../gpu-service/src/engine/batch/scheduler.ts";
import type { Model } from "../../../gpu-service/src/engine/model/model.ts";
import { AdapterCache } from "../../../gpu-service/src/engine/queue/adapter-cache.ts";
import { Requests } from "../../../gpu-service/src/engine/queue/requests.ts";
import { loadRuntime } from "../../../gpu-service/src/load.ts";
import { endId } from "../support/byte-tokenizer.ts";
import { loadOptions } from "../support/load-options.ts";
import { writeRandomCheckpoint } from "../support/random-checkpoint.ts";
import { ask } from "../support/service.ts";

const directory = writeRandomCheckpoint();
afterAll(() => rmSync(directory, { recursive: true }));

type Done = Extract<GenerateEvent, { type: "done" }>;

/**
 * Runs the engine on the checkpoint with this generation_config.json. `reply` takes sampling and gives the reply's last
 * event.
 */
async function withGeneration(
  generation: object,
  use: (reply: (sampling?: object) => Promise<Done>) => Promise<void>,
): Promise<void> {
  writeFileSync(join(directory, "generation_config.json"), JSON.stringify(generation));
  const runtime = await loadRuntime(loadOptions(directory));
  const model = runtime.model as Model;
  const scheduler = new Scheduler(model, model.allocateCache(3, 256), {
    rowsMax: 1,
    prefillTokens: 64,
    backgroundShare: 0.5,
  });
  const running = scheduler.run();
  const requests = new Requests(runtime, scheduler, new AdapterCache(1e6), 256);
  let lastId = 0;
  const reply = (sampling: object = {}) => {
    const request = generateRequestSchema.parse({
      tenant: "t",
      ...ask("hello"),
      sampling: { max_tokens: 24, seed: 1, ...sampling },
    });
    return new Promise<Done>((resolve, reject) => {
      requests.generate(++lastId, request, null, {
        event: (event) => event.type === "done" && resolve(event),
        fail: reject,
      });
    });
  };
  try {
    await use(reply);
  } finally {
    scheduler.stop();
    await running;
    await model.dispose();
  }
}

/** The greedy reply under a penalty that the request alone sets. */
async function greedyText(repetition_penalty = 1): Promise<string> {
  let text = "";
  await withGeneration({}, async (reply) => {
    text = (await reply({ repetition_penalty })).text;
  });
  return text;
}

it("samples as the checkpoint says, except for what the request sets", async () => {
  const plain = await greedyText();
  const penalised = await greedyText(1.5);
  expect(penalised).not.toBe(plain);
  const generation = { do_sample: true, temperature: 1.5, top_k: 40, repetition_penalty: 1.5 };
  await withGeneration(generation, async (reply) => {
    const drawn = [await reply(), await reply({ seed: 2 })];
    expect(drawn[0]!.text).not.toBe(drawn[1]!.text);
    expect((await reply()).text).toBe(drawn[0]!.text);
    // Temperature 0 is greedy; the checkpoint's other settings still apply.
    for (const seed of [1, 2]) {
      expect((await reply({ seed, temperature: 0 })).text).toBe(penalised);
      expect((await reply({ seed, top_k: 1 })).text).toBe(penalised);
      expect((await reply({ seed, min_p: 1 })).text).toBe(penalised);
    }
    expect((await reply({ temperature: 0, repetition_penalty: 1 })).text).toBe(plain);
  });
});

it("is greedy under do_sample false, with its penalty, until a request gives a temperature", async () => {
  const penalised = await greedyText(1.5);
  const generation = { do_sample: false, temperature: 1.5, top_k: 40, repetition_penalty: 1.5 };
  await withGeneration(generation, async (reply) => {
    for (const seed of [1, 2]) expect((await reply({ seed })).text).toBe(penalised);
    const drawn = [await reply({ temperature: 1.5 }), await reply({ temperature: 1.5, seed: 2 })];
    expect(drawn[0]!.text).not.toBe(drawn[1]!.text);
  });
});

it("ends a reply at any token of the checkpoint's list", async () => {
  let first = "";
  await withGeneration({}, async (reply) => {
    const { text, finish_reason } = await reply({ max_tokens: 1 });
    expect(finish_reason).toBe("length");
    first = text;
  });
  // The byte tokenizer's ids are the bytes.
  const ends = [endId, new TextEncoder().encode(first)[0]];
  await withGeneration({ eos_token_id: ends }, async (reply) => {
    expect(await reply()).toMatchObject({
      text: "",
      finish_reason: "stop",
      usage: { completion_tokens: 1 },
    });
  });
});

it("never chooses suppressed tokens, and ends at the checkpoint's stop strings", async () => {
  const plain = await greedyText();
  const first = new TextEncoder().encode(plain)[0]!;
  await withGeneration({ suppress_tokens: [first] }, async (reply) => {
    const { text } = await reply();
    expect(text).not.toBe("");
    expect([...new TextEncoder().encode(text)]).not.toContain(first);
    // A request cannot allow it again.
    const { text: biased } = await reply({ logit_bias: { [first]: 100 } });
    expect([...new TextEncoder().encode(biased)]).not.toContain(first);
  });
  const end = plain.slice(4, 6);
  const cut = plain.slice(0, plain.indexOf(end));
  for (const stop_strings of [end, [end, "never said"]])
    await withGeneration({ stop_strings }, async (reply) => {
      expect(await reply()).toMatchObject({ text: cut, finish_reason: "stop" });
      expect(await reply({ stop: ["also never"] })).toMatchObject({ text: cut });
    });
});
