/**
 * Log-probs of known tokens after the last block, and their gradient, over the whole vocabulary or over one slice of it
 * at a time. It knows neither the rows' tokens nor files.
 *
 * Letters in shapes: N positions that predict a token, C hidden size, v rows of the vocabulary's matrix.
 */
import type { ModelConfig } from "../../checkpoint/checkpoint.ts";
import { type DecoderParts, finalNorm, head, logitsOf, outsideBlocks } from "../decoder/decoder.ts";
import type { Quantization } from "../decoder/quantize.ts";
import { fedWeights, weightReader } from "../decoder/weights.ts";
import { gradients } from "../gradients.ts";
import {
  add,
  concat,
  divide,
  exp,
  expandTo,
  input,
  matmul,
  multiply,
  negate,
  reduceMax,
  reduceSum,
  scalar,
  subtract,
  tokenLogProbs,
} from "../ir/functions.ts";
import type { Value } from "../ir/types.ts";

/**
 * Inputs: `h` [N, C], hidden states after the last block at the positions that predict a reply's token;
 * `targets` [N]. Outputs: `logprobs` [N]; backward also `cotangent` [N, C] of `h` for the sum of `logprobs`.
 */
export function headGraph(
  config: ModelConfig,
  {
    backward,
    quantization,
    targets: dtype = "i64",
  }: { backward: boolean; quantization: Quantization | null; targets?: "i64" | "i32" },
): Record<string, Value> {
  const h = hiddenStates(config);
  const parts: DecoderParts = { ...weightReader(config, quantization), attend: outsideBlocks };
  const logits = head(config, finalNorm(config, h, parts), parts);
  const logprobs = tokenLogProbs(logits, input("targets", { dtype, shape: ["N"] }));
  if (!backward) return { logprobs };
  const [cotangent] = gradients([{ value: logprobs, seed: expandTo(scalar(1), logprobs) }], [h]);
  return { logprobs, cotangent: cotangent! };
}

/**
 * Adds a slice of the vocabulary to running sums, each relative to the largest logit so far (Milakov &
 * Gimelshein, arXiv 1805.02867).
 * Inputs: `h` [N, C]; `model.norm.weight`; `table` [v, C], the slice's rows; `peak.before` and `total.before`
 * [N, 1]; backward also `pull.before` [N, C]. Outputs, with the slice's logits ℓ and n = norm(h): the larger `peak` m,
 * `total` = Σ exp(ℓ − m), `pull` = Σ exp(ℓ − m)·∂ℓ/∂n. To begin with the peak is −∞, the others are 0.
 */
export function vocabularySliceGraph(
  config: ModelConfig,
  backward: boolean,
): Record<string, Value> {
  const column = (name: string) => input(name, { dtype: "f32", shape: ["N", 1] });
  const [peak, total] = [column("peak.before"), column("total.before")];
  const n = normalised(config, hiddenStates(config));
  const table = input("table", { dtype: "f32", shape: ["v", config.hiddenSize] });
  const logits = logitsOf(config, matmul(n, table, { transposeB: true }));
  const { kept, weights, ...sums } = grownSums(logits, peak, total);
  if (!backward) return sums;
  const [pulled] = gradients([{ value: logits, seed: weights }], [n]);
  const pull = input("pull.before", { dtype: "f32", shape: ["N", config.hiddenSize] });
  return { ...sums, pull: add(multiply(pull, kept), pulled!) };
}

/**
 * The results of the running sums. Inputs: `h` [N, C]; `model.norm.weight`; `rows` [N, C], the vocabulary's rows of the
 * targets; backward also `total` and `pull`. Outputs: `logits` [N, 1] of the targets, whose log-probs are logit − peak
 * − log total; backward also `cotangent` [N, C] of `h` for the sum of the log-probs.
 */
