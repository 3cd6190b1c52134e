import { randomNormal, seededRandom } from "@rosa2/shared/random";
import { describe, expect, it } from "vitest";
import { gradients } from "../../../gpu-service/src/compiler/gradients.ts";
import * as f from "../../../gpu-service/src/compiler/ir/functions.ts";
import { apply, applyAll } from "../../../gpu-service/src/compiler/ir/graph.ts";
import type { Primitive, Value } from "../../../gpu-service/src/compiler/ir/types.ts";
import { productRules } from "../../../gpu-service/src/compiler/ops/tables.ts";
import { compile, type Feeds } from "./run.ts";

/** Central differences in f32: truncation ~h², rounding ~1e-7·|f|/h, so 1e-2 keeps both near 1e-4. */
const h = 1e-2;
const tolerance = 4e-3;

interface Case {
  inputs: Record<string, number[]>;
  /** Integer inputs; values lie below `below`. */
  ids?: Record<string, { dims: number[]; below: number }>;
  build(values: Record<string, Value>): Value;
  /** Keeps inputs where the op is smooth. */
  positive?: boolean;
  /** Inputs whose cotangent is compared; all by default. */
  wrt?: string[];
}

const cases: Partial<Record<Primitive, Case[]>> = {
  add: [{ inputs: { a: [2, 3], b: [3] }, build: ({ a, b }) => f.add(a!, b!) }],
  subtract: [{ inputs: { a: [1, 3], b: [2, 1] }, build: ({ a, b }) => f.subtract(a!, b!) }],
  multiply: [{ inputs: { a: [2, 3], b: [2, 1] }, build: ({ a, b }) => f.multiply(a!, b!) }],
  divide: [
    { inputs: { a: [2, 3], b: [3] }, positive: true, build: ({ a, b }) => f.divide(a!, b!) },
  ],
  negate: [{ inputs: { x: [4] }, build: ({ x }) => f.negate(x!) }],
  exp: [{ inputs: { x: [4] }, build: ({ x }) => f.exp(x!) }],
  sqrt: [{ inputs: { x: [4] }, positive: true, build: ({ x }) => f.sqrt(x!) }],
  sigmoid: [{ inputs: { x: [5] }, build: ({ x }) => f.sigmoid(x!) }],
  tanh: [{ inputs: { x: [5] }, build: ({ x }) => f.tanh(x!) }],
  silu: [{ inputs: { x: [5] }, build: ({ x }) => f.silu(x!) }],
  gelu: [{ inputs: { x: [5] }, build: ({ x }) => f.gelu(x!) }],
  matmul: [
    ...[false, true].flatMap((transposeA) =>
      [false, true].map((transposeB) => ({
        inputs: {
          a: transposeA ? [2, 3, 4] : [2, 4, 3],
          b: transposeB ? [2, 5, 3] : [2, 3, 5],
        },
        build: ({ a, b }: Record<string, Value>) =>
          f.matmul(a!, b!, { transposeA, transposeB, alpha: 0.7 }),
      })),
    ),
    { inputs: { a: [2, 4, 3], b: [3, 5] }, build: ({ a, b }) => f.matmul(a!, b!) },
    {
      inputs: { a: [2, 4, 3], b: [5, 3] },
      build: ({ a, b }) => f.matmul(a!, b!, { transposeB: true }),
    },
    {
      // Grouped queries: one key/value head stretched over three query heads.
      inputs: { a: [2, 1, 3, 4, 2], b: [2, 1, 1, 5, 2] },
      build: ({ a, b }) => f.matmul(a!, b!, { transposeB: true }),
    },
  ],
  reduceSum: [
    { inputs: { x: [2, 3, 4] }, build: ({ x }) => f.reduceSum(x!, [0, -1], true) },
    { inputs: { x: [2, 3, 4] }, build: ({ x }) => f.reduceSum(x!, [1], false) },
  ],
  reshape: [{ inputs: { x: [2, 6] }, build: ({ x }) => f.reshape(x!, [3, 4]) }],
  transpose: [{ inputs: { x: [2, 3, 4] }, build: ({ x }) => f.transpose(x!, [2, 0, 1]) }],
  expandLike: [
    {
      inputs: { x: [1, 3], like: [2, 3] },
      wrt: ["x"],
      build: ({ x, like }) => f.expandTo(x!, like!),
    },
  ],
  concat: [{ inputs: { a: [2, 1], b: [2, 3] }, build: ({ a, b }) => f.concat([a!, b!], 1) }],
  split: [
    {
      inputs: { x: [2, 5] },
      build: ({ x }) => f.concat(f.split(x!, [2, 3]).reverse(), 1),
    },
  ],
  slice: [{ inputs: { x: [2, 5] }, build: ({ x }) => f.slice(x!, 1, 1, 4) }],
  pad: [{ inputs: { x: [2, 3] }, build: ({ x }) => f.pad(x!, 1, 1, 2) }],
  gatherRows: [
    {
      inputs: { table: [4, 3] },
      ids: { ids: { dims: [2, 3], below: 4 } },
      build: ({ table, ids }) => f.gatherRows(table!, ids!),
    },
  ],
  scatterRows: [
    {
      inputs: { rows: [5, 3], like: [4, 3] },
      ids: { ids: { dims: [5], below: 4 } },
      wrt: ["rows"],
      build: ({ rows, ids, like }) => f.scatterRows(rows!, ids!, like!),
    },
  ],
  softmax: [{ inputs: { x: [2, 5] }, build: ({ x }) => f.softmax(x!) }],
  rmsNorm: [
    {
      inputs: { x: [2, 3, 4], weight: [4] },
      build: ({ x, weight }) => f.rmsNorm(x!, weight!, 1e-5),
    },
  ],
  rotate: [
    {
      inputs: { x: [2, 3, 32], cos: [8, 8], sin: [8, 8] },
      ids: { positions: { dims: [2, 3], below: 8 } },
      wrt: ["x"],
      build: ({ x, positions, cos, sin }) => f.rotate(x!, positions!, cos!, sin!, 16),
    },
  ],
  tokenLogProbs: [
    {
      inputs: { logits: [2, 3, 5] },
      ids: { targets: { dims: [2, 3], below: 5 } },
      build: ({ logits, targets }) => f.tokenLogProbs(logits!, targets!),
    },
  ],
};

