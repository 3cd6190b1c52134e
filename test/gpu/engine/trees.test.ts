/** Rows that begin alike, scored as one tree of tokens. */
import { fileURLToPath } from "node:url";
import { randomInt, seededRandom } from "@rosa2/shared/random";
import { afterAll, describe, expect, it } from "vitest";
import { Model } from "../../../gpu-service/src/engine/model/model.ts";
import { plantTrees, treeMask } from "../../../gpu-service/src/engine/model/passes/trees.ts";
import type { ScoreRow } from "../../../gpu-service/src/language-model.ts";

const directory = fileURLToPath(
  new URL("../../../gpu-service/models/rosa2-mini-2/", import.meta.url),
);
const model = await Model.load(directory, { threads: 1 });
afterAll(() => model.dispose());

const row = (prompt: number[], reply: number[]): ScoreRow => ({
  prompt: Int32Array.from(prompt),
  reply: Int32Array.from(reply),
});

describe("rows as trees", () => {
  it("hold what rows share once, and say where each reply token is predicted", () => {
    const rows = [row([1, 2, 3], [9, 8]), row([1, 2, 4], [9, 8]), row([1, 2, 3], [7])];
    const [tree, ...others] = plantTrees(rows, 100);
    expect(others).toEqual([]);
    expect(tree).toEqual({
      ids: [1, 2, 3, 9, 4, 9],
      parents: [-1, 0, 1, 2, 1, 4],
      depths: [0, 1, 2, 3, 2, 3],
      rows: [
        { row: 2, places: [2] },
        { row: 0, places: [2, 3] },
        { row: 1, places: [4, 5] },
      ],
    });
    const seen = (token: number, window: number | null) =>
      [
        ...treeMask(tree!, window)
          .subarray(token * 6, token * 6 + 6)
          .keys(),
      ].filter((at) => treeMask(tree!, window)[token * 6 + at] === 0);
    expect(seen(5, null)).toEqual([0, 1, 4, 5]);
    expect(seen(5, 2)).toEqual([4, 5]);
  });

  it("end where another row would make them too long, and say which row cannot be scored", () => {
    const rows = [row([1, 2, 3], [9]), row([4, 5, 6], [9]), row([7, 8, 9], [9])];
    expect(plantTrees(rows, 6).map((tree) => tree.ids)).toEqual([
      [1, 2, 3, 4, 5, 6],
      [7, 8, 9],
    ]);
    expect(() => plantTrees([row([1], [])], 6)).toThrow("Cannot score row 0: 1 + 0 tokens");
  });

  it("give each row the log-probs that it has alone", async () => {
    const random = seededRandom("trees");
    const draw = (count: number) => Array.from({ length: count }, () => randomInt(random, 5, 1000));
    const [head, other] = [draw(90), draw(12)];
    const rows = Array.from({ length: 24 }, (_, i) =>
      row([...head.slice(0, 60 + i), ...(i % 3 === 0 ? other : draw(8))], draw(6)),
    );
    rows.push(row([...head, ...other], draw(200)));
    const together = await model.score(rows, null);
    for (const [i, one] of rows.entries()) {
      const [alone] = await model.score([one], null);
      const apart = together[i]!.map((logprob, y) => Math.abs(logprob - alone![y]!));
      // Sums of f32 products in another order.
      expect(Math.max(...apart)).toBeLessThan(1e-3);
    }
  });
});
