/** Blocks of a decoder that onnxruntime computes in one kernel. */
import {
  add,
  multiply,
  negate,
  oneHot,
  reduceSum,
  reshape,
  rotate,
  scalar,
  softmax,
  subtract,
} from "../ir/functions.ts";
import { type Dim, formatType, type Value } from "../ir/graph.ts";
import type { Emitter, RulesOf } from "./rules.ts";

export const neural: RulesOf<
  | "softmax"
  | "rmsNorm"
  | "rotate"
  | "tokenLogProbs"
  | "likeliest"
  | "likeliestPacked"
  | "attendCached"
> = {
  /** Over the last axis. */
  softmax: {
    infer: ([x]) => [{ dtype: x!.dtype, shape: x!.shape }],
    emit: (_, inputs, outputs, emitter) => {
      emitter.node("Softmax", inputs, { axis: -1 }, { outputs });
    },
    gradient: ({ outputs: [y] }, [g]) => {
      const gy = multiply(g!, y!);
      return [subtract(gy, multiply(y!, reduceSum(gy, [-1], true)))];
    },
  },

  /** w·x/√(mean x² + ε) over the last axis; the second output is 1/√(mean x² + ε), length 1 there. */
  rmsNorm: {
    infer: ([x, weight]) => {
      if (x!.shape.at(-1) !== weight!.shape[0])
        throw new Error(`Cannot normalise ${formatType(x!)} by ${formatType(weight!)}`);
      return [
        { dtype: x!.dtype, shape: x!.shape },
        { dtype: x!.dtype, shape: [...x!.shape.slice(0, -1), 1] },
      ];
    },
    emit: ({ inputs: [x], attributes: { epsilon } }, inputs, outputs, emitter) => {
      const [normal, inverse] = outputs;
      const isWebgpu = emitter.target === "webgpu";
      emitter.node(
        "SimplifiedLayerNormalization",
        inputs,
        { axis: -1, epsilon: { float: epsilon }, stash_type: 1 },
        { outputs: isWebgpu ? [normal!] : outputs },
      );
      // WebGPU's kernel takes a second output and leaves it unwritten (onnxruntime 1.30).
      if (isWebgpu && inverse) emitInverseNorm(inputs[0]!, x!, epsilon, inverse, emitter);
    },
    gradient: ({ inputs, outputs }, [g, gInverse], wanted) => {
      if (gInverse) throw new Error("Cannot differentiate rmsNorm's second output");
      const [x, weight] = inputs as [Value, Value];
      const inverse = outputs[1]!;
      const normal = multiply(x, inverse);
      const gw = multiply(g!, weight);
      const mean = multiply(
        reduceSum(multiply(gw, normal), [-1], true),
        scalar(1 / (x.shape.at(-1) as number)),
      );
      const leadingAxes = x.shape.slice(0, -1).map((_, axis) => axis);
      return [
        wanted[0] ? multiply(inverse, subtract(gw, multiply(normal, mean))) : null,
        wanted[1] ? reduceSum(multiply(g!, normal), leadingAxes, false) : null,
      ];
    },
  },

  /**
   * Rotary position embedding of x [R, T, heads·headSize] at positions [R, T], with cos and sin tables
   * [positions, headSize/2]; halves are paired as in Hugging Face's Llama.
   */
  rotate: {
    infer: ([x]) => [{ dtype: x!.dtype, shape: x!.shape }],
    emit: (
      { inputs: [x], attributes: { headSize } },
      [name, positions, cos, sin],
      outputs,
      emitter,
    ) => {
      emitter.node(
        "RotaryEmbedding",
        [name!, positions!, cos!, sin!],
        { interleaved: 0, num_heads: (x!.shape.at(-1) as number) / headSize },
        { outputs, domain: "com.microsoft" },
      );
    },
    // A rotation's transpose is the rotation back.
    gradient: ({ inputs: [, positions, cos, sin], attributes: { headSize } }, [g]) => [
      rotate(g!, positions!, cos!, negate(sin!), headSize),
      null,
      null,
      null,
    ],
  },

  /** log softmax(logits [.., V]) at the targets [..]. */
  tokenLogProbs: {
    infer: ([logits, targets]) => {
      if (logits!.shape.length !== targets!.shape.length + 1)
        throw new Error(`Cannot pick ${formatType(targets!)} from ${formatType(logits!)}`);
      return [{ dtype: logits!.dtype, shape: targets!.shape }];
    },
    emit: (_, [logits, targets], outputs, emitter) => {
      const last = emitter.ints([-1]);
      const logProbs =
        emitter.target === "webgpu"
          ? emitter.node("Sub", [logits!, emitNormalizer(logits!, emitter).normalizer])
          : emitter.node("LogSoftmax", [logits!], { axis: -1 });
      const indices = emitter.node("Unsqueeze", [targets!, last]);
      const picked = emitter.node("GatherElements", [logProbs, indices], { axis: -1 });
      emitter.node("Squeeze", [picked, last], {}, { outputs });
    },
    gradient: ({ inputs: [logits, targets] }, [g]) => {
      const chosen = oneHot(targets!, logits!.shape.at(-1) as number);
      const column = reshape(g!, [...g!.shape, 1] as Dim[]);
      return [multiply(column, add(chosen, negate(softmax(logits!)))), null];
    },
  },

  /** Of logits [.., V]: the id of the largest (the lowest of equals), its logit, and log Σ exp. */
  likeliest: {
    infer: ([logits]) => {
      const shape = logits!.shape.slice(0, -1);
      return [
        { dtype: "i64", shape },
        { dtype: logits!.dtype, shape: [...shape, 1] },
        { dtype: logits!.dtype, shape: [...shape, 1] },
      ];
    },
    emit: (_, [logits], [best, peak, normalizer], emitter) => {
      emitter.node("ArgMax", [logits!], { axis: -1, keepdims: 0 }, { outputs: [best!] });
      emitNormalizer(logits!, emitter, [peak!, normalizer!]);
    },
    gradient: { none: "it serves generation only" },
  },

  /** `likeliest` as one [.., 3]: the id as fp32, which is exact below 2²⁴, its logit, and log Σ exp. */
  likeliestPacked: {
    infer: ([logits]) => [{ dtype: logits!.dtype, shape: [...logits!.shape.slice(0, -1), 3] }],
    emit: ({ inputs: [value] }, [logits], outputs, emitter) => {
      const V = value!.shape.at(-1) as number;
      const { peak, normalizer } = emitNormalizer(logits!, emitter);
      const ids = emitter.tensor(
        "f32",
        [V],
        Float32Array.from({ length: V }, (_, i) => i),
      );
      const beyond = emitter.tensor("f32", [1], Float32Array.of(V));
      const isPeak = emitter.node("Equal", [logits!, peak]);
      const candidates = emitter.node("Where", [isPeak, ids, beyond]);
      const best = emitter.node("ReduceMin", [candidates, emitter.ints([-1])], { keepdims: 1 });
      emitter.node("Concat", [best, peak, normalizer], { axis: -1 }, { outputs });
    },
    gradient: { none: "it serves generation only" },
  },

  /**
   * Grouped-query attention with rotary positions over a key/value cache that is updated in place.
   * Inputs: query, key, value [R, T, heads·headSize], past keys and values [R, kvHeads, S, headSize],
   * index of each row's last token [R], longest total length [], cos and sin tables.
   * Outputs: the attended values and the cache, which shares the past's memory when the caller says so.
   */
  attendCached: {
    infer: ([query, , , pastKey, pastValue]) => [
      { dtype: query!.dtype, shape: query!.shape },
      { dtype: pastKey!.dtype, shape: pastKey!.shape },
      { dtype: pastValue!.dtype, shape: pastValue!.shape },
    ],
    emit: ({ attributes }, inputs, outputs, emitter) => {
      emitter.node(
        "GroupQueryAttention",
        inputs,
        {
          num_heads: attributes.headCount,
          kv_num_heads: attributes.kvHeadCount,
          scale: { float: attributes.scale },
          do_rotary: 1,
          rotary_interleaved: 0,
          local_window_size: attributes.window ?? -1,
          softcap: { float: attributes.softcap ?? 0 },
        },
        { outputs, domain: "com.microsoft" },
      );
    },
    gradient: { none: "it serves generation only; the adapt graph attends without a cache" },
  },
};

