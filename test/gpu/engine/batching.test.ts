/** The scheduler on a real model: many sessions with their own adapters in one batch. */
import { randomNormal, seededRandom } from "@rosa2/shared/random";
import { describe, expect, it } from "vitest";
import { Reply } from "../../../gpu-service/src/engine/batch/reply.ts";
import { type PassReport, Scheduler } from "../../../gpu-service/src/engine/batch/scheduler.ts";
import type { Model } from "../../../gpu-service/src/engine/model/model.ts";
import type { AdapterWeights } from "../../../gpu-service/src/language-model.ts";
import { samplingRules } from "../support/greedy.ts";
import { randomRuntime } from "../support/random-runtime.ts";

const runtime = randomRuntime();

function randomAdapter(name: string, rank: number): AdapterWeights {
  const random = seededRandom(name);
  const length = (runtime().model as Model).adapterLength(rank);
  return {
    digest: name,
    rank,
    B: Float32Array.from({ length }, () => 0.3 * randomNormal(random)),
  };
}

interface Ask {
  content: string;
  adapter: AdapterWeights | null;
  temperature: number;
  tokensMax: number;
}

/** Runs the requests on a new scheduler, `rowsMax` at a time; ids of each reply, and the passes. */
async function serve(asks: Ask[], rowsMax: number) {
  const { model, tokenizer } = runtime();
  const passes: PassReport[] = [];
  const scheduler = new Scheduler(model, model.allocateCache(rowsMax + 2, 256), {
    rowsMax,
    prefillTokens: 16,
    backgroundShare: 0.5,
  });
  const done = scheduler.run((pass) => passes.push(pass));
  const replies = asks.map(({ content, adapter, temperature, tokensMax }, i) => {
    const { promise, resolve, reject } = Promise.withResolvers<number[]>();
    const ids: number[] = [];
    scheduler.add(
      {
        id: i,
        tenant: "t",
        adapter,
        prompt: tokenizer.promptIds([{ role: "user", content }]),
        reply: new Reply(tokenizer, {
          sampling: samplingRules({ temperature }),
          seed: i,
          eosIds: model.shape.eosIds,
          tokensMax,
        }),
      },
      {
        piece: ({ id }) => ids.push(id),
        finish: () => resolve(ids),
        fail: reject,
      },
    );
    return promise;
  });
  const ids = await Promise.all(replies);
  scheduler.stop();
  await done;
  return { ids, passes };
}

describe("a batch of sessions on a real model", () => {
  it("gives every session what it gets alone: adapters of several ranks, unequal lengths, sampling", async () => {
    const adapters = [null, randomAdapter("a", 4), randomAdapter("b", 8), randomAdapter("c", 2)];
    const asks: Ask[] = Array.from({ length: 10 }, (_, i) => ({
      content: `request ${"x".repeat(5 * i)}`,
      adapter: adapters[i % 4] as AdapterWeights | null,
      temperature: i < 5 ? 0 : 0.7,
      tokensMax: 8 + 4 * i,
    }));
    const alone: number[][] = [];
    for (const [i, one] of asks.entries()) {
      // The same place in the list has the same seed.
      const before = asks.slice(0, i).map((other) => ({ ...other, tokensMax: 1 }));
      alone.push((await serve([...before, one], 1)).ids[i] as number[]);
    }
    const { ids, passes } = await serve(asks, 6);
    expect(ids).toEqual(alone);
    expect(Math.max(...passes.map(({ rows }) => rows))).toBe(6);
    // Adapters matter: the same request gets another reply under each.
    const same = adapters.map((adapter) => ({
      content: "same",
      adapter,
      temperature: 0,
      tokensMax: 20,
    }));
    const texts = (await serve(same, 4)).ids.map((reply) => reply.join());
    expect(new Set(texts).size).toBe(4);
  }, 60_000);

  it("gives the base model's rows in a batch what they get alone, also once adapters were used", async () => {
    const asks: Ask[] = Array.from({ length: 6 }, (_, i) => ({
      content: `base ${"y".repeat(7 * i)}`,
      adapter: null,
      temperature: 0,
      tokensMax: 24,
    }));
    const alone: number[][] = [];
    for (const ask of asks) alone.push(...(await serve([ask], 1)).ids);
    await serve([{ ...asks[0]!, adapter: randomAdapter("d", 4) }], 1);
    for (let round = 0; round < 5; round++) expect((await serve(asks, 6)).ids).toEqual(alone);
  }, 60_000);
});
