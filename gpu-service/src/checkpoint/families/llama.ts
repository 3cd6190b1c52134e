/** Llama 2 and 3, and the many models in their format. */
import { z } from "zod";
import { attentionBiasField, configuredBias, defineFamily, plainRope } from "./family.ts";

const ropeTheta = 10_000;

export const llama = defineFamily({
  className: "LlamaForCausalLM",
  defaults: {
    kvHeadCount: null,
    headSize: null,
    contextLength: 2048,
    ropeTheta,
    eosIds: [2],
    bosId: 1,
    tiedEmbeddings: false,
    activation: "silu",
  },
  fields: { ...attentionBiasField, mlp_bias: z.boolean().nullish() },
  read: (raw, sizes) => ({
    ...plainRope(raw, sizes, ropeTheta),
    attentionBias: configuredBias(raw.attention_bias),
    mlpBias: raw.mlp_bias ?? false,
  }),
});
