/** The scheduler on a real model: many sessions with their own adapters in one batch. */
import { randomNormal, seededRandom } from "@rosa2/shared/random";
import { describe, expect, it } from "vitest";
import { independentDraws } from "../../../gpu-service/src/engine/batch/draws.ts";
import { Reply } from "../../../gpu-service/src/engine/batch/reply.ts";
import { type PassReport, Scheduler } from "../../../gpu-service/src/engine/batch/scheduler.ts";
import type { Cache } from "../../../gpu-service/src/engine/model/cache.ts";
import { decodeMask } from "../../../gpu-service/src/engine/model/decode-mask.ts";
import type { Model } from "../../../gpu-service/src/engine/model/model.ts";
import type { AdapterWeights, KvCache } from "../../../gpu-service/src/language-model.ts";
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
  tenant?: string;
  content: string;
  adapter: AdapterWeights | null;
  temperature: number;
  tokensMax: number;
}

/** Runs the requests on a new scheduler, `rowsMax` at a time; ids of each reply, and the passes. */
async function serve(
  asks: Ask[],
  rowsMax: number,
  cache: KvCache = runtime().model.allocateCache(rowsMax + 2, 256),
) {
  const { model, tokenizer } = runtime();
  const passes: PassReport[] = [];
  const scheduler = new Scheduler(model, cache, {
    rowsMax,
    prefillTokens: 16,
    backgroundShare: 0.5,
  });
  const done = scheduler.run((pass) => passes.push(pass));
  const replies = asks.map(({ tenant = "t", content, adapter, temperature, tokensMax }, i) => {
    const { promise, resolve, reject } = Promise.withResolvers<number[]>();
    const ids: number[] = [];
    scheduler.add(
      {
        id: i,
        tenant,
        adapter,
        prompt: tokenizer.promptIds([{ role: "user", content }]),
        reply: new Reply(tokenizer, {
          sampling: samplingRules({ temperature }),
          draws: independentDraws(i),
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

  it("gives back the room of a long conversation when others have taken its place", async () => {
    const short = { content: "short", adapter: null, temperature: 0, tokensMax: 20 };
    const fresh = (await serve([short], 1)).ids[0];
    const cache = runtime().model.allocateCache(2, 256) as Cache;
    const rooms: number[] = [];
    const trim = cache.trim.bind(cache);
    cache.trim = (tokens) => {
      trim(tokens);
      rooms.push(cache.capacity);
    };
    const long = { ...short, tenant: "long", content: "z".repeat(180) };
    const others = ["a", "b", "c"].map((tenant) => ({ ...short, tenant }));
    const { ids } = await serve([{ ...short, tenant: "0" }, long, ...others], 1, cache);
    expect([ids[0], ...ids.slice(2)]).toEqual([fresh, fresh, fresh, fresh]);
    expect([rooms[0], Math.max(...rooms), rooms.at(-1)]).toEqual([64, 256, 64]);
  });

  it("computes several tokens of several rows at once as it does one by one", async () => {
    const { model } = runtime();
    const adapters = [randomAdapter("e", 4), null, randomAdapter("f", 8)];
    const past = Int32Array.of(9, 21, 14);
    const tokens = (seed: number, length: number) =>
      Int32Array.from({ length }, (_, i) => (seed * 31 + i * 17) % model.shape.vocabSize);
    const filled = async () => {
      const cache = model.allocateCache(3, 64);
      for (const [row, length] of past.entries()) {
        const ids = tokens(row, length);
        const prompt = { ids, rows: 1, length, past: Int32Array.of(0), firstSlot: row };
        await model.step({ ...prompt, cache, adapters: [adapters[row]!] }, false);
      }
      return cache;
    };
    const length = 4;
    const given = past.map((_, row) => row + 40);
    const rows = [...given].map((seed) => tokens(seed, length));
    const at = { rows: 3, firstSlot: 0, adapters };
    const cache = await filled();
    const ids = Int32Array.from(rows.flatMap((row) => [...row]));
    const ahead = await model.stepAhead!({ ...at, ids, length, past, cache }, true);
    const single = await filled();
    for (let step = 0; step <= length; step++) {
      // The last step reads what the step ahead wrote.
      const [one, two] = step < length ? [single, null] : [single, cache];
      const next = Int32Array.from(rows, (row) => row[step % length]!);
      const input = { ...at, ids: next, length: 1, past: past.map((cached) => cached + step) };
      const expected = await model.step({ ...input, cache: one! }, true);
      const found =
        two === null
          ? ahead.map((row) => row[step]!)
          : await model.step({ ...input, cache: two }, true);
      for (const [row, { best, logZ, logits_V }] of expected.entries()) {
        expect(found[row]!.best).toBe(best);
        // Sums in another order: a few units in the seventh digit.
        expect(found[row]!.logZ).toBeCloseTo(logZ, 4);
        for (const [id, logit] of logits_V!.entries())
          expect(Math.abs(logit - found[row]!.logits_V![id]!)).toBeLessThan(1e-4);
      }
    }
  }, 60_000);
});

describe("the mask of new tokens", () => {
  it.each([[null], [3], [1]])(
    "shows each token the positions up to itself, window %s",
    (window) => {
      const past = Int32Array.of(2, 5);
      const [capacity, length, heads] = [6, 3, 2];
      const { data, dims } = decodeMask(past, capacity, window, { length, heads });
      expect(dims).toEqual([2, 1, heads * length, capacity + length]);
      const shown = Array.from(data as Float32Array, (value) => value === 0);
      const expected = [...past].flatMap((cached) =>
        Array.from({ length: heads * length }, (_, at) => cached + (at % length)).flatMap((own) =>
          Array.from({ length: capacity + length }, (_, column) => {
            const isNew = column >= capacity;
            const position = isNew ? cached + column - capacity : column;
            const isThere = isNew || column < cached;
            return isThere && position <= own && (window === null || position > own - window);
          }),
        ),
      );
      expect(shown).toEqual(expected);
    },
  );
});
