import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { randomNormal, seededRandom } from "@rosa2/shared/random";
import { inverse, Matrix } from "ml-matrix";
import { afterAll, describe, expect, it } from "vitest";
import {
  anchorMetric,
  encodeAnchors,
  loadAnchors,
  ownDirections,
  strongestDirections,
} from "../../../gpu-service/src/adapt/anchors.ts";
import { type Metric, solveStep } from "../../../gpu-service/src/adapt/solver.ts";
import { finish, type ScoreRow } from "../../../gpu-service/src/language-model.ts";

type Backward = (row: number, logprobs: Float32Array) => { into: Float32Array } | null;

const count = 4;
const D = 7;
const M = 3;
const c = 0.8;
const random = seededRandom("anchors");
const Ja = Float32Array.from({ length: count * D }, () => randomNormal(random));
const J = Float32Array.from({ length: M * D }, () => randomNormal(random));

/** P = (I + JₐᵀJₐ/c)⁻¹, inverted directly. */
function inverseMetric(): Matrix {
  const rows = Matrix.from1DArray(count, D, Ja);
  return inverse(Matrix.add(Matrix.eye(D), rows.transpose().mmul(rows).div(c)));
}

/** J·P row by row, from J·Uᵀ and the subtraction of U's rows, as the solver does it. */
async function project({ along, subtract }: Metric, rows: Float32Array): Promise<Float32Array> {
  const count = rows.length / D;
  const K = await along(rows, count);
  const directions = K.length / count;
  const projected = rows.slice();
  for (let row = 0; row < count; row++) {
    const weights = [...K.subarray(row * directions, (row + 1) * directions)];
    subtract(projected.subarray(row * D, (row + 1) * D), weights);
  }
  return projected;
}

describe("anchors of a model's own samples", () => {
  /** A model in which a reply's only token gives the gradient of its row. */
  const gradients = Array.from({ length: 12 }, () =>
    Float32Array.from({ length: D }, () => randomNormal(random)),
  );
  const model = {
    adapterLength: () => D,
    passRows: async function* (rows: readonly ScoreRow[], _: unknown, backward?: Backward) {
      rows.forEach(({ reply }, row) => {
        const wanted = backward?.(row, new Float32Array(1));
        wanted?.into.set(gradients[reply[0]!]!);
      });
      return rows.map(() => new Float32Array(1));
    },
  } as unknown as Parameters<typeof ownDirections>[0];
  const samples = gradients.map((_, i) => ({
    prompt: Int32Array.of(0),
    reply: Int32Array.of(i),
    doubt: (i * 5) % 12,
  }));
  const options = {
    rank: 1,
    countMax: 9,
    directionsMax: 4,
    countMin: 3,
    bytesMax: 1e6,
    msMax: 1e5,
  };

  it("are the strongest directions of the replies that the model doubts most", async () => {
    const made = await finish(ownDirections(model, samples, options));
    const doubtful = samples.toSorted((a, b) => b.doubt - a.doubt).slice(0, 9);
    const rows = doubtful.flatMap(({ reply }) => [...gradients[reply[0]!]!]);
    const expected = strongestDirections(Float32Array.from(rows), 9, { directions: 4, c: 1 });
    expect(made).toEqual({ U: expected, directions: 4 });
  });

  it("take no more memory than they may, and there are none where memory holds too few", async () => {
    const bytes = D * Float32Array.BYTES_PER_ELEMENT;
    const seen: number[] = [];
    const some = { ...options, bytesMax: 5 * bytes };
    await finish(ownDirections(model, samples, some, (_, of) => void seen.push(of)));
    expect(seen.at(-1)).toBe(5);
    const few = { ...options, bytesMax: 2 * bytes };
    expect(await finish(ownDirections(model, samples, few))).toBeNull();
  });

  it("end in time with those that were made", async () => {
    const seen: number[] = [];
    const hasty = { ...options, msMax: 0 };
    await finish(ownDirections(model, samples, hasty, (_, of) => void seen.push(of)));
    expect(seen.at(-1)).toBe(4);
  });
});

describe("the anchors' metric", () => {
  it("is the inverse of I + JᵀJ/c when every direction is kept", async () => {
    const U = strongestDirections(Ja, count, { directions: count, c });
    const found = await project(await anchorMetric(U, count, D), J);
    const expected = Matrix.from1DArray(M, D, J).mmul(inverseMetric()).to1DArray();
    expected.forEach((value, i) => {
      expect(found[i]).toBeCloseTo(value, 5);
    });
  });

  it("makes the dual solve the minimum of ‖Jd − δ‖² + λ·dᵀ(I + JₐᵀJₐ/c)d", async () => {
    const U = strongestDirections(Ja, count, { directions: count, c });
    const metric = await anchorMetric(U, count, D);
    const targets = [1, -0.5, 2];
    const lambda = 0.3;
    const plan = { lambda, rho: 99 };
    const { step, predicted } = await solveStep({ J, D }, targets, [1, 1, 1], plan, metric);
    const rows = Matrix.from1DArray(M, D, J);
    const d = Matrix.columnVector([...step]);
    const error = Matrix.sub(rows.mmul(d), Matrix.columnVector(targets));
    const pull = inverse(inverseMetric()).mmul(d).mul(lambda);
    const residual = rows.transpose().mmul(error).add(pull).to1DArray();
    for (const value of residual) expect(value).toBeCloseTo(0, 4);
    rows
      .mmul(d)
      .to1DArray()
      .forEach((value, i) => {
        expect(predicted[i]).toBeCloseTo(value, 4);
      });
  });

  it("removes most of a step along the strongest anchor, and nothing of a step across all of them", async () => {
    const strong = Ja.map((value) => value * 30);
    const U = strongestDirections(strong, count, { directions: count, c });
    const along = await project(await anchorMetric(U, count, D), strong.slice(0, D));
    expect(Math.hypot(...along)).toBeLessThan(0.05 * Math.hypot(...strong.slice(0, D)));
    const across = [
      ...inverseMetric()
        .mmul(Matrix.columnVector([...J.slice(0, D)]))
        .to1DArray(),
    ];
    expect(Math.hypot(...across)).toBeLessThan(Math.hypot(...J.slice(0, D)));
  });
});

describe("an anchors file", () => {
  const directory = mkdtempSync(join(tmpdir(), "rosa2-anchors-"));
  afterAll(() => rmSync(directory, { recursive: true }));
  const model = { digest: "a".repeat(64), adapterLength: () => D };
  const U = strongestDirections(Ja, count, { directions: 2, c });
  const file = join(directory, "anchors.safetensors");

  it("is optional", async () => {
    expect(await loadAnchors(directory, model)).toBeNull();
  });

  it("comes back as a metric, rounded to fp16", async () => {
    writeFileSync(file, encodeAnchors(U, { directions: 2, rank: 8, model: model.digest }));
    const anchors = await loadAnchors(directory, model);
    expect(anchors!.rank).toBe(8);
    const found = await project(anchors!, J);
    const exact = await project(await anchorMetric(U, 2, D), J);
    exact.forEach((value, i) => {
      expect(found[i]).toBeCloseTo(value, 2);
    });
  });

  it("is refused by other weights", async () => {
    writeFileSync(file, encodeAnchors(U, { directions: 2, rank: 8, model: "b".repeat(64) }));
    await expect(loadAnchors(directory, model)).rejects.toThrow(/Cannot use anchors.safetensors/);
  });
});
