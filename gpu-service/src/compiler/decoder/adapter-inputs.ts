/** An adapter's matrices as inputs of serving graphs. */
import type { ModelConfig } from "../../checkpoint/checkpoint.ts";
import { loraGroups } from "../../lora/sites.ts";
import { input, matmul } from "../ir/functions.ts";
import type { Dim } from "../ir/types.ts";
import type { DecoderParts } from "./decoder.ts";

/**
 * Adapter matrices as inputs of serving graphs, each made once: `a.{group}` [r, in], and `b.{group}` [R, Σ out, r] with
 * the group's B matrices one below the other, in the order of an adapter's flat vector. With `transposed`, `b.{group}`
 * is [R, r, Σ out].
 */
export function adapterInputs(
  config: ModelConfig,
  {
    rows = "R",
    rank = "r",
    transposed = false,
  }: { rows?: Dim; rank?: Dim; transposed?: boolean } = {},
): NonNullable<DecoderParts["lora"]> {
  const inputs = new Map(
    loraGroups(config).map(({ name, in: width, out }) => {
      const a = input(`a.${name}`, { dtype: "f32", shape: [rank, width] });
      const shape = transposed ? [rows, rank, out] : [rows, out, rank];
      return [name, { a, b: input(`b.${name}`, { dtype: "f32", shape }) }];
    }),
  );
  return {
    a: (group) => inputs.get(group)!.a,
    joinedUp: (group, low) => matmul(low, inputs.get(group)!.b, { transposeB: !transposed }),
  };
}
