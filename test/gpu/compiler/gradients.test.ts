/** Adapter gradients against PyTorch's autograd (../fixtures/README.md) and against finite differences. */
import { randomNormal, seededRandom } from "@rosa2/shared/random";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { AdapterWeights, ScoreRow } from "../../../gpu-service/src/language-model.ts";
import { type LoraSite, loraSites } from "../../../gpu-service/src/lora/sites.ts";
import { fixtureNames, type Golden, largestDifference, loadGolden } from "./golden.ts";

const sum = (values: Float32Array): number => values.reduce((total, value) => total + value, 0);

function dot(a: Float32Array, b: Float32Array): number {
  return a.reduce((total, value, i) => total + value * b[i]!, 0);
}

const norm = (a: Float32Array): number => Math.sqrt(dot(a, a));

/** ‖found − expected‖ / ‖expected‖. */
function relativeError(found: Float32Array, expected: Float32Array): number {
  return norm(found.map((value, i) => value - expected[i]!)) / norm(expected);
}

describe.each(fixtureNames)("%s", (name) => {
  let golden: Golden;
  let width: number;
  /** The place of each site's B in the flat vector. */
  let spans: { site: LoraSite; from: number; to: number }[];
  beforeAll(async () => {
    golden = await loadGolden(name);
    const { model, adapter } = golden;
    let end = 0;
    spans = loraSites(model.config).map((site) => {
      const from = end;
      end += site.out * adapter.rank;
      return { site, from, to: end };
    });
    width = end;
  });
  afterAll(() => golden.model.dispose());

  const withB = (B: Float32Array): AdapterWeights => ({ ...golden.adapter, digest: "moved", B });

  const rowGradients = async (rows: ScoreRow[], adapter: AdapterWeights) => {
    const { gradients, logprobs } = await golden.model.gradients(rows, adapter);
    expect(gradients).toHaveLength(rows.length * width);
    return {
      logprobs,
      gradients: rows.map((_, row) => gradients.subarray(row * width, (row + 1) * width)),
    };
  };

  it("gives each row PyTorch's gradient for every matrix", async () => {
    const { gradients } = await rowGradients(golden.rows, golden.adapter);
    for (const [row, expected] of golden.gradients.entries())
      for (const { from, to } of spans)
        expect(
          relativeError(gradients[row]!.subarray(from, to), expected.subarray(from, to)),
        ).toBeLessThan(1e-3);
  });

  it("returns the log-probs that it differentiates", async () => {
    const { logprobs } = await rowGradients(golden.rows, golden.adapter);
    for (const [row, expected] of golden.adapted.tokenLogprobs.entries())
      expect(largestDifference(logprobs[row]!, expected)).toBeLessThan(1e-4);
  });

  it("gives a row the same gradient alone and in a padded batch", async () => {
    for (const [index, row] of golden.rows.entries()) {
      const alone = await rowGradients([row], golden.adapter);
      expect(relativeError(alone.gradients[0]!, golden.gradients[index]!)).toBeLessThan(1e-3);
    }
  });

  it("keeps the order of rows when they need more than one run", async () => {
    const order = Array.from({ length: 200 }, (_, i) => (i * i + 1) % 3);
    const rows = order.map((row) => golden.rows[row]!);
    const { gradients } = await rowGradients(rows, golden.adapter);
    for (const [index, row] of order.entries())
      expect(relativeError(gradients[index]!, golden.gradients[row]!)).toBeLessThan(1e-3);
  });

  /** dS/dt of every row at t = 0 as B moves along `direction`: central differences, fourth order in `step`. */
  const slopes = async (
    B: Float32Array,
    direction: Float32Array,
    step: number,
  ): Promise<number[]> => {
    const scoresAt = async (t: number): Promise<number[]> => {
      const moved = B.map((value, i) => value + t * direction[i]!);
      return (await golden.model.score(golden.rows, withB(moved))).map(sum);
    };
    const [back2, back, ahead, ahead2] = await Promise.all(
      [-2 * step, -step, step, 2 * step].map(scoresAt),
    );
    return golden.rows.map(
      (_, row) => (8 * (ahead![row]! - back![row]!) - (ahead2![row]! - back2![row]!)) / (12 * step),
    );
  };

  it.each([
    ["at B = 0, where every adapter starts", 0],
    ["at a random B", 0.2],
  ])("agrees with finite differences in every matrix %s", async (_, scale) => {
    const random = seededRandom(`gradients/${name}`);
    const B = Float32Array.from({ length: width }, () => scale * randomNormal(random));
    const { gradients } = await rowGradients(golden.rows, withB(B));
    for (const { from, to } of spans) {
      // Along row 1's own gradient S changes far more than fp32 noise, and the other rows move as well.
      const direction = new Float32Array(width);
      direction.set(gradients[1]!.subarray(from, to), from);
      const size = norm(direction);
      // A step that moves S by 0.05 nats: far above the rounding of S (1e-5), and S is still linear in it.
      const found = await slopes(B, direction, 0.05 / size ** 2);
      for (const [row, gradient] of gradients.entries()) {
        const expected = dot(gradient, direction);
        const tolerance = 2e-3 * size * Math.max(size, norm(gradient.subarray(from, to)));
        expect(Math.abs(found[row]! - expected)).toBeLessThan(tolerance);
      }
    }
  });

  it("gives the base model's log-probs and no zero gradient at B = 0", async () => {
    const zero = withB(new Float32Array(width));
    const { logprobs, gradients } = await rowGradients(golden.rows, zero);
    for (const [row, expected] of golden.base.tokenLogprobs.entries())
      expect(largestDifference(logprobs[row]!, expected)).toBeLessThan(1e-4);
    for (const gradient of gradients)
      for (const { from, to } of spans)
        expect(norm(gradient.subarray(from, to))).toBeGreaterThan(1e-3);
  });
});
