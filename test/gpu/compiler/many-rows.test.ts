/** The decode graph for batches computes the same as the one for single rows, for every family. */
import { randomNormal, seededRandom } from "@rosa2/shared/random";
import { InferenceSession, Tensor } from "onnxruntime-node";
import { expect, it } from "vitest";
import { openCheckpoint } from "../../../gpu-service/src/checkpoint/checkpoint.ts";
import {
  layerKinds,
  namedRopeTables,
} from "../../../gpu-service/src/compiler/decoder/layer-kinds.ts";
import { decodeGraph } from "../../../gpu-service/src/compiler/graphs/decode.ts";
import { encodeOnnx } from "../../../gpu-service/src/compiler/onnx.ts";
import { loraGroups } from "../../../gpu-service/src/lora/sites.ts";
import { fixtureFolder, fixtureNames, largestDifference } from "./golden.ts";

const [R, S, P, rank] = [7, 12, 32, 3];

it.each(fixtureNames)("of %s", async (name) => {
  const checkpoint = openCheckpoint(fixtureFolder(name));
  const { config } = checkpoint;
  const random = seededRandom(name);
  const tensor = (dims: number[], scale = 1) => {
    const length = dims.reduce((product, dim) => product * dim, 1);
    const data = Float32Array.from({ length }, () => scale * randomNormal(random));
    return new Tensor("float32", data, dims);
  };
  const integers = (values: number[]) =>
    new Tensor("int64", BigInt64Array.from(values, BigInt), [R, 1]);
  const feeds: Record<string, Tensor> = {
    ids: integers(Array.from({ length: R }, (_, row) => 3 + row)),
    positions: integers(Array.from({ length: R }, (_, row) => S + row)),
  };
  for (const { mask } of layerKinds(config)) feeds[mask] = tensor([R, 1, 1, S + 1]);
  for (const [table, data] of Object.entries(namedRopeTables(config, P))) {
    feeds[table] = new Tensor("float32", data, [P, config.headSize / 2]);
  }
  for (let layer = 0; layer < config.layerCount; layer++) {
    for (const kind of ["key", "value"]) {
      feeds[`past.${layer}.${kind}`] = tensor([R, config.kvHeadCount, S, config.headSize]);
    }
  }
  for (const group of loraGroups(config)) {
    feeds[`a.${group.name}`] = tensor([rank, group.in], 0.1);
    feeds[`b.${group.name}`] = tensor([R, group.out, rank], 0.1);
  }
  const run = async (manyRows: boolean) => {
    const graph = decodeGraph(config, { adapters: true, manyRows });
    const bytes = encodeOnnx(graph, (weight) => ({
      data: new Uint8Array(checkpoint.tensor(weight).buffer),
    }));
    const session = await InferenceSession.create(bytes, { intraOpNumThreads: 1 });
    const used = session.inputNames.map((input) => [input, feeds[input]!]);
    return session.run(Object.fromEntries(used));
  };
  const [one, many] = [await run(false), await run(true)];
  for (const output of ["logits", "fresh", "peak", "normalizer"]) {
    const [expected, found] = [one, many].map((result) => result[output]!.data as Float32Array);
    const size = Math.max(...expected!.map(Math.abs));
    expect(largestDifference(found!, expected!), output).toBeLessThan(1e-5 * (1 + size));
  }
  expect(many.best!.data).toEqual(one.best!.data);
});
