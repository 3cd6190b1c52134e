/** Passes over rows in runs of any length: short ones while a caller waits, long ones at other times. */
import { fileURLToPath } from "node:url";
import { randomInt, randomNormal, seededRandom } from "@rosa2/shared/random";
import { afterAll, describe, expect, it } from "vitest";
import { Model } from "../../../gpu-service/src/engine/model/model.ts";
import { type Part, Tiles } from "../../../gpu-service/src/engine/model/passes/tiles.ts";
import type { ScoreRow, Slices } from "../../../gpu-service/src/language-model.ts";

describe("tiles", () => {
  const rows = [3, 3, 4, 10, 100, 130].map((to, row) => ({ row, from: 0, to }));
  const dealt = (isCut: boolean, positionsMax: () => number) => {
    const tiles = new Tiles(rows, isCut);
    const all: Part[][] = [];
    while (!tiles.areDone) all.push(tiles.take(positionsMax()));
    return all;
  };

  it("hold as many of the next rows as fit with their padding, and a long one alone", () => {
    expect(dealt(false, () => 12).map((tile) => tile.map(({ row }) => row))).toEqual([
      [0, 1, 2],
      [3],
      [4],
      [5],
    ]);
  });

  it("cut long rows, hold every position once and are never longer than asked", () => {
    const random = seededRandom("tiles");
    const bounds: number[] = [];
    const draw = () => {
      bounds.push(randomInt(random, 10, 70));
      return bounds.at(-1)!;
    };
    const all = dealt(true, draw);
    const seen = rows.map(() => 0);
    for (const [at, tile] of all.entries()) {
      const longest = Math.max(...tile.map(({ from, to }) => to - from));
      expect(tile.length * longest).toBeLessThanOrEqual(bounds[at]!);
      for (const { row, from, to } of tile) {
        expect(from).toBe(seen[row]);
        seen[row] = to;
      }
    }
    expect(seen).toEqual(rows.map(({ to }) => to));
  });
});

describe("a pass", async () => {
  const directory = fileURLToPath(
    new URL("../../../gpu-service/models/rosa2-mini-2/", import.meta.url),
  );
  const model = await Model.load(directory, { threads: 1 });
  afterAll(() => model.dispose());
  const random = seededRandom("pass");
  const draw = (count: number) =>
    Int32Array.from({ length: count }, () => randomInt(random, 5, 1000));
  const rows: ScoreRow[] = [20, 150, 9, 90].map((count) => ({
    prompt: draw(count),
    reply: draw(40),
  }));
  const D = model.adapterLength(4);
  const B = Float32Array.from({ length: D }, () => 0.05 * randomNormal(random));
  const adapter = { digest: "", rank: 4, B };

  /** Drives slices to their end; a caller waits as `isBusy` says. */
  async function drive<T>(slices: Slices<T>, isBusy: () => boolean): Promise<T> {
    for (;;) {
      const { done, value } = await slices.next(isBusy());
      if (done) return value;
    }
  }
  async function pass(isBusy: () => boolean) {
    const gradients = rows.map(() => new Float32Array(D));
    const logprobs = await drive(
      model.passRows(rows, adapter, (row) => ({ into: gradients[row]! })),
      isBusy,
    );
    const h = await drive(model.hiddenStates(rows, adapter), isBusy);
    return { logprobs, gradients, h };
  }
  const apart = (a: Float32Array, b: Float32Array) => {
    const length = Math.hypot(...b);
    return Math.hypot(...a.map((value, i) => value - b[i]!)) / length;
  };

  it.each([
    ["all the time", () => true],
    ["now and then", () => random() < 0.5],
  ])(
    "gives the same log-probs, gradients and states while a caller waits %s",
    async (_, isBusy) => {
      const [calm, busy] = [await pass(() => false), await pass(isBusy)];
      for (const row of rows.keys()) {
        expect(apart(busy.logprobs[row]!, calm.logprobs[row]!)).toBeLessThan(1e-5);
        expect(apart(busy.gradients[row]!, calm.gradients[row]!)).toBeLessThan(1e-5);
      }
      expect(apart(busy.h, calm.h)).toBeLessThan(1e-5);
    },
  );
});
