/** A policy without updates: its greedy tokens, and its KL from another one on given samples. */
import type { Model } from "../../../gpu-service/src/engine/model/model.ts";
import {
  type AdapterWeights,
  finish,
  type ScoreRow,
} from "../../../gpu-service/src/language-model.ts";

/** The greedy reply's first tokens, with its end token if that comes. */
export async function greedyTokens(
  model: Model,
  prompt: Int32Array,
  adapter: AdapterWeights | null,
  tokensMax: number,
): Promise<number[]> {
  const cache = model.allocateCache(1, prompt.length + tokensMax);
  const found: number[] = [];
  let ids = prompt;
  while (found.length < tokensMax && !model.shape.eosIds.includes(found.at(-1) ?? -1)) {
    const past = Int32Array.of(prompt.length + found.length - ids.length);
    const input = { ids, rows: 1, length: ids.length, past, cache, firstSlot: 0 };
    const [next] = await model.step({ ...input, adapters: [adapter] }, false);
    found.push(next!.best);
    ids = Int32Array.of(next!.best);
  }
  cache.dispose();
  return found;
}

/** Mean KL(policy ‖ other) in nats a token. */
export async function klOn(
  model: Model,
  rows: readonly ScoreRow[],
  policy: AdapterWeights | null,
  other: AdapterWeights | null,
): Promise<number> {
  const h = await finish(model.hiddenStates(rows, policy));
  const values = await finish(model.divergence(h, await finish(model.hiddenStates(rows, other))));
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}
