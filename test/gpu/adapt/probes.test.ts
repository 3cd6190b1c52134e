/** The model's own samples: drawn once, kept by digest, in bounded time. */
import { rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { seededRandom } from "@rosa2/shared/random";
import { afterAll, describe, expect, it } from "vitest";
import { chooseProbes, drawSamples, type Sample } from "../../../gpu-service/src/adapt/probes.ts";
import { adaptable } from "../../../gpu-service/src/adaptable-model.ts";
import { readModelSettings } from "../../../gpu-service/src/checkpoint/model-settings.ts";
import { Model } from "../../../gpu-service/src/engine/model/model.ts";
import { finish } from "../../../gpu-service/src/language-model.ts";
import { ChatTokenizer } from "../../../gpu-service/src/tokenizer/tokenizer.ts";
import { useOwnCache } from "../support/own-cache.ts";
import { writeRandomCheckpoint } from "../support/random-checkpoint.ts";

const directory = writeRandomCheckpoint();
const model = await Model.load(directory, { threads: 1 });
const tokenizer = ChatTokenizer.load(directory, model.shape.eosIds);
useOwnCache();
afterAll(async () => {
  await model.dispose();
  rmSync(directory, { recursive: true });
});

const prompts = [Int32Array.of(104, 105), Int32Array.of(98, 121, 101)];
const options = { count: 3, tokensMax: 6, msMax: 60_000 };

describe("the model's own samples", () => {
  it("are the same at every draw, over the openings in turn", async () => {
    const rows = await finish(drawSamples(model, prompts, tokenizer.endIds, options));
    expect(rows.map(({ prompt }) => prompt)).toEqual([prompts[0], prompts[1], prompts[0]]);
    for (const { reply } of rows) expect(reply.length).toBeLessThanOrEqual(6);
    expect(await finish(drawSamples(model, prompts, tokenizer.endIds, options))).toEqual(rows);
  });

  it("end in time with those that were drawn, at least one", async () => {
    const hasty = { ...options, count: 1000, msMax: 0 };
    const rows = await finish(drawSamples(model, prompts, tokenizer.endIds, hasty));
    expect(rows).toHaveLength(1);
  });

  it("are kept under the model's digest and not drawn again", async () => {
    const drawn: number[] = [];
    const progress = (_: string, done: number) => void drawn.push(done);
    const first = await finish(adaptable(model, tokenizer, { plan: {} }, { progress }).probes());
    expect(drawn.at(-1)).toBe(192);
    expect(first.rows.length).toBeLessThanOrEqual(36);
    drawn.length = 0;
    const second = await finish(adaptable(model, tokenizer, { plan: {} }, { progress }).probes());
    expect(drawn).toEqual([]);
    expect(second.rows).toEqual(first.rows);
    expect(second.base).toEqual(first.base);
  });
});

describe("a few of many samples", () => {
  const random = seededRandom("many samples");
  /** A few open replies among many sure ones, of one to twenty tokens. Each has a KL a token of its own. */
  const drawMany = (): (Sample & { kl: number })[] =>
    Array.from({ length: 192 }, () => {
      const length = 1 + Math.floor(20 * random());
      const open = random() < 0.1 ? 0.8 : 0.03;
      const reply = new Int32Array(length);
      return { prompt: Int32Array.of(1), reply, doubt: length * open, kl: open * (0.5 + random()) };
    });
  type Measured = readonly { reply: Int32Array; kl: number }[];
  const meanOf = (rows: Measured, weights: readonly number[]) => {
    const tokens = rows.map(({ reply }, i) => weights[i]! * reply.length);
    const total = tokens.reduce((sum, n) => sum + n, 0);
    return rows.reduce((sum, { kl }, i) => sum + tokens[i]! * kl, 0) / total;
  };
  const ones = (rows: readonly unknown[]) => rows.map(() => 1);
  const samples = drawMany();

  it("stand for the mean over all tokens better than as many random ones", () => {
    const ratios: number[] = [];
    const errors: number[] = [];
    const plainErrors: number[] = [];
    for (let set = 0; set < 100; set++) {
      const many = drawMany();
      const all = meanOf(many, ones(many));
      const { rows, weights } = chooseProbes(many, 36);
      expect(rows.length).toBeLessThanOrEqual(36);
      ratios.push(meanOf(rows as typeof many, weights) / all);
      errors.push(Math.abs(ratios.at(-1)! - 1));
      const plain = many.slice(0, 36);
      plainErrors.push(Math.abs(meanOf(plain, ones(plain)) / all - 1));
    }
    const mean = (values: number[]) => values.reduce((sum, one) => sum + one, 0) / values.length;
    expect(Math.abs(mean(ratios) - 1)).toBeLessThan(0.05);
    expect(mean(errors)).toBeLessThan(mean(plainErrors) / 2);
  });

  it("have weights a token with mean one, and are the same each time", () => {
    const { rows, weights } = chooseProbes(samples, 36);
    const tokens = rows.reduce((sum, { reply }) => sum + reply.length, 0);
    const weighed = rows.reduce((sum, { reply }, i) => sum + weights[i]! * reply.length, 0);
    expect(weighed).toBeCloseTo(tokens, 6);
    expect(chooseProbes(samples, 36)).toEqual({ rows, weights });
  });

  it("are all of them where they are few", () => {
    const few = samples.slice(0, 5);
    expect(chooseProbes(few, 36)).toEqual({ rows: few, weights: [1, 1, 1, 1, 1] });
  });
});

describe("witnesses", () => {
  it("are other replies to the openings than the samples, drawn once", async () => {
    const subject = adaptable(model, tokenizer, { plan: {}, prompts: ["Sort 3 1 2", "Hello"] });
    const { rows, weights, base } = await finish(subject.witnesses());
    expect(rows.length).toBe(128);
    expect(new Set(weights)).toEqual(new Set([1]));
    expect(base.length % rows.reduce((sum, { reply }) => sum + reply.length, 0)).toBe(0);
    const samples = await finish(subject.probes());
    const said = new Set(samples.rows.map(({ reply }) => reply.join(" ")));
    expect(rows.some(({ reply }) => said.has(reply.join(" ")))).toBe(false);
    expect((await finish(subject.witnesses())).rows).toBe(rows);
  });
});

describe("rosa2.json", () => {
  const file = join(directory, "rosa2.json");

  it("is optional. It states what differs from the plan, which requests to sample, and what a session is shown", () => {
    expect(readModelSettings(directory)).toEqual({ plan: {} });
    const said = { context: "request", plan: { kl_max: 0.01 }, prompts: ["Sort 3 1 2"] };
    writeFileSync(file, JSON.stringify(said));
    expect(readModelSettings(directory)).toEqual(said);
  });

  it("is refused with the field's name where a value is not allowed", () => {
    writeFileSync(file, JSON.stringify({ plan: { kl_max: -1 } }));
    expect(() => readModelSettings(directory)).toThrow(/Cannot use rosa2.json: plan.kl_max/);
    writeFileSync(file, JSON.stringify({ plan: { klMax: 1 } }));
    expect(() => readModelSettings(directory)).toThrow(/klMax/);
    writeFileSync(file, JSON.stringify({ context: "all" }));
    expect(() => readModelSettings(directory)).toThrow(/Cannot use rosa2.json: context/);
    writeFileSync(file, "{");
    expect(() => readModelSettings(directory)).toThrow(/not valid JSON/);
  });
});
