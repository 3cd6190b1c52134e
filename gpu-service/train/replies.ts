/** Replies of a model to many prompts at once, greedy or drawn, for measuring the model. */
import { type Draws, evenDraws } from "../src/engine/batch/draws.ts";
import { drawToken } from "../src/engine/batch/sampling.ts";
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

/** `count` replies to each prompt, one after the other, drawn at temperature 1 as `POST /v1/sample` draws them. */
export function drawReplies(
  model: LanguageModel,
  prompts: readonly (readonly number[])[],
  tokensMax: number,
  { count, seed }: { count: number; seed: number },
): Promise<number[][]> {
  const repeated = prompts.flatMap((prompt) => Array<readonly number[]>(count).fill(prompt));
  return replyToAll(model, repeated, tokensMax, (at) =>
    evenDraws(seed + Math.floor(at / count), at % count, count),
  );
}

async function replyToAll(
  model: LanguageModel,
  prompts: readonly (readonly number[])[],
  tokensMax: number,
  drawsOf: ((prompt: number) => Draws) | null,
): Promise<number[][]> {
  const isDrawn = drawsOf !== null;
  const longest = Math.max(...prompts.map((prompt) => prompt.length));
  const cache = model.allocateCache(slots, longest + tokensMax);
  const replies: number[][] = [];
  for (let first = 0; first < prompts.length; first += slots) {
    const group = prompts.slice(first, first + slots);
    replies.push(
      ...(await replyTogether(
        group,
        group.map((_, i) => drawsOf?.(first + i) ?? null),
      )),
    );
  }
  cache.dispose();
  return replies;

  async function replyTogether(
    group: readonly (readonly number[])[],
    draws: readonly (Draws | null)[],
  ): Promise<number[][]> {
    const rows = group.length;
    const next = new Int32Array(rows);
    for (const [row, prompt] of group.entries()) {
      const step = { rows: 1, length: prompt.length, past: Int32Array.of(0), firstSlot: row };
      const ids = Int32Array.from(prompt);
      const [token] = await model.step({ ...step, ids, cache, adapters: [null] }, isDrawn);
      next[row] = choose(token!, draws[row] ?? null);
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
      for (const [row, token] of (await model.step(step, isDrawn)).entries()) {
        next[row] = choose(token, draws[row] ?? null);
        past[row]!++;
      }
    }
    return out;
  }
}

/** The likeliest token, or the one that the draw decides. */
function choose({ best, logits_V }: NextToken, draws: Draws | null): number {
  if (draws === null) return best;
  const rules = { temperature: 1, top_k: 0, top_p: 1, min_p: 0 };
  const { id, ...left } = drawToken(logits_V!, rules, draws.next());
  draws.took(left);
  return id;
}
