/** Runs a graph of f32 and i64 inputs through onnxruntime. */
import { InferenceSession, Tensor } from "onnxruntime-node";
import { trace, type Value } from "../../../gpu-service/src/compiler/ir/graph.ts";
import { encodeOnnx } from "../../../gpu-service/src/compiler/onnx.ts";

export type Feeds = Record<string, { data: Float32Array | BigInt64Array; dims: number[] }>;

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
      .map(([name, { data, dims }]) => [
        name,
        data instanceof Float32Array
          ? new Tensor("float32", data, dims)
          : new Tensor("int64", data, dims),
      ]);
    const result = await session.run(Object.fromEntries(tensors));
    return Object.fromEntries(
      Object.entries(result).map(([name, { data }]) => [name, data as Float32Array]),
    );
  };
}
