/** Replies of a model to many prompts at once, greedy or drawn, for measuring the model. */
import type { Random } from "@rosa2/shared/random";
import type { LanguageModel, NextToken } from "../src/language-model.ts";

const slots = 16;

/** The reply to each prompt, without its end token; at most `tokensMax` tokens. */
export function replyGreedily(
  model: LanguageModel,
  prompts: readonly (readonly number[])[],
  tokensMax: number,
): Promise<number[][]> {
  return replyToAll(model, prompts, tokensMax, null);
}

/** A reply to each prompt drawn at temperature 1. */
export function drawReplies(
  model: LanguageModel,
  prompts: readonly (readonly number[])[],
  tokensMax: number,
  random: Random,
): Promise<number[][]> {
  return replyToAll(model, prompts, tokensMax, random);
}

async function replyToAll(
  model: LanguageModel,
  prompts: readonly (readonly number[])[],
  tokensMax: number,
  random: Random | null,
): Promise<number[][]> {
  const choose = (next: NextToken) => (random === null ? next.best : draw(next, random()));
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
      const [token] = await model.step({ ...step, ids, cache, adapters: [null] }, random !== null);
      next[row] = choose(token!);
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
      for (const [row, token] of (await model.step(step, random !== null)).entries()) {
        next[row] = choose(token);
        past[row]!++;
      }
    }
    return out;
  }
}

/** The token where the cumulative distribution reaches `u`. */
function draw({ best, logits_V, logZ }: NextToken, u: number): number {
  let left = u;
  for (const [id, logit] of logits_V!.entries()) {
    left -= Math.exp(logit - logZ);
    if (left < 0) return id;
  }
  return best;
}