export function targetGraph(config: ModelConfig, backward: boolean): Record<string, Value> {
  const h = hiddenStates(config);
  const n = normalised(config, h);
  const stream = n.shape;
  const rows = input("rows", { dtype: "f32", shape: stream });
  const logits = logitsOf(config, reduceSum(multiply(n, rows), [1], true));
  if (!backward) return { logits };
  const total = input("total", { dtype: "f32", shape: ["N", 1] });
  const pull = input("pull", { dtype: "f32", shape: stream });
  const [cotangent] = gradients(
    [
      { value: logits, seed: expandTo(scalar(1), logits) },
      { value: n, seed: negate(divide(pull, total)) },
    ],
    [h],
  );
  return { logits, cotangent: cotangent! };
}

/**
 * Running sums for KL(new ‖ old) over a slice of the vocabulary, each relative to its policy's largest logit so far.
 * Inputs: `h` and `h.old` [N, C]; `model.norm.weight`; `table` [v, C]; `{sum}.before` [N, 1] of each output. Outputs:
 * `peak` m, `total` = Σ exp(ℓ − m), `cross` = Σ exp(ℓ − m)·(ℓ − ℓ′) of the new policy's logits ℓ and the old one's ℓ′;
 * `old.peak` and `old.total` of ℓ′. To begin with peaks are −∞, the others are 0.
 */
export function divergenceSliceGraph(config: ModelConfig): Record<string, Value> {
  const before = (name: string) => input(`${name}.before`, { dtype: "f32", shape: ["N", 1] });
  const table = input("table", { dtype: "f32", shape: ["v", config.hiddenSize] });
  const logitsAt = (h: Value) =>
    logitsOf(config, matmul(normalised(config, h), table, { transposeB: true }));
  const logits = logitsAt(hiddenStates(config));
  const oldLogits = logitsAt(oldStates(config));
  const { peak, total, kept, weights } = grownSums(logits, before("peak"), before("total"));
  const old = grownSums(oldLogits, before("old.peak"), before("old.total"));
  const apart = multiply(weights, subtract(logits, oldLogits));
  return {
    peak,
    total,
    cross: add(multiply(before("cross"), kept), reduceSum(apart, [1], true)),
    "old.peak": old.peak,
    "old.total": old.total,
  };
}

/** The sums of `divergenceSliceGraph` over the whole vocabulary, of `h` and `h.old` [N, C]. */
export function divergenceGraph(
  config: ModelConfig,
  quantization: Quantization | null,
): Record<string, Value> {
  const parts: DecoderParts = { ...weightReader(config, quantization), attend: outsideBlocks };
  const logitsAt = (h: Value) => head(config, finalNorm(config, h, parts), parts);
  const logits = logitsAt(hiddenStates(config));
  const oldLogits = logitsAt(oldStates(config));
  const [peak, oldPeak] = [reduceMax(logits), reduceMax(oldLogits)];
  const weights = exp(subtract(logits, peak));
  const sum = (x: Value) => reduceSum(x, [1], true);
  return {
    peak,
    total: sum(weights),
    cross: sum(multiply(weights, subtract(logits, oldLogits))),
    "old.peak": oldPeak,
    "old.total": sum(exp(subtract(oldLogits, oldPeak))),
  };
}

/** Peak and total including a slice's logits, the factor on earlier sums, and exp(ℓ − peak) of the slice. */
function grownSums(logits: Value, peak: Value, total: Value) {
  const higher = reduceMax(concat([peak, reduceMax(logits)], 1));
  const kept = exp(subtract(peak, higher));
  const weights = exp(subtract(logits, higher));
  return {
    peak: higher,
    total: add(multiply(total, kept), reduceSum(weights, [1], true)),
    kept,
    weights,
  };
}

function hiddenStates({ hiddenSize }: ModelConfig): Value {
  return input("h", { dtype: "f32", shape: ["N", hiddenSize] });
}

function oldStates({ hiddenSize }: ModelConfig): Value {
  return input("h.old", { dtype: "f32", shape: ["N", hiddenSize] });
}

function normalised(config: ModelConfig, h: Value): Value {
  return finalNorm(config, h, { ...fedWeights(), attend: outsideBlocks });
}
