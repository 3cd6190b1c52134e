/** Generation and scoring against PyTorch's figures of the same checkpoints (../fixtures/README.md). */
import { randomNormal, seededRandom } from "@rosa2/shared/random";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { Model } from "../../../gpu-service/src/engine/model/model.ts";
import type {
  AdapterWeights,
  KvCache,
  NextToken,
} from "../../../gpu-service/src/language-model.ts";
import { nextToken } from "../support/next-token.ts";
import {
  fixtureFolder,
  fixtureNames,
  type Golden,
  largestDifference,
  loadGolden,
} from "./golden.ts";

/** fp32 differs from fp64 by up to 2.7e-5 on these models. The rest of the tolerance allows another order of summation. */
const logitTolerance = 1e-4;
const tokensMax = 64;

function argmax(logits: Float32Array): number {
  return logits.reduce((best, value, id) => (value > logits[best]! ? id : best), 0);
}

describe.each(fixtureNames)("%s", (name) => {
  let golden: Golden;
  let caches: KvCache[];
  beforeAll(async () => {
    golden = await loadGolden(name);
    caches = [];
  });
  afterAll(async () => {
    for (const cache of caches) cache.dispose();
    await golden.model.dispose();
  });

  const allocate = (slots: number, tokens = tokensMax): KvCache => {
    const cache = golden.model.allocateCache(slots, tokens);
    caches.push(cache);
    return cache;
  };

  /** Logits after the prompt, fed in chunks of `chunk` tokens into `slot`. */
  const prefill = async (
    cache: KvCache,
    slot: number,
    prompt: number[],
    adapter: AdapterWeights | null = null,
    chunk = prompt.length,
    past = 0,
  ): Promise<Float32Array> => {
    let logits: Float32Array | undefined;
    for (let at = past; at < prompt.length; at += chunk) {
      const ids = Int32Array.from(prompt.slice(at, at + chunk));
      const step = { ids, rows: 1, length: ids.length, past: Int32Array.of(at), firstSlot: slot };
      const [next] = await golden.model.step({ ...step, cache, adapters: [adapter] }, true);
      logits = next!.logits_V!;
    }
    return logits!;
  };

  /** 32 greedy tokens of every prompt, decoded in one batch of unequal lengths, each row with an adapter or none. */
  const continueGreedily = async (adapters: (AdapterWeights | null)[]): Promise<number[][]> => {
    const { prompts, model } = golden;
    const cache = allocate(prompts.length);
    const replies: number[][] = [];
    for (const [slot, prompt] of prompts.entries())
      replies.push([argmax(await prefill(cache, slot, prompt, adapters[slot]!))]);
    for (let token = 1; token < 32; token++) {
      const step = {
        ids: Int32Array.from(replies, (reply) => reply.at(-1)!),
        rows: prompts.length,
        length: 1,
        past: Int32Array.from(prompts, (prompt) => prompt.length + token - 1),
        cache,
        firstSlot: 0,
        adapters,
      };
      const next = await model.step(step, false);
      for (const [row, reply] of replies.entries()) reply.push(next[row]!.best);
    }
    return replies;
  };

  it("gives PyTorch's logits after each prompt", async () => {
    const cache = allocate(1);
    for (const [index, prompt] of golden.prompts.entries()) {
      const logits = await prefill(cache, 0, prompt);
      expect(largestDifference(logits, golden.base.lastLogits[index]!)).toBeLessThan(
        logitTolerance,
      );
    }
  });

  it("gives PyTorch's logits with the adapter", async () => {
    const cache = allocate(1);
    for (const [index, prompt] of golden.prompts.entries()) {
      const logits = await prefill(cache, 0, prompt, golden.adapter);
      expect(largestDifference(logits, golden.adapted.lastLogits[index]!)).toBeLessThan(
        logitTolerance,
      );
    }
  });

  it("gives PyTorch's logits at every position, one token at a time", async () => {
    const cache = allocate(1);
    const V = golden.model.shape.vocabSize;
    const [prompt] = golden.prompts;
    for (let past = 0; past < prompt!.length; past++) {
      const logits = await prefill(cache, 0, prompt!.slice(0, past + 1), null, 1, past);
      const expected = golden.base.allLogits.flat().slice(past * V, (past + 1) * V);
      expect(largestDifference(logits, expected)).toBeLessThan(logitTolerance);
    }
  });

  it.each([1, 2, 5, 7, 16])(
    "gives the same logits from a prompt in chunks of %i",
    async (chunk) => {
      const cache = allocate(1);
      const logits = await prefill(cache, 0, golden.prompts[2]!, null, chunk);
      expect(largestDifference(logits, golden.base.lastLogits[2]!)).toBeLessThan(logitTolerance);
    },
  );

  it("gives PyTorch's logits after a prompt that almost fills the context", async () => {
    const { prompt, lastLogits } = golden.long;
    const logits = await prefill(allocate(1, 256), 0, prompt, null, 100);
    // PyTorch's own fp32 is up to 9e-5 away from these fp64 figures.
    expect(largestDifference(logits, lastLogits)).toBeLessThan(2 * logitTolerance);
  });

  it("gives PyTorch's logits while decoding makes the cache grow twice, one row behind the other", async () => {
    const { tokens, positions, logits } = golden.decode;
    const starts = [40, 28];
    const cache = allocate(starts.length, 256);
    for (const [slot, start] of starts.entries())
      await prefill(cache, slot, tokens.slice(0, start));
    let compared = 0;
    for (let step = 0; starts[0]! + step < tokens.length; step++) {
      const past = Int32Array.from(starts, (start) => start + step);
      const ids = past.map((position) => tokens[position]!);
      const rows = { rows: starts.length, length: 1, past, firstSlot: 0, adapters: [null, null] };
      const next = await golden.model.step({ ids, ...rows, cache }, true);
      for (const [row, position] of past.entries()) {
        const expected = logits[positions.indexOf(position)];
        if (!expected) continue;
        compared++;
        // PyTorch's own fp32 is up to 6e-5 away from these fp64 figures.
        expect(largestDifference(next[row]!.logits_V!, expected)).toBeLessThan(2 * logitTolerance);
      }
    }
    expect(compared).toBe(positions.length + positions.filter((p) => p < 128).length);
  });

  it("continues 32 tokens as PyTorch does, in one batch of unequal lengths", async () => {
    expect(await continueGreedily([null, null, null, null])).toEqual(golden.base.greedy);
  });

  it("continues each row under its own adapter", async () => {
    const { base, adapted, adapter } = golden;
    expect(await continueGreedily([adapter, adapter, adapter, adapter])).toEqual(adapted.greedy);
    expect(await continueGreedily([null, adapter, adapter, null])).toEqual([
      base.greedy[0],
      adapted.greedy[1],
      adapted.greedy[2],
      base.greedy[3],
    ]);
  });

  it("gives rows whose adapters differ in rank the logits that each has alone", async () => {
    // A model of its own, because A must be the seeded one: a smaller rank uses its first rows.
    const model = await Model.load(fixtureFolder(name), { threads: 1 });
    const adapters = [5, 2, 8].map((rank): AdapterWeights => {
      const random = seededRandom(`ranks/${rank}`);
      const length = model.adapterLength(rank);
      const B = Float32Array.from({ length }, () => 0.3 * randomNormal(random));
      return { digest: `rank ${rank}`, rank, B };
    });
    const logitsOf = async (cache: KvCache, firstSlot: number, rows: AdapterWeights[]) => {
      const step = {
        ids: new Int32Array(rows.length).fill(7),
        rows: rows.length,
        length: 1,
        past: new Int32Array(rows.length),
        cache,
        firstSlot,
        adapters: rows,
      };
      return (await model.step(step, true)).map(({ logits_V }) => logits_V!);
    };
    const cache = model.allocateCache(3, tokensMax);
    const together = await logitsOf(cache, 0, adapters);
    for (const [row, adapter] of adapters.entries()) {
      const [alone] = await logitsOf(cache, row, [adapter]);
      const own = together[row]!;
      expect(largestDifference(own, alone!)).toBeLessThan(logitTolerance);
      expect(largestDifference(own, together[0]!)).toSatisfy((difference: number) =>
        row === 0 ? difference === 0 : difference > 0.1,
      );
    }
    cache.dispose();
    await model.dispose();
  });

  it("continues from a copied slot like from its own prefill, whatever the slot held before", async () => {
    const cache = allocate(3);
    const prompt = golden.prompts[2]!;
    await prefill(cache, 2, golden.prompts[1]!);
    await prefill(cache, 0, prompt.slice(0, 9));
    cache.copySlot(0, 2, 9);
    await prefill(cache, 0, golden.prompts[1]!);
    const logits = await prefill(cache, 2, prompt, null, prompt.length, 9);
    expect(largestDifference(logits, golden.base.lastLogits[2]!)).toBeLessThan(logitTolerance);
  });

  it("scores replies as PyTorch does, rows of unequal lengths in one batch", async () => {
    const { model, rows, base, adapted, adapter } = golden;
    for (const [outputs, weights] of [
      [base, null],
      [adapted, adapter],
    ] as const) {
      const scores = await model.score(rows, weights);
      expect(scores).toHaveLength(rows.length);
      for (const [row, score] of scores.entries())
        expect(largestDifference(score, outputs.tokenLogprobs[row]!)).toBeLessThan(logitTolerance);
    }
  });

  it("generates with the log-probs that it scores", async () => {
    const { model, prompts, base, adapter } = golden;
    const reply = Int32Array.from(base.greedy[1]!);
    const prompt = Int32Array.from(prompts[1]!);
    const [scored] = await model.score([{ prompt, reply }], adapter);
    const cache = allocate(1);
    let next = nextToken(await prefill(cache, 0, prompts[1]!, adapter));
    for (const [index, token] of reply.entries()) {
      const difference = next.logits_V![token]! - next.logZ - scored![index]!;
      expect(Math.abs(difference)).toBeLessThan(logitTolerance);
      const step = { rows: 1, length: 1, past: Int32Array.of(prompt.length + index), firstSlot: 0 };
      const ids = Int32Array.of(token);
      [next] = (await model.step({ ...step, ids, cache, adapters: [adapter] }, true)) as [
        NextToken,
      ];
      expect(next.peak).toBe(next.logits_V![next.best]);
    }
  });
});
