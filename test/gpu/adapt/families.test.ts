/**
 * Corrections near and far on random models of five families. The reply, or its first eight tokens, is right within
 * four feedbacks, and the model's own samples stay near those of the base. For trained models: `npm run eval:weights`.
 */
import { adaptPlanDefaults } from "@rosa2/shared/protocol";
import { type Random, randomInt, seededRandom } from "@rosa2/shared/random";
import { expect, it } from "vitest";
import { type AdaptOutcome, adapt } from "../../../gpu-service/src/adapt/adapt.ts";
import { drawSamples } from "../../../gpu-service/src/adapt/probes.ts";
import { adaptable } from "../../../gpu-service/src/adaptable-model.ts";
import { Model } from "../../../gpu-service/src/engine/model/model.ts";
import {
  type AdapterWeights,
  finish,
  type TokenRow,
} from "../../../gpu-service/src/language-model.ts";
import { fixtureFolder } from "../compiler/golden.ts";
import { useOwnCache } from "../support/own-cache.ts";
import { greedyTokens, klOn } from "../support/policy.ts";

const families = ["llama", "qwen2", "qwen3", "mistral", "gemma"];
/** Log-probs of the corrections, from near to far (nats). */
const targets = [-2, -5, -10, -20, -32, -45];
const feedbacksMax = 4;
/** Corrections in which some tokens are unlikely. */
const temperature = 3;
const klMax = 0.25;

useOwnCache();

it(`learns 26 of 30 corrections within ${feedbacksMax} feedbacks at ${klMax} nats a token`, async () => {
  const ends: { name: string; S: number; isRight: boolean; kl: number; reason: string }[] = [];
  for (const name of families) {
    const model = await Model.load(fixtureFolder(name), { threads: 1 });
    const random = seededRandom(`corrections of ${name}`);
    const idsBy = (source: Random) => (length: number) =>
      Int32Array.from({ length }, () => randomInt(source, 3, model.shape.vocabSize));
    const ids = idsBy(random);
    const openingIds = idsBy(seededRandom(`openings of ${name}`));
    // The tokens of the openings do not matter to a random model.
    const tokenizer = {
      promptIds: () => openingIds(6),
      endIds: model.shape.eosIds,
      decode: (reply: readonly number[]) => reply.join(" "),
    };
    const subject = adaptable(model, tokenizer, { plan: {} });
    // Prompts that are not among the probes.
    const fresh = Array.from({ length: 6 }, () => ids(5));
    const options = { count: 40, tokensMax: 24, msMax: 60_000 };
    const samples = await finish(drawSamples(model, fresh, model.shape.eosIds, options));
    for (const target of targets) {
      const prompt = ids(6);
      const reply = await replyOf(model, prompt, random, target);
      const row: TokenRow = { prompt, reply, kind: "corrected", weight: 1 };
      const [first] = await model.score([row], null);
      let adapter: AdapterWeights | null = null;
      let isRight = false;
      let reason = "";
      for (let feedback = 0; feedback < feedbacksMax && !isRight; feedback++) {
        const outcome: AdaptOutcome = await finish(
          adapt(subject, [row], adaptPlanDefaults, adapter),
        );
        if (outcome.B) adapter = { digest: `${feedback}`, rank: outcome.rank, B: outcome.B };
        const length = Math.min(8, reply.length);
        const found = await greedyTokens(model, prompt, adapter, length);
        isRight = found.join() === reply.slice(0, length).join();
        reason = outcome.reason;
      }
      const S = first!.reduce((sum, value) => sum + value, 0);
      ends.push({ name, S, isRight, kl: await klOn(model, samples, adapter, null), reason });
    }
    await model.dispose();
  }
  const good = ends.filter(({ isRight, kl }) => isRight && kl <= klMax);
  expect(good.length, JSON.stringify(ends, null, 1)).toBeGreaterThanOrEqual(26);
  // Where a bound ended the update, the answer says how far it came and what another try would bring.
  for (const { isRight, reason } of ends) {
    expect(reason).toMatch(/log-prob went from .* to .* nats/);
    if (!isRight) expect(reason).toMatch(/goes on from there|would not bring it nearer/);
  }
}, 600_000);

/** A reply drawn at a high temperature. Its length follows from the log-prob that it may have. */
async function replyOf(
  model: Model,
  prompt: Int32Array,
  random: Random,
  target: number,
): Promise<Int32Array> {
  const cache = model.allocateCache(1, prompt.length + 64);
  const reply: number[] = [];
  let ids = prompt;
  for (let S = 0; S > target; ) {
    const past = Int32Array.of(prompt.length + reply.length - ids.length);
    const input = { ids, rows: 1, length: ids.length, past, cache, firstSlot: 0, adapters: [null] };
    const [next] = await model.step(input, true);
    const weights = next!.logits_V!.map((logit, id) =>
      // An end token cannot stand inside a reply.
      model.shape.eosIds.includes(id) ? 0 : Math.exp((logit - next!.peak) / temperature),
    );
    let left = random() * weights.reduce((sum, weight) => sum + weight, 0);
    const id = weights.findIndex((weight) => {
      left -= weight;
      return left < 0;
    });
    reply.push(id);
    S += next!.logits_V![id]! - next!.logZ;
    ids = Int32Array.of(id);
  }
  cache.dispose();
  return Int32Array.from(reply);
}
