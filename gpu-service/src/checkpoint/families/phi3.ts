/** Phi-3, Phi-3.5 and Phi-4: q, k and v in one matrix, gate and up in another. */
import { count, defineFamily, plainRope, readWindow, windowField } from "./family.ts";

const ropeTheta = 10_000;

export const phi3 = defineFamily({
  className: "Phi3ForCausalLM",
  defaults: {
    kvHeadCount: null,
    headSize: null,
    contextLength: 4096,
    ropeTheta,
    eosIds: [32_000],
    bosId: 1,
    tiedEmbeddings: false,
    activation: "silu",
    rmsNormEps: 1e-5,
  },
  fields: { ...windowField, original_max_position_embeddings: count.nullish() },
  read: (raw, sizes) => ({
    ...plainRope(raw, sizes, ropeTheta),
    ...readWindow(raw.sliding_window, null, sizes, Array<boolean>(sizes.layerCount).fill(true)),
    fusedProjections: true,
  }),
});
