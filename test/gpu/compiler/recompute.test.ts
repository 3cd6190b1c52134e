/** Block-by-block gradients, which compute a block again, against one graph that keeps everything. */
import { randomNormal, seededRandom } from "@rosa2/shared/random";
import { afterAll, expect, it } from "vitest";
import { openCheckpoint, tensorShapes } from "../../../gpu-service/src/checkpoint/checkpoint.ts";
import { openSafetensors } from "../../../gpu-service/src/checkpoint/safetensors.ts";
import { attendSequence } from "../../../gpu-service/src/compiler/decoder/attention.ts";
import { decoder, head } from "../../../gpu-service/src/compiler/decoder/decoder.ts";
import { ropeTables } from "../../../gpu-service/src/compiler/decoder/rope.ts";
import { gradients } from "../../../gpu-service/src/compiler/gradients.ts";
import { type Attention, blockGraph } from "../../../gpu-service/src/compiler/graphs/blocks.ts";
import {
  expandTo,
  gatherRows,
  input,
  matmul,
  reshape,
  scalar,
  tokenLogProbs,
} from "../../../gpu-service/src/compiler/ir/functions.ts";
import { trace } from "../../../gpu-service/src/compiler/ir/graph.ts";
import type { Value } from "../../../gpu-service/src/compiler/ir/types.ts";
import { Model } from "../../../gpu-service/src/engine/model/model.ts";
import {
  causalMask,
  packIds,
  positionsOf,
} from "../../../gpu-service/src/engine/model/passes/rows.ts";
import { loraGroups, loraSites } from "../../../gpu-service/src/lora/sites.ts";
import { fixtureFolder } from "./golden.ts";
import { compile, type Feeds } from "./run.ts";

const rank = 3;
const model = await Model.load(fixtureFolder("llama"), { threads: 1 });
afterAll(() => model.dispose());
const { config } = model;
const random = seededRandom("recompute");
const B = Float32Array.from(
  { length: model.adapterLength(rank) },
  () => 0.1 * randomNormal(random),
);
const row = { prompt: Int32Array.of(5, 9, 2, 11, 3), reply: Int32Array.of(7, 1, 4) };

/** ∂S/∂B of one row from a single graph of the whole decoder, every activation kept. */
async function gradientOfWholeGraph(): Promise<Float32Array> {
  const { prompt, reply } = row;
  const T = prompt.length + reply.length - 1;
  const { cos, sin } = ropeTables(config, T);
  const half = config.headSize / 2;
  const file = openSafetensors(`${fixtureFolder("llama")}/model.safetensors`);
  const feeds: Feeds = {
    ids: { data: packIds([row], T).ids, dims: [1, T] },
    positions: { data: positionsOf(1, T), dims: [1, T] },
    mask: { data: causalMask(T, config.slidingWindow), dims: [T, T] },
    cos: { data: cos, dims: [T, half] },
    sin: { data: sin, dims: [T, half] },
  };
  const made = new Map<string, Value>();
  const fed = (name: string, data: Float32Array, dims: number[]) => {
    feeds[name] = { data, dims };
    const value = made.get(name) ?? input(name, { dtype: "f32", shape: dims });
    made.set(name, value);
    return value;
  };
  const weight = (name: string) =>
    fed(name, file.readFloat32(name), [...tensorShapes(config).get(name)!]);
  const basis = model.basis(rank);
  const widths = new Map(loraGroups(config).map(({ name, in: width }) => [name, width]));
  let offset = 0;
  const b = new Map(
    loraSites(config).map(({ module, out }) => {
      const part = B.subarray(offset, offset + out * rank);
      offset += part.length;
      return [module, fed(`b.${module}`, part, [1, out, rank])];
    }),
  );
  const place = (name: "positions" | "mask" | "cos" | "sin") =>
    input(name, {
      dtype: name === "positions" ? "i64" : "f32",
      shape: feeds[name]!.dims,
    });
  const places = {
    positions: place("positions"),
    mask: place("mask"),
    cos: place("cos"),
    sin: place("sin"),
  };
  const parts = {
    weight,
    linear: (x: Value, name: string) => matmul(x, weight(name), { transposeB: true }),
    attend: (_: number, q: Value, k: Value, v: Value) => attendSequence(config, q, k, v, places),
    lora: {
      a: (group: string) => fed(`a.${group}`, basis.get(group)!, [rank, widths.get(group)!]),
      up: (module: string, down: Value) => matmul(down, b.get(module)!, { transposeB: true }),
    },
  };
  const n = reply.length;
  feeds.chosen = {
    data: BigInt64Array.from(reply, (_, y) => BigInt(prompt.length - 1 + y)),
    dims: [n],
  };
  feeds.targets = { data: BigInt64Array.from(reply, BigInt), dims: [n] };
  const hidden = decoder(config, input("ids", { dtype: "i64", shape: [1, T] }), parts);
  const flat = reshape(hidden, [T, config.hiddenSize]);
  const chosen = gatherRows(flat, input("chosen", { dtype: "i64", shape: [n] }));
  const logprobs = tokenLogProbs(
    head(config, chosen, parts),
    input("targets", { dtype: "i64", shape: [n] }),
  );
  const jacobians = gradients(
    [{ value: logprobs, seed: expandTo(scalar(1), logprobs) }],
    [...b.values()],
  );
  const run = await compile(Object.fromEntries(jacobians.map((value, i) => [`${i}`, value])));
  const result = await run(feeds);
  return Float32Array.from(jacobians.flatMap((_, i) => [...result[`${i}`]!]));
}

