/**
 * Tensors on the GPU: uploads them, and takes, joins and widens rows there. It knows shapes, not what the numbers mean.
 *
 * onnxruntime's Node binding has no call that makes or copies a device buffer. Only a graph's output can be one, so
 * each of these operations is a small graph whose outputs stay on the device.
 */
import { InferenceSession, Tensor } from "onnxruntime-node";
import { concat, gatherRows, input } from "../../../compiler/ir/functions.ts";
import type { DType, Value } from "../../../compiler/ir/types.ts";
import { encodeOnnx } from "../../../compiler/onnx.ts";
import { providerError } from "../provider.ts";

/** Of keys and values [rows, heads, positions, D]. */
const [rowAxis, positionAxis] = [0, 2];

const dtypes: Partial<Record<Tensor.Type, DType>> = {
  float32: "f32",
  int32: "i32",
  int64: "i64",
  uint8: "u8",
};

export class Device {
  readonly #sessions = new Map<string, Promise<InferenceSession>>();

  /**
   * Compiles a graph for the device; its outputs stay there if they are `kept`. Unless it `mayFallBack`, it fails if a
   * node would run on the CPU, because that node's inputs would cross to the host in every run.
   */
  compile(
    outputs: Record<string, Value>,
    { kept = false, mayFallBack = false } = {},
  ): Promise<InferenceSession> {
    return InferenceSession.create(encodeOnnx(outputs, undefined, "webgpu"), {
      executionProviders: ["webgpu"],
      graphOptimizationLevel: "all",
      logSeverityLevel: 4,
      extra: { session: { disable_cpu_ep_fallback: mayFallBack ? "0" : "1" } },
      ...(kept ? { preferredOutputLocation: "gpu-buffer" as const } : {}),
    }).catch((cause) => {
      throw providerError("webgpu", cause);
    });
  }

  /** A copy of a host tensor on the device. */
  async upload(tensor: Tensor): Promise<Tensor> {
    const { type, dims } = tensor;
    const session = await this.#session(`upload ${type} ${dims.length}`, () => {
      const shape = dims.map((_, axis) => `d${axis}`);
      return { y: input("x", { dtype: dtypes[type]!, shape }) };
    });
    return (await session.run({ x: tensor })).y as Tensor;
  }

  /** The given rows, in this order, of each tensor. */
  takeRows(tensors: readonly Tensor[], rows: readonly number[]): Promise<Tensor[]> {
    const ids = new Tensor("int64", BigInt64Array.from(rows, BigInt), [rows.length]);
    return this.#each("take", [tensors], { rows: ids }, ([x]) =>
      gatherRows(x!, input("rows", { dtype: "i64", shape: ["N"] })),
    );
  }

  /** The rows of each tensor, then those of its counterpart in `more`. */
  joinRows(tensors: readonly Tensor[], more: readonly Tensor[]): Promise<Tensor[]> {
    return this.#each("join", [tensors, more], {}, (pair) => concat(pair, rowAxis));
  }

  /** Twice the positions; the second half is a copy of the first. */
  doublePositions(tensors: readonly Tensor[]): Promise<Tensor[]> {
    return this.#each("double", [tensors], {}, ([x]) => concat([x!, x!], positionAxis));
  }

  async dispose(): Promise<void> {
    const sessions = [...this.#sessions.values()];
    this.#sessions.clear();
    for (const session of sessions) await (await session).release();
  }

  /** Applies the same operation to each tensor of a list, or to each pair of two lists, in one run. */
  async #each(
    name: string,
    lists: readonly (readonly Tensor[])[],
    feeds: Record<string, Tensor>,
    operation: (values: Value[]) => Value,
  ): Promise<Tensor[]> {
    const [first] = lists as [readonly Tensor[]];
    const rank = first[0]?.dims.length ?? 0;
    const session = await this.#session(`${name} ${first.length} ${rank}`, () =>
      Object.fromEntries(
        first.map((_, index) => {
          const sources = lists.map((_, list) => {
            const shape = Array.from({ length: rank }, (_, axis) =>
              axis === rowAxis ? `R${list}` : `d${axis}`,
            );
            return input(`in${list}.${index}`, { dtype: "f32", shape });
          });
          return [`out.${index}`, operation(sources)];
        }),
      ),
    );
    const fed = lists.flatMap((tensors, list) =>
      tensors.map((tensor, index) => [`in${list}.${index}`, tensor]),
    );
    const result = await session.run({ ...Object.fromEntries(fed), ...feeds });
    return first.map((_, index) => result[`out.${index}`] as Tensor);
  }

  #session(key: string, build: () => Record<string, Value>): Promise<InferenceSession> {
    // No kernel computes with bytes on the device, so their copy is made on the host and uploaded.
    const mayFallBack = key.startsWith("upload uint8");
    const session = this.#sessions.get(key) ?? this.compile(build(), { kept: true, mayFallBack });
    this.#sessions.set(key, session);
    return session;
  }
}
