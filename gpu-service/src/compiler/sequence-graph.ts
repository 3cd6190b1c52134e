/**
 * The adapt graph: log-probs of known replies under an adapter and, when asked, each row's gradient
 * ∂S/∂B of their sum S. It knows neither targets nor steps; those are the update's.
 */
import { attendSequence } from "./attention.ts";
import type { ModelConfig } from "./checkpoint.ts";
import { type DecoderParts, decoder, head } from "./decoder.ts";
import {
  concat,
  expandTo,
  input,
  matmul,
  multiply,
  reshape,
  scalar,
  tokenLogProbs,
} from "./functions.ts";
import { gradients } from "./gradients.ts";
import type { Value } from "./graph.ts";
import { layerInputs } from "./layer-kinds.ts";
import { loraGroups, loraSites } from "./lora.ts";
import type { Quantization } from "./quantize.ts";
import { weightReader } from "./weights.ts";

/**
 * Inputs: `ids` and `positions` [R, T], `mask` [T, T], `cos` and `sin` [P, D/2] (layer-kinds.ts:
 * also `.window`, where layers differ), `select` [R, Y, T]
 * (one 1 a reply token, at the position that predicts it), `targets` [R, Y], `counted` [R, Y] (1 for a
 * token, 0 for padding), and with a rank `a.{group}` [r, in] and `b.{module}` [out, r].
 * Outputs: `logprobs` [R, Y], 0 at padding; with `gradients` also `jacobian` [R, Σ out·r], row i = ∂S_i/∂B.
 */
export function sequenceGraph(
  config: ModelConfig,
  options: { rank: number; gradients: boolean; quantization?: Quantization | null },
): Record<string, Value> {
  const { rank } = options;
  const ids = input("ids", { dtype: "i64", shape: ["R", "T"] });
  const positions = input("positions", { dtype: "i64", shape: ["R", "T"] });
  const inputsOf = layerInputs(config, { maskShape: ["T", "T"], positions: "P" });
  const parts: DecoderParts = {
    ...weightReader(options.quantization ?? null),
    attend: (layer, q, k, v) => attendSequence(config, q, k, v, { positions, ...inputsOf(layer) }),
  };
  const sites = loraSites(config);
  const perRow = new Map<string, Value>();
  if (rank > 0) {
    const a = new Map(
      loraGroups(config).map((group) => [
        group.name,
        input(`a.${group.name}`, { dtype: "f32", shape: [rank, group.in] }),
      ]),
    );
    // Every row gets a B of its own, so that the gradient of ΣS_i is each row's gradient.
    const rows = input("rows", { dtype: "f32", shape: ["R", 1, 1] });
    for (const { module, out } of sites) {
      const b = input(`b.${module}`, { dtype: "f32", shape: [out, rank] });
      perRow.set(module, multiply(reshape(b, [1, out, rank]), rows));
    }
    parts.lora = { a: (group) => a.get(group)!, b: (module) => perRow.get(module)! };
  }

  const hidden = decoder(config, ids, parts);
  const select = input("select", { dtype: "f32", shape: ["R", "Y", "T"] });
  const targets = input("targets", { dtype: "i64", shape: ["R", "Y"] });
  const counted = input("counted", { dtype: "f32", shape: ["R", "Y"] });
  const logits = head(config, matmul(select, hidden), parts);
  const logprobs = multiply(tokenLogProbs(logits, targets), counted);
  if (!options.gradients) return { logprobs };

  const one = expandTo(scalar(1), logprobs);
  const cotangents = gradients([{ value: logprobs, seed: one }], [...perRow.values()]);
  const flat = cotangents.map((g, index) => reshape(g, ["R", sites[index]!.out * rank]));
  return { logprobs, jacobian: concat(flat, 1) };
}