describe("vector-Jacobian products", () => {
  it("are tested for every primitive that has one", () => {
    const differentiable = Object.entries(productRules)
      .filter(([, rule]) => typeof rule === "function")
      .map(([op]) => op);
    // Frozen integers have a test of their own: quantize.test.ts.
    const tested = [...Object.keys(cases), "quantizedMatmul"];
    expect(tested.sort()).toEqual(differentiable.sort());
  });

  for (const [op, list] of Object.entries(cases)) {
    for (const [index, item] of list.entries()) {
      it(`of ${op} agrees with finite differences (case ${index + 1})`, async () => {
        await checkGradient(item, `${op}/${index}`);
      });
    }
  }

  it("can be differentiated again: the Jacobian-vector product of a softmax of a product", async () => {
    const x = f.input("x", { dtype: "f32", shape: [3, 4] });
    const w = f.input("w", { dtype: "f32", shape: [5, 4] });
    const u = f.input("u", { dtype: "f32", shape: [3, 5] });
    const v = f.input("v", { dtype: "f32", shape: [3, 4] });
    const y = f.softmax(f.matmul(x, w, { transposeB: true }));
    // Reverse mode is linear in its seed u. So its gradient in u, seeded with v, is the forward product.
    const [vjp] = gradients([{ value: y, seed: u }], [x]);
    const [jvp] = gradients([{ value: vjp!, seed: v }], [u]);
    const random = seededRandom("jvp");
    const feeds: Feeds = Object.fromEntries(
      Object.entries({ x: [3, 4], w: [5, 4], u: [3, 5], v: [3, 4] }).map(([name, dims]) => [
        name,
        { dims, data: normal(random, dims) },
      ]),
    );
    const run = await compile({ y, jvp: jvp! });
    const { jvp: found } = await run(feeds);
    const moved = async (size: number) => {
      const [from, along] = [feeds.x!.data as Float32Array, feeds.v!.data as Float32Array];
      const data = from.map((value, i) => value + size * along[i]!);
      return (await run({ ...feeds, x: { dims: [3, 4], data } })).y!;
    };
    const [up, down] = [await moved(h), await moved(-h)];
    for (const [i, value] of found!.entries()) {
      expect(value).toBeCloseTo((up[i]! - down[i]!) / (2 * h), 3);
    }
  });
});

