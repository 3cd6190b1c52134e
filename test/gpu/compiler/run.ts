/** Runs a graph of f32 and i64 inputs through onnxruntime. */
import { InferenceSession, Tensor } from "onnxruntime-node";
import { trace } from "../../../gpu-service/src/compiler/ir/graph.ts";
import type { Value } from "../../../gpu-service/src/compiler/ir/types.ts";
import { encodeOnnx } from "../../../gpu-service/src/compiler/onnx.ts";

export type Feeds = Record<
  string,
  { data: Float32Array | BigInt64Array | Int32Array; dims: number[] }
>;

/** A compiled graph that can be run again with other numbers. */
export async function compile(outputs: Record<string, Value>) {
  const session = await InferenceSession.create(encodeOnnx(outputs), {
    intraOpNumThreads: 1,
    logSeverityLevel: 3,
  });
  const used = new Set(
    trace(Object.values(outputs)).flatMap(({ op, attributes }) =>
      op === "input" ? [(attributes as { name: string }).name] : [],
    ),
  );
  return async (feeds: Feeds): Promise<Record<string, Float32Array>> => {
    const tensors = Object.entries(feeds)
      .filter(([name]) => used.has(name))
      .map(([name, feed]) => [name, tensorOf(feed)]);
    const result = await session.run(Object.fromEntries(tensors));
    return Object.fromEntries(
      Object.entries(result).map(([name, { data }]) => [name, data as Float32Array]),
    );
  };
}

function tensorOf({ data, dims }: Feeds[string]): Tensor {
  if (data instanceof Float32Array) return new Tensor("float32", data, dims);
  return data instanceof Int32Array
    ? new Tensor("int32", data, dims)
    : new Tensor("int64", data, dims);
}
