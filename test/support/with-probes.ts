/** A model whose own samples are drawn from given prompts at each call: tests of updates measure KL on them. */
import type { AdaptableModel } from "../../gpu-service/src/adapt/adapt.ts";
import { drawSamples } from "../../gpu-service/src/adapt/probes.ts";
import type { Probes } from "../../gpu-service/src/adapt/trust-region.ts";
import type { Model } from "../../gpu-service/src/engine/model/model.ts";
import type { Slices } from "../../gpu-service/src/language-model.ts";

const options = { tokensMax: 16, msMax: 60_000 };
const countMin = 8;

/** Prompts are a few ids of the vocabulary by default; there are no anchors. */
export function withProbes(
  model: Model,
  prompts: readonly Int32Array[] = [Int32Array.of(5, 3, 8), Int32Array.of(2, 9, 4)],
): AdaptableModel {
  let probes: Probes | null = null;
  return {
    // biome-ignore lint/correctness/useYield: nothing is to be made
    anchors: async function* () {
      return null;
    },
    passRows: (...pass) => model.passRows(...pass),
    hiddenStates: (...pass) => model.hiddenStates(...pass),
    divergence: (...states) => model.divergence(...states),
    adapterLength: (rank) => model.adapterLength(rank),
    witnesses: own,
    probes: own,
  };

  async function* own(): Slices<Probes> {
    if (probes === null) {
      const rows = yield* drawSamples(model, prompts, model.shape.eosIds, {
        ...options,
        count: Math.max(countMin, prompts.length),
      });
      const weights = rows.map(() => 1);
      const base = yield* model.hiddenStates(rows, null);
      probes = { rows, weights, base, known: new WeakMap() };
    }
    return probes;
  }
}