/** Largest logit and log Σ exp over the last axis, which stays with length 1; under these names if given. */
function emitNormalizer(
  logits: string,
  emitter: Emitter,
  [peakName, normalizerName]: readonly (string | undefined)[] = [],
): { peak: string; normalizer: string } {
  const last = emitter.ints([-1]);
  const named = (name: string | undefined) => (name === undefined ? {} : { outputs: [name] });
  const peak = emitter.node("ReduceMax", [logits, last], { keepdims: 1 }, named(peakName));
  const weights = emitter.node("Exp", [emitter.node("Sub", [logits, peak])]);
  const sum = emitter.node("ReduceSum", [weights, last], { keepdims: 1 });
  const logSum = emitter.node("Log", [sum]);
  return { peak, normalizer: emitter.node("Add", [peak, logSum], {}, named(normalizerName)) };
}

/** 1/√(mean x² + ε) over the last axis, which stays with length 1. */
function emitInverseNorm(
  x: string,
  { shape }: Value,
  epsilon: number,
  output: string,
  emitter: Emitter,
): void {
  const scalar = (value: number) => emitter.tensor("f32", [], Float32Array.of(value));
  const squares = emitter.node("Mul", [x, x]);
  const sum = emitter.node("ReduceSum", [squares, emitter.ints([-1])], { keepdims: 1 });
  const mean = emitter.node("Mul", [sum, scalar(1 / (shape.at(-1) as number))]);
  const norm = emitter.node("Sqrt", [emitter.node("Add", [mean, scalar(epsilon)])]);
  emitter.node("Div", [scalar(1), norm], {}, { outputs: [output] });
}