describe("shape rules", () => {
  const a = f.input("a", { dtype: "f32", shape: [2, 3] });
  const b = f.input("b", { dtype: "f32", shape: [4] });

  it("name the op and the shapes that do not fit", () => {
    expect(() => f.add(a, b)).toThrow("Cannot add f32[2,3] and f32[4]");
    expect(() => f.matmul(a, a)).toThrow("Cannot matmul f32[2,3] and f32[2,3]");
    expect(() => f.reshape(a, [4, 2])).toThrow("Cannot reshape f32[2,3] to [4,2]");
  });

  it("refuse to differentiate operations that serve generation only", () => {
    const x = f.input("x", { dtype: "f32", shape: ["R", "T", 8] });
    const cache = f.input("cache", { dtype: "f32", shape: ["R", 1, "S", 8] });
    const [y] = applyAll("attendCached", [x, x, x, cache, cache], {
      headCount: 1,
      kvHeadCount: 1,
      headSize: 8,
      scale: 1,
      window: null,
      softcap: null,
    });
    expect(() => gradients([{ value: y!, seed: y! }], [x])).toThrow(
      "Cannot differentiate attendCached: it serves generation only",
    );
  });

  it("throw when no output depends on the differentiated input", () => {
    expect(() => gradients([{ value: apply("negate", [a], {}), seed: a }], [b])).toThrow(
      "no output depends on input",
    );
  });
});

function normal(random: () => number, dims: number[], positive = false): Float32Array {
  const length = dims.reduce((product, dim) => product * dim, 1);
  return Float32Array.from({ length }, () =>
    positive ? 0.5 + Math.abs(randomNormal(random)) : randomNormal(random),
  );
}

/** Compares Σ seed·∂out/∂input with central differences of Σ seed·out, entry by entry. */
async function checkGradient(item: Case, seed: string): Promise<void> {
  const random = seededRandom(seed);
  const values: Record<string, Value> = {};
  const feeds: Feeds = {};
  for (const [name, shape] of Object.entries(item.inputs)) {
    values[name] = f.input(name, { dtype: "f32", shape });
    feeds[name] = { dims: shape, data: normal(random, shape, item.positive) };
  }
  for (const [name, { dims, below }] of Object.entries(item.ids ?? {})) {
    values[name] = f.input(name, { dtype: "i64", shape: dims });
    const length = dims.reduce((product, dim) => product * dim, 1);
    const data = BigInt64Array.from({ length }, () => BigInt(Math.floor(random() * below)));
    feeds[name] = { dims, data };
  }
  const out = item.build(values);
  const cotangent = f.input("seed", { dtype: "f32", shape: out.shape });
  feeds.seed = { dims: out.shape as number[], data: normal(random, out.shape as number[]) };
  const names = item.wrt ?? Object.keys(item.inputs);
  const found = gradients(
    [{ value: out, seed: cotangent }],
    names.map((name) => values[name]!),
  );
  const outputs = Object.fromEntries(names.map((name, i) => [`d.${name}`, found[i]!]));
  const run = await compile({ out, ...outputs });
  const results = await run(feeds);
  const weighted = async (changed: Feeds) => {
    const { out: numbers } = await run(changed);
    return numbers!.reduce((sum, x, i) => sum + x * (feeds.seed!.data as Float32Array)[i]!, 0);
  };
  for (const name of names) {
    const { data, dims } = feeds[name]! as { data: Float32Array; dims: number[] };
    for (const [i, analytic] of results[`d.${name}`]!.entries()) {
      const nudged = (size: number) => {
        const copy = data.slice();
        copy[i] = copy[i]! + size;
        return { ...feeds, [name]: { dims, data: copy } };
      };
      const numeric = ((await weighted(nudged(h))) - (await weighted(nudged(-h)))) / (2 * h);
      const scale = Math.max(1, Math.abs(numeric));
      expect(Math.abs(analytic - numeric) / scale, `${name}[${i}]`).toBeLessThan(tolerance);
    }
  }
}
