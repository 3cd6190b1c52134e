/** Mistral 7B and its successors: every layer may have a window. */
import { defineFamily, plainRope, readWindow, windowField } from "./family.ts";

const ropeTheta = 10_000;

export const mistral = defineFamily({
  className: "MistralForCausalLM",
  defaults: {
    kvHeadCount: 8,
    headSize: null,
    contextLength: 131_072,
    ropeTheta,
    eosIds: [2],
    bosId: 1,
    tiedEmbeddings: false,
    activation: "silu",
  },
  fields: windowField,
  read: (raw, sizes) => ({
    ...plainRope(raw, sizes, ropeTheta),
    ...readWindow(raw.sliding_window, 4096, sizes, Array<boolean>(sizes.layerCount).fill(true)),
  }),
});
