/** Qwen2 (biases on q, k and v) and Qwen3 (a norm of each query and key). */
import { z } from "zod";
import {
  attentionBiasField,
  type CommonFields,
  configuredBias,
  defineFamily,
  layerTypesField,
  plainRope,
  readLayerTypes,
  readWindow,
  type Sizes,
  windowField,
} from "./family.ts";

const ropeTheta = 10_000;
const windowedFromDefault = 28;
const windowDefault = 4096;

const defaults = {
  kvHeadCount: 32,
  headSize: null,
  contextLength: 32_768,
  ropeTheta,
  eosIds: [],
  bosId: null,
  tiedEmbeddings: false,
  activation: "silu",
} as const;

const windowFields = {
  ...windowField,
  ...layerTypesField,
  use_sliding_window: z.boolean().nullish(),
  max_window_layers: z.number().int().nonnegative().nullish(),
};
type WindowFields = z.infer<z.ZodObject<typeof windowFields>>;

function traits(raw: CommonFields & WindowFields, sizes: Sizes) {
  const rope = plainRope(raw, sizes, ropeTheta);
  if (!raw.use_sliding_window) return rope;
  const from = raw.max_window_layers ?? windowedFromDefault;
  const layers = readLayerTypes(raw.layer_types, sizes.layerCount, (layer) => layer >= from);
  return { ...rope, ...readWindow(raw.sliding_window, windowDefault, sizes, layers) };
}

export const qwen2 = defineFamily({
  className: "Qwen2ForCausalLM",
  defaults,
  fields: windowFields,
  read: (raw, sizes) => ({ ...traits(raw, sizes), attentionBias: { qkv: true, output: false } }),
});

export const qwen3 = defineFamily({
  className: "Qwen3ForCausalLM",
  defaults: { ...defaults, headSize: 128 },
  fields: { ...windowFields, ...attentionBiasField },
  read: (raw, sizes) => ({
    ...traits(raw, sizes),
    attentionBias: configuredBias(raw.attention_bias),
    qkNorm: "head",
  }),
});
