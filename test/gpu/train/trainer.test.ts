import { randomInt, seededRandom } from "@rosa2/shared/random";
import { describe, expect, it } from "vitest";
import { readModelConfig } from "../../../gpu-service/src/checkpoint/model-config.ts";
import { packBatch } from "../../../gpu-service/train/batches.ts";
import { initialState, type Spread, Trainer } from "../../../gpu-service/train/trainer.ts";

const config = readModelConfig({
  model_type: "llama",
  vocab_size: 24,
  hidden_size: 32,
  intermediate_size: 32,
  num_hidden_layers: 2,
  num_attention_heads: 2,
  rms_norm_eps: 1e-5,
  max_position_embeddings: 32,
  tie_word_embeddings: true,
  eos_token_id: 1,
  bos_token_id: null,
});
const sizes = { R: 4, T: 16 };

/** Sequences that count up from a random start, so each next token follows from the last. */
function batchOf(step: number) {
  const random = seededRandom(step);
  return packBatch(
    () => {
      const first = randomInt(random, 2, 11);
      const ids = Array.from({ length: randomInt(random, 4, 8) }, (_, i) => first + i);
      return { ids, learn: ids.map((_, i) => i % 2 === 1) };
    },
    sizes.R,
    sizes.T,
  );
}

async function train(spread: Spread, steps: number) {
  const start = { state: initialState(config, 1), step: 0 };
  const trainer = await Trainer.create(config, sizes, start, spread);
  const losses: number[] = [];
  for (let step = 0; step < steps; step++) {
    losses.push(await trainer.run(batchOf(step), { muon: 0.02, adam: 3e-3 }));
  }
  const weights = Float32Array.from(trainer.state.get("model.embed_tokens.weight")!);
  await trainer.dispose();
  return { losses, weights };
}

describe("the trainer", () => {
  it("takes the same steps with its rows on one worker or four", async () => {
    const alone = await train({ workers: 1, threads: 1 }, 6);
    const dealt = await train({ workers: 4, threads: 1 }, 6);
    for (const [i, loss] of alone.losses.entries()) expect(dealt.losses[i]).toBeCloseTo(loss, 4);
    const difference = alone.weights.map((value, i) => Math.abs(value - dealt.weights[i]!));
    expect(Math.max(...difference)).toBeLessThan(1e-3);
  });

  it("repeats a run to the last bit", async () => {
    const [first, second] = [
      await train({ workers: 2, threads: 1 }, 4),
      await train({ workers: 2, threads: 1 }, 4),
    ];
    expect(second).toEqual(first);
  });

  it("learns", async () => {
    const { losses } = await train({ workers: 2, threads: 1 }, 60);
    expect(losses.at(-1)!).toBeLessThan(losses[0]! / 3);
  });

  it("throws when the rows cannot be divided evenly", async () => {
    await expect(train({ workers: 3, threads: 1 }, 1)).rejects.toThrow(
      "Cannot deal 4 rows evenly to 3 workers",
    );
  });
});