it("gives the gradient that the whole graph gives without recomputing anything", async () => {
  const whole = await gradientOfWholeGraph();
  const { gradients: blockwise } = await model.gradients([row], { digest: "", rank, B });
  expect(blockwise).toHaveLength(whole.length);
  const difference = Math.hypot(...whole.map((value, i) => value - blockwise[i]!));
  // The same operations on the same numbers: only the order of sums inside a product may differ.
  expect(difference / Math.hypot(...whole)).toBeLessThan(1e-5);
});

/** An attention block under two ways to attend: what each gives for the same numbers. */
async function attendBothWays(
  name: string,
  options: { backward: boolean; window: number | null; attention: Attention },
) {
  const { config } = openCheckpoint(fixtureFolder(name));
  const [R, T] = [2, 7];
  const sizes: Record<string, number> = { R, T, P: T, r: rank };
  const block = {
    kind: "attention",
    layer: 0,
    backward: options.backward,
    weights: "fed",
  } as const;
  const together = blockGraph(config, block);
  const otherwise = blockGraph(config, { ...block, attention: options.attention });
  const feeds: Feeds = {};
  for (const { op, attributes, outputs } of trace([together, otherwise].flatMap(Object.values))) {
    if (op !== "input") continue;
    const { name } = attributes as { name: string };
    if (name in feeds) continue;
    const dims = outputs[0]!.shape.map((dim) => (typeof dim === "number" ? dim : sizes[dim]!));
    const length = dims.reduce((product, size) => product * size, 1);
    const data = Float32Array.from({ length }, () => 0.3 * randomNormal(random));
    feeds[name] = { data, dims };
  }
  feeds.positions = { data: positionsOf(R, T), dims: [R, T] };
  feeds.mask = { data: causalMask(T, options.window), dims: [T, T] };
  feeds.last = { data: new Int32Array(R).fill(T - 1), dims: [R] };
  feeds.total = { data: Int32Array.of(T), dims: [] };
  return [await (await compile(together))(feeds), await (await compile(otherwise))(feeds)] as const;
}

function expectEqual(expected: Record<string, Float32Array>, found: Record<string, Float32Array>) {
  for (const [output, values] of Object.entries(expected)) {
    const difference = Math.hypot(...values.map((value, i) => value - found[output]![i]!));
    expect(difference / Math.hypot(...values)).toBeLessThan(1e-5);
  }
}

it.each(["llama", "qwen2", "gemma2"])(
  "gives what an attention block of %s gives, and its gradients, one head after the other",
  async (name) => {
    const way = { backward: true, window: null, attention: "byHead" } as const;
    const [expected, found] = await attendBothWays(name, way);
    expect(Object.keys(found)).toHaveLength(5); // the cotangent, and the jacobians of q, k, v and o
    expectEqual(expected, found);
  },
);

it.each([
  ["llama", null],
  ["qwen2", 3],
  ["gemma2", null],
] as const)("gives what it gives in one kernel (%s, window %s)", async (name, window) => {
  const way = { backward: false, window, attention: { window } };
  expectEqual(...(await attendBothWays(name, way)));
});
