/** The model's own samples: drawn once, kept by digest, in bounded time. */
import { rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { drawSamples } from "../../../gpu-service/src/adapt/probes.ts";
import { adaptable } from "../../../gpu-service/src/adaptable-model.ts";
import { readModelSettings } from "../../../gpu-service/src/checkpoint/model-settings.ts";
import { Model } from "../../../gpu-service/src/engine/model/model.ts";
import { finish } from "../../../gpu-service/src/language-model.ts";
import { ChatTokenizer } from "../../../gpu-service/src/tokenizer/tokenizer.ts";
import { writeRandomCheckpoint } from "../support/random-checkpoint.ts";

const directory = writeRandomCheckpoint();
const cache = join(directory, "cache");
const model = await Model.load(directory, { threads: 1 });
const tokenizer = ChatTokenizer.load(directory, model.shape.eosIds);
const before = process.env.ROSA2_CACHE;
beforeAll(() => {
  process.env.ROSA2_CACHE = cache;
});
afterAll(async () => {
  if (before === undefined) delete process.env.ROSA2_CACHE;
  else process.env.ROSA2_CACHE = before;
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

  it("end in time with those that are there, one at least", async () => {
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

describe("rosa2.json", () => {
  const file = join(directory, "rosa2.json");

  it("is optional, and says what differs from the plan, which requests to sample and what a session is shown", () => {
    expect(readModelSettings(directory)).toEqual({ plan: {} });
    const said = { context: "request", plan: { kl_max: 0.01 }, prompts: ["Sort 3 1 2"] };
    writeFileSync(file, JSON.stringify(said));
    expect(readModelSettings(directory)).toEqual(said);
  });

  it("is refused with the field's name where it says something else", () => {
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
