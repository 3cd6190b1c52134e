/** Gemma 1 to 3, text alone: norms of 1 + w, scaled embeddings, GeGLU. */
import { z } from "zod";
import { unsupported } from "../config-errors.ts";
import { readRopeByKind } from "../rope-config.ts";
import {
  attentionBiasField,
  configuredBias,
  count,
  defineFamily,
  layerTypesField,
  plainRope,
  readLayerTypes,
  readWindow,
  type Sizes,
  windowField,
} from "./family.ts";

const ropeTheta = 10_000;
const windowDefault = 4096;
const queryScalarDefault = 256;
/** Gemma 2 alternates windowed and full layers; in Gemma 3 every sixth layer is full. */
const windowPatterns = { gemma2: 2, gemma3: 6 };
/** In Gemma 3 full layers use slow rotations, windowed layers the usual ones. */
const gemma3Thetas = { full_attention: 1_000_000, sliding_attention: 10_000 };
const gemma2Softcaps = { attention: 50, logits: 30 };

const defaults = {
  headSize: 256,
  contextLength: 8192,
  ropeTheta,
  eosIds: [1],
  bosId: 2,
  tiedEmbeddings: true,
  activation: "gelu_pytorch_tanh",
} as const;

const fields = {
  ...attentionBiasField,
  use_bidirectional_attention: z.boolean().nullish(),
};
const windowedFields = {
  ...fields,
  ...windowField,
  ...layerTypesField,
  query_pre_attn_scalar: z.number().positive().nullish(),
  attn_logit_softcapping: z.number().positive().nullish(),
  final_logit_softcapping: z.number().positive().nullish(),
};

function gemmaTraits(raw: z.infer<z.ZodObject<typeof fields>>, { hiddenSize }: Sizes) {
  if (raw.use_bidirectional_attention)
    throw unsupported("use_bidirectional_attention", true, ["false"]);
  return {
    normOffset: true,
    embeddingScale: Math.sqrt(hiddenSize),
    attentionBias: configuredBias(raw.attention_bias),
  };
}

/** Scores are divided by the root of the scalar. */
function queryScale(scalar: number | null | undefined): { attentionScale: number } {
  return { attentionScale: 1 / Math.sqrt(scalar ?? queryScalarDefault) };
}

const activationField = "hidden_activation";

export const gemma = defineFamily({
  className: "GemmaForCausalLM",
  defaults: { ...defaults, kvHeadCount: 16 },
  activationField,
  fields,
  read: (raw, sizes) => ({ ...plainRope(raw, sizes, ropeTheta), ...gemmaTraits(raw, sizes) }),
});

/** Null means no cap; a missing field means the default. */
function capOr(cap: number | null | undefined, fallback: number): number | null {
  return cap === undefined ? fallback : cap;
}

export const gemma2 = defineFamily({
  className: "Gemma2ForCausalLM",
  defaults: { ...defaults, kvHeadCount: 4 },
  activationField,
  fields: windowedFields,
  read: (raw, sizes) => ({
    ...plainRope(raw, sizes, ropeTheta),
    ...gemmaTraits(raw, sizes),
    ...queryScale(raw.query_pre_attn_scalar),
    ...readWindow(
      raw.sliding_window,
      windowDefault,
      sizes,
      readLayerTypes(
        raw.layer_types,
        sizes.layerCount,
        (layer) => (layer + 1) % windowPatterns.gemma2 !== 0,
      ),
    ),
    norms: "around" as const,
    attentionSoftcap: capOr(raw.attn_logit_softcapping, gemma2Softcaps.attention),
    logitSoftcap: capOr(raw.final_logit_softcapping, gemma2Softcaps.logits),
  }),
});

export const gemma3 = defineFamily({
  className: "Gemma3ForCausalLM",
  defaults: {
    ...defaults,
    kvHeadCount: 4,
    contextLength: 131_072,
    fields: {
      vocab_size: 262_208,
      hidden_size: 2304,
      intermediate_size: 9216,
      num_hidden_layers: 26,
      num_attention_heads: 8,
    },
  },
  activationField,
  fields: { ...windowedFields, sliding_window_pattern: count.nullish() },
  read: (raw, sizes) => {
    // The reference implementation reads this field of a Gemma 3 and does not apply it.
    if (raw.attn_logit_softcapping)
      throw unsupported("attn_logit_softcapping", raw.attn_logit_softcapping, ["null"]);
    const { rope, window } = readRopeByKind(raw, sizes, gemma3Thetas);
    const pattern = raw.sliding_window_pattern ?? windowPatterns.gemma3;
    const windowedLayers = readLayerTypes(
      raw.layer_types,
      sizes.layerCount,
      (layer) => (layer + 1) % pattern !== 0,
    );
    const given = raw.sliding_window === undefined ? windowDefault : raw.sliding_window;
    return {
      ...gemmaTraits(raw, sizes),
      ...queryScale(raw.query_pre_attn_scalar),
      rope,
      windowRope: window,
      // Layers with a window rotate in a way of their own, also where it is never full.
      ...(windowedLayers.includes(true)
        ? { slidingWindow: given ?? sizes.contextLength, windowedLayers }
        : {}),
      norms: "around" as const,
      qkNorm: "head" as const,
      logitSoftcap: raw.final_logit_softcapping ?? null,
    };
  },
});
