/** A model that reads its weights from the mapped file computes the same as one with packed weights. */
import { rmSync } from "node:fs";
import { expect, it } from "vitest";
import { Model } from "../../../gpu-service/src/engine/model/model.ts";
import { writeRandomCheckpoint } from "../support/random-checkpoint.ts";

it("gives the same next tokens for prompts, for one row and for batches", async () => {
  const directory = writeRandomCheckpoint();
  const said: unknown[] = [];
  for (const packBytesMax of [0, 2 ** 30]) {
    const model = await Model.load(directory, { threads: 1, packBytesMax });
    const cache = model.allocateCache(4, 64);
    const adapter = { digest: "a", rank: 2, B: new Float32Array(model.adapterLength(2)).fill(0.1) };
    const found: { best: number; logits: number[] }[] = [];
    const step = async (ids: number[], rows: number, past: number[], firstSlot: number) => {
      const next = await model.step(
        {
          ids: Int32Array.from(ids),
          rows,
          length: ids.length / rows,
          past: Int32Array.from(past),
          cache,
          firstSlot,
          adapters: Array.from({ length: rows }, (_, row) => (row % 2 === 0 ? null : adapter)),
        },
        true,
      );
      for (const { best, logits_V } of next) {
        found.push({ best, logits: Array.from(logits_V!, (logit) => Math.round(1e3 * logit)) });
      }
    };
    await step([5, 6, 7, 8], 1, [0], 0);
    await step([9, 10], 1, [0], 1);
    await step([11, 12, 13], 1, [0], 2);
    await step([14], 1, [4], 0);
    await step([15, 16, 17], 3, [5, 2, 3], 0);
    await step([18, 19], 2, [6, 3], 0);
    said.push(found.map(({ best }) => best));
    said.push(found.flatMap(({ logits }) => logits));
    await model.dispose();
  }
  rmSync(directory, { recursive: true });
  expect(said[2]).toEqual(said[0]);
  const [mapped, packed] = [said[1], said[3]] as [number[], number[]];
  expect(packed).toHaveLength(mapped.length);
  // Rounded to thousandths. A sum in another order may fall on either side.
  for (const [i, value] of mapped.entries()) expect(Math.abs(packed[i]! - value)).toBeLessThan(2);
});
