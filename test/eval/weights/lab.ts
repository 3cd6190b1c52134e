/** What the figures on weights need from a model: its replies, its update, and KL measured independently of the update. */

import { type AdaptPlan, adaptPlanDefaults, type Message } from "@rosa2/shared/protocol";
import {
  type AdaptableModel,
  type AdaptOutcome,
  adapt,
} from "../../../gpu-service/src/adapt/adapt.ts";
import { loadAnchors } from "../../../gpu-service/src/adapt/anchors.ts";
import { drawSamples } from "../../../gpu-service/src/adapt/probes.ts";
import { adaptable } from "../../../gpu-service/src/adaptable-model.ts";
import { readModelSettings } from "../../../gpu-service/src/checkpoint/model-settings.ts";
import { Model } from "../../../gpu-service/src/engine/model/model.ts";
import {
  type AdapterWeights,
  finish,
  type ScoreRow,
  type TokenRow,
} from "../../../gpu-service/src/language-model.ts";
import { ChatTokenizer } from "../../../gpu-service/src/tokenizer/tokenizer.ts";

export class Lab {
  readonly model: Model;
  readonly tokenizer: ChatTokenizer;
  readonly subject: AdaptableModel;
  readonly plan: AdaptPlan;

  private constructor(
    model: Model,
    tokenizer: ChatTokenizer,
    subject: AdaptableModel,
    plan: AdaptPlan,
  ) {
    this.model = model;
    this.tokenizer = tokenizer;
    this.subject = subject;
    this.plan = plan;
  }

  /** `threads` of one run; the machine's cores by default. */
  static async open(directory: string, threads?: number): Promise<Lab> {
    const model = await Model.load(directory, threads === undefined ? {} : { threads });
    const tokenizer = ChatTokenizer.load(directory, model.shape.eosIds);
    const settings = readModelSettings(directory);
    const anchors = await loadAnchors(directory, model, threads);
    const subject = adaptable(model, tokenizer, settings, { anchors, threads });
    return new Lab(model, tokenizer, subject, { ...adaptPlanDefaults, ...settings.plan });
  }

  row(request: string, reply: string, kind: TokenRow["kind"] = "corrected", weight = 1): TokenRow {
    const prompt = this.prompt(request);
    return { prompt, reply: this.tokenizer.replyIds(reply), kind, weight };
  }

  prompt(request: string): Int32Array {
    return this.tokenizer.promptIds([{ role: "user", content: request }]);
  }

  /** The greedy reply's text. */
  async reply(
    messages: readonly Message[],
    adapter: AdapterWeights | null,
    tokensMax: number,
  ): Promise<string> {
    const ids = await this.greedy(this.tokenizer.promptIds(messages), adapter, tokensMax);
    const isEnded = this.tokenizer.endIds.includes(ids.at(-1)!);
    return this.tokenizer.decode(isEnded ? ids.slice(0, -1) : ids).trim();
  }

  async update(
    rows: readonly TokenRow[],
    parent: AdapterWeights | null,
  ): Promise<{ outcome: AdaptOutcome; adapter: AdapterWeights | null; ms: number }> {
    const begin = performance.now();
    const outcome = await finish(adapt(this.subject, rows, this.plan, parent));
    const ms = performance.now() - begin;
    const adapter = outcome.B
      ? { digest: `${Math.random()}`, rank: outcome.rank, B: outcome.B }
      : parent;
    return { outcome, adapter, ms };
  }

  /** Greedy tokens, the end token included where it comes. */
  async greedy(
    prompt: Int32Array,
    adapter: AdapterWeights | null,
    tokensMax = 40,
  ): Promise<number[]> {
    const cache = this.model.allocateCache(1, prompt.length + tokensMax);
    const found: number[] = [];
    let ids = prompt;
    while (found.length < tokensMax) {
      const past = Int32Array.of(prompt.length + found.length - ids.length);
      const input = { ids, rows: 1, length: ids.length, past, cache, firstSlot: 0 };
      const [next] = await this.model.step({ ...input, adapters: [adapter] }, false);
      found.push(next!.best);
      if (this.tokenizer.endIds.includes(next!.best)) break;
      ids = Int32Array.of(next!.best);
    }
    cache.dispose();
    return found;
  }

  /** The model's samples (under an adapter: the new model's own), none of them a probe. */
  async samples(
    requests: readonly string[],
    tokens: number,
    adapter: AdapterWeights | null = null,
  ): Promise<ScoreRow[]> {
    const { model } = this;
    const under = {
      shape: model.shape,
      allocateCache: model.allocateCache.bind(model),
      step: (input: Parameters<Model["step"]>[0], needs: boolean) =>
        model.step({ ...input, adapters: [adapter] }, needs),
    };
    const prompts = requests.map((request) => this.prompt(request));
    const found: ScoreRow[] = [];
    for (let left = tokens; left > 0; ) {
      const start = found.length % prompts.length;
      const turned = [...prompts.slice(start), ...prompts.slice(0, start)];
      const options = { count: 64, tokensMax: 32, msMax: 300_000, after: found.length };
      const drawn = await finish(drawSamples(under, turned, this.tokenizer.endIds, options));
      for (const row of drawn) {
        if (left <= 0) break;
        left -= row.reply.length;
        found.push(row);
      }
    }
    return found;
  }

  /** Mean KL(adapter ‖ base) in nats a token on given samples. */
  async kl(
    rows: readonly ScoreRow[],
    adapter: AdapterWeights | null,
    base: AdapterWeights | null = null,
  ) {
    const [h, hBase] = [
      await finish(this.model.hiddenStates(rows, adapter)),
      await finish(this.model.hiddenStates(rows, base)),
    ];
    const values = await finish(this.model.divergence(h, hBase));
    return values.reduce((sum, value) => sum + value, 0) / values.length;
  }
}

/** Share of 3-grams that two replies of a list share, over all pairs. */
export function sharedTrigrams(replies: readonly (readonly number[])[]): number {
  const grams = replies.map(
    (reply) => new Set(reply.slice(2).map((_, i) => reply.slice(i, i + 3).join(" "))),
  );
  let shared = 0;
  let pairs = 0;
  grams.forEach((a, i) => {
    for (const b of grams.slice(i + 1)) {
      if (a.size === 0 || b.size === 0) continue;
      const common = [...a].filter((gram) => b.has(gram)).length;
      shared += common / Math.min(a.size, b.size);
      pairs++;
    }
  });
  return shared / Math.max(1, pairs);
}
