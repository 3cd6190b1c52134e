/**
 * Many updates in a row on a seeded random model. The session stays within its bound, each new correction is learnt,
 * and the base model does not change.
 */
import { rmSync } from "node:fs";
import { confidenceOf } from "@rosa2/shared/objective";
import { adaptPlanDefaults } from "@rosa2/shared/protocol";
import { randomInt, seededRandom } from "@rosa2/shared/random";
import { decide } from "@rosa2/shared/schedule";
import { afterAll, describe, expect, it } from "vitest";
import { type AdaptOutcome, adapt } from "../../../gpu-service/src/adapt/adapt.ts";
import { drawSamples } from "../../../gpu-service/src/adapt/probes.ts";
import { adaptable } from "../../../gpu-service/src/adaptable-model.ts";
import { Model } from "../../../gpu-service/src/engine/model/model.ts";
import {
  type AdapterWeights,
  finish,
  type TokenRow,
} from "../../../gpu-service/src/language-model.ts";
import { ChatTokenizer } from "../../../gpu-service/src/tokenizer/tokenizer.ts";
import { useOwnCache } from "../support/own-cache.ts";
import { greedyTokens, klOn } from "../support/policy.ts";
import { writeRandomCheckpoint } from "../support/random-checkpoint.ts";

const directory = writeRandomCheckpoint();
const model = await Model.load(directory, { threads: 1 });
const tokenizer = ChatTokenizer.load(directory, model.shape.eosIds);
useOwnCache();
afterAll(async () => {
  await model.dispose();
  rmSync(directory, { recursive: true });
});

const subject = adaptable(model, tokenizer, { plan: {} });
const random = seededRandom("a session");
const text = (length: number) =>
  String.fromCharCode(...Array.from({ length }, () => randomInt(random, 97, 123)));
const prompt = (content: string) => tokenizer.promptIds([{ role: "user", content }]);
/** Requests that no probe has seen. */
const openings = [
  "What should I cook tonight?",
  "Name a colour.",
  "How far is the moon?",
  "Sum up the news of today.",
  "Is it going to rain?",
  "Give my cat a name.",
  "Who wrote Hamlet?",
  "Translate good night into French.",
  "Count from one to ten.",
  "Why do birds sing?",
  "Make me laugh.",
  "Plan a day in Rome.",
].map(prompt);
const row = (request: string, reply: string, kind: TokenRow["kind"]): TokenRow => ({
  ...tokenizer.exampleIds([{ role: "user", content: request }], reply),
  kind,
  weight: 1,
});

/** The model's own replies to these requests. */
const ownSamples = (count = 48) =>
  finish(drawSamples(model, openings, tokenizer.endIds, { count, tokensMax: 24, msMax: 60_000 }));

/** Fewer steps an update than by default, so that the test is quick. */
const plan = { ...adaptPlanDefaults, iterations: 3 };

/** One update after the other. Each replays the last few examples, as a session does. */
async function learn(rows: readonly TokenRow[], parent: AdapterWeights | null = null) {
  let adapter = parent;
  const outcomes: AdaptOutcome[] = [];
  for (const at of rows.keys()) {
    const some = rows.slice(Math.max(0, at - 1), at + 1);
    const outcome = await finish(adapt(subject, some, plan, adapter));
    if (outcome.B) adapter = { digest: `${at}`, rank: outcome.rank, B: outcome.B };
    outcomes.push(outcome);
  }
  return { adapter, outcomes };
}

describe("a session of many corrections", () => {
  const last = () => row("the fifty-first", "ok yes", "corrected");

  for (const kind of ["poisoned", "honest"]) {
    it(`stays within its bound after fifty ${kind} ones, and the next one is learnt`, async () => {
      const rows = Array.from({ length: 50 }, () =>
        row(text(6), kind === "poisoned" ? "no no no" : text(5), "corrected"),
      );
      const { adapter, outcomes } = await learn(rows);
      const bound = adaptPlanDefaults.kl_base_max;
      for (const { kl_base } of outcomes) expect(kl_base).toBeLessThanOrEqual(bound);
      expect(await klOn(model, await ownSamples(), adapter, null)).toBeLessThan(bound);
      const { outcomes: next } = await learn([last()], adapter);
      const { logprob_before, logprob_after } = next[0]!.rows.at(-1)!;
      expect(next[0]!.decision).toBe("updated");
      expect(logprob_after).toBeGreaterThan(logprob_before + 2);
    }, 600_000);
  }

  it("leaves the base model's replies as they were, to the digit", async () => {
    const asked = openings.slice(0, 6);
    const replies = async () => {
      const found: number[][] = [];
      for (const ids of asked) found.push(await greedyTokens(model, ids, null, 24));
      const rows = asked.map((ids, at) => ({ prompt: ids, reply: Int32Array.from(found[at]!) }));
      return { found, logprobs: await model.score(rows, null) };
    };
    const base = await replies();
    const { adapter } = await learn([row("one", "two three", "corrected")]);
    expect(adapter).not.toBeNull();
    expect(await replies()).toEqual(base);
  });
});

describe("praise of replies of forty tokens", () => {
  it("makes no update, and holds the replies where a correction follows", async () => {
    const samples = await ownSamples();
    const praised: TokenRow[] = [];
    for (const ids of openings.slice(0, 5)) {
      const reply = Int32Array.from(await greedyTokens(model, ids, null, 40));
      const [logprobs] = await model.score([{ prompt: ids, reply }], null);
      const S = logprobs!.reduce((sum, value) => sum + value, 0);
      const { row: learned } = decide({
        ...{ mode: "both", reward: 1, corrected: false, spoken: false, wordsChanged: false },
        ...{ hinted: false, share: 1, attempt: 1, updates: 0, owedNats: null },
        ...{ rejectedConfidence: null, confidence: confidenceOf(S, reply.length) },
        ...{ logprobBefore: S, logprobAfter: S },
      });
      expect(learned).toBeNull();
      praised.push({ prompt: ids, reply, kind: "held", weight: 1 });
    }
    const none = await finish(adapt(subject, praised, adaptPlanDefaults, null));
    expect(none.decision).toBe("skipped");
    const rows = [...praised, row("what else", "nothing", "corrected")];
    const outcome = await finish(adapt(subject, rows, adaptPlanDefaults, null));
    const adapter = { digest: "", rank: outcome.rank, B: outcome.B! };
    expect(await klOn(model, samples, adapter, null)).toBeLessThan(2 * adaptPlanDefaults.kl_max);
    for (const held of outcome.rows.slice(0, 5)) {
      expect(held.logprob_after).toBeGreaterThan(held.logprob_before - 2);
    }
  });
});
