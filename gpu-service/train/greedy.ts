/** Greedy replies of a model to many prompts at once; for measuring skills while training. */
import type { LanguageModel } from "../src/engine/model-types.ts";
import { argmax } from "../src/engine/sampling.ts";

const slots = 16;

/** The reply to each prompt, without its end token; at most `tokensMax` tokens. */
export async function replyGreedily(
  model: LanguageModel,
  prompts: readonly (readonly number[])[],
  tokensMax: number,
): Promise<number[][]> {
  const longest = Math.max(...prompts.map((prompt) => prompt.length));
  const cache = model.allocateCache(slots, longest + tokensMax);
  const replies: number[][] = [];
  for (let first = 0; first < prompts.length; first += slots) {
    replies.push(...(await replyTogether(prompts.slice(first, first + slots))));
  }
  cache.dispose();
  return replies;

  async function replyTogether(group: readonly (readonly number[])[]): Promise<number[][]> {
    const rows = group.length;
    const next = new Int32Array(rows);
    for (const [row, prompt] of group.entries()) {
      const logits = await model.step({
        ids: Int32Array.from(prompt),
        rows: 1,
        length: prompt.length,
        past: Int32Array.of(0),
        cache,
        firstSlot: row,
        adapters: [null],
      });
      next[row] = argmax(logits);
    }
    const past = Int32Array.from(group, (prompt) => prompt.length);
    const out: number[][] = group.map(() => []);
    const open = group.map(() => true);
    for (let made = 0; made < tokensMax; made++) {
      for (let row = 0; row < rows; row++) {
        if (model.shape.eosIds.includes(next[row]!)) open[row] = false;
        if (open[row]) out[row]!.push(next[row]!);
      }
      if (!open.some(Boolean)) break;
      const adapters = group.map(() => null);
      const logits = await model.step({
        ids: next,
        rows,
        length: 1,
        past,
        cache,
        firstSlot: 0,
        adapters,
      });
      const width = model.shape.vocabSize;
      for (let row = 0; row < rows; row++) {
        next[row] = argmax(logits.subarray(row * width, (row + 1) * width));
        past[row]!++;
      }
    }
    return out;
  }
}
