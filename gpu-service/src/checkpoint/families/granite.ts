/** Granite 3 and 4 (dense): Llama with embeddings, scores, residuals and logits multiplied by numbers of the config. */
import { z } from "zod";
import { attentionBiasField, configuredBias, defineFamily, plainRope } from "./family.ts";

const ropeTheta = 10_000;
const multiplier = z.number().positive().nullish();

export const granite = defineFamily({
  className: "GraniteForCausalLM",
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
  fields: {
    ...attentionBiasField,
    mlp_bias: z.boolean().nullish(),
    embedding_multiplier: multiplier,
    attention_multiplier: multiplier,
    residual_multiplier: multiplier,
    logits_scaling: multiplier,
  },
  read: (raw, sizes) => ({
    ...plainRope(raw, sizes, ropeTheta),
    attentionBias: configuredBias(raw.attention_bias),
    mlpBias: raw.mlp_bias ?? false,
    embeddingScale: raw.embedding_multiplier ?? 1,
    attentionScale: raw.attention_multiplier ?? 1,
    residualScale: raw.residual_multiplier ?? 1,
    logitScale: 1 / (raw.logits_scaling ?? 1),
  }),
});
