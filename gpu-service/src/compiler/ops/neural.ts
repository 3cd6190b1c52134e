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
} from "../functions.ts";
import { type Dim, formatType, type Value } from "../graph.ts";
import type { RulesOf } from "../ops.ts";

export const neural: RulesOf<
  "softmax" | "rmsNorm" | "rotate" | "tokenLogProbs" | "likeliest" | "attendCached"
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
    emit: ({ attributes: { epsilon } }, inputs, outputs, emitter) => {
      emitter.node(
        "SimplifiedLayerNormalization",
        inputs,
        { axis: -1, epsilon: { float: epsilon }, stash_type: 1 },
        { outputs },
      );
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
      const logProbs = emitter.node("LogSoftmax", [logits!], { axis: -1 });
      const last = emitter.ints([-1]);
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
      const last = emitter.ints([-1]);
      emitter.node("ArgMax", [logits!], { axis: -1, keepdims: 0 }, { outputs: [best!] });
      emitter.node("ReduceMax", [logits!, last], { keepdims: 1 }, { outputs: [peak!] });
      const weights = emitter.node("Exp", [emitter.node("Sub", [logits!, peak!])]);
      const sum = emitter.node("ReduceSum", [weights, last], { keepdims: 1 });
      emitter.node("Add", [peak!, emitter.node("Log", [sum])], {}, { outputs: [normalizer!] });
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
