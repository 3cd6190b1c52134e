/** The pre-training graph: mean loss over the counted tokens of packed documents, and its weight gradients. */

import type { ModelConfig } from "../../checkpoint/checkpoint.ts";
import { tensorShapes } from "../../checkpoint/checkpoint.ts";
import { attendSequence } from "../decoder/attention.ts";
import { decoder, head } from "../decoder/decoder.ts";
import { gradients } from "../gradients.ts";
import {
  gatherRows,
  input,
  matmul,
  multiply,
  negate,
  reduceSum,
  reshape,
  tokenLogProbs,
} from "../ir/functions.ts";
import type { Value } from "../ir/graph.ts";

/** Static sizes of a batch: R rows of T tokens, of which N predict a counted token. */
export interface BatchSizes {
  R: number;
  T: number;
  N: number;
}

/**
 * Inputs: every checkpoint tensor by name, `ids` and `positions` [R, T], `mask` [R, 1, 1, T, T] (0 within a
 * document's past, very negative elsewhere), `cos` and `sin` [T, D/2], `chosen` [N] (flat indices of the
 * predicting positions), `targets` [N], `shares` [N] (each token's share of the mean; 0 for padding).
 * Outputs: `loss` [], nats a token, and `gradient.{name}` of the loss for every tensor.
 */
export function trainingGraph(config: ModelConfig, { R, T, N }: BatchSizes): Record<string, Value> {
  const parameters = new Map(
    [...tensorShapes(config)].map(([name, shape]) => [
      name,
      input(name, { dtype: "f32", shape: [...shape] }),
    ]),
  );
  const half = config.headSize / 2;
  const inputs = {
    positions: input("positions", { dtype: "i64", shape: [R, T] }),
    mask: input("mask", { dtype: "f32", shape: [R, 1, 1, T, T] }),
    cos: input("cos", { dtype: "f32", shape: [T, half] }),
    sin: input("sin", { dtype: "f32", shape: [T, half] }),
  };
  const parts = {
    weight: (name: string) => parameters.get(name)!,
    linear: (x: Value, name: string) => matmul(x, parameters.get(name)!, { transposeB: true }),
    attend: (_: number, q: Value, k: Value, v: Value) => attendSequence(config, q, k, v, inputs),
  };
  const hidden = decoder(config, input("ids", { dtype: "i64", shape: [R, T] }), parts);
  const flat = reshape(hidden, [R * T, config.hiddenSize]);
  const chosen = gatherRows(flat, input("chosen", { dtype: "i64", shape: [N] }));
  const logprobs = tokenLogProbs(
    head(config, chosen, parts),
    input("targets", { dtype: "i64", shape: [N] }),
  );
  const shares = input("shares", { dtype: "f32", shape: [N] });
  const loss = negate(reduceSum(multiply(logprobs, shares), [0], false));
  const names = [...parameters.keys()];
  const cotangents = gradients(
    [{ value: logprobs, seed: negate(shares) }],
    [...parameters.values()],
  );
  return {
    loss,
    ...Object.fromEntries(names.map((name, index) => [`gradient.${name}`, cotangents[index]!])),
  };
}
