/** Sampling against transformers' logits processors (../fixtures/README.md). */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, expect, it } from "vitest";
import { independentDraws } from "../../../gpu-service/src/engine/batch/draws.ts";
import { Sampler } from "../../../gpu-service/src/engine/batch/sampling.ts";
import { fixtureFolder, loadGolden } from "../compiler/golden.ts";
import { samplingRules } from "../support/greedy.ts";
import { nextToken } from "../support/next-token.ts";

interface Generation {
  repetition_penalty: number;
  /** [prompts][32]. */
  greedy: number[][];
  /** Probabilities [V] of the token after a prompt. */
  sampled: { prompt: number; rules: object; probabilities: number[] };
}

const { repetition_penalty, greedy, sampled } = JSON.parse(
  readFileSync(join(fixtureFolder("llama"), "generation.json"), "utf8"),
) as Generation;
const { model, prompts, base } = await loadGolden("llama");
afterAll(() => model.dispose());

it("continues greedily under a repetition penalty as generate does, prompt tokens counted", async () => {
  for (const [index, prompt] of prompts.entries()) {
    const cache = model.allocateCache(1, 64);
    const sampler = new Sampler(samplingRules({ repetition_penalty }), independentDraws(1), prompt);
    const reply: number[] = [];
    let ids = Int32Array.from(prompt);
    let past = 0;
    while (reply.length < 32) {
      const rows = { rows: 1, length: ids.length, past: Int32Array.of(past), firstSlot: 0 };
      const [next] = await model.step({ ids, ...rows, cache, adapters: [null] }, true);
      const choice = sampler.attempt(next!, 0.5);
      const { id } = choice;
      sampler.accept(choice);
      reply.push(id);
      past += ids.length;
      ids = Int32Array.of(id);
    }
    expect(reply).toEqual(greedy[index]);
    expect(reply).not.toEqual(base.greedy[index]);
    cache.dispose();
  }
});

it("draws under all rules together as often as transformers' processors say", () => {
  const logits = Float32Array.from(base.lastLogits[sampled.prompt]!);
  const sampler = new Sampler(
    samplingRules(sampled.rules),
    independentDraws(1),
    prompts[sampled.prompt],
  );
  const count = 20_000;
  const drawn = new Array<number>(logits.length).fill(0);
  for (let i = 0; i < count; i++)
    drawn[sampler.attempt(nextToken(logits), (i + 0.5) / count).id]!++;
  for (const [id, probability] of sampled.probabilities.entries())
    expect(drawn[id]! / count).toBeCloseTo(probability, 3);
  expect([...logits]).toEqual([...Float32Array.from(base.lastLogits[sampled.prompt]!)]);
});
