/** Greedy replies of a model to many prompts at once; for measuring skills while training. */
import type { LanguageModel } from "../src/language-model.ts";

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
      const step = { rows: 1, length: prompt.length, past: Int32Array.of(0), firstSlot: row };
      const ids = Int32Array.from(prompt);
      const [token] = await model.step({ ...step, ids, cache, adapters: [null] }, false);
      next[row] = token!.best;
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
      const step = { ids: next, rows, length: 1, past, cache, firstSlot: 0, adapters };
      for (const [row, { best }] of (await model.step(step, false)).entries()) {
        next[row] = best;
        past[row]!++;
      }
    }
    return out;
  }
}
