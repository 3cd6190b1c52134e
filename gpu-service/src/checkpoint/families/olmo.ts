/** OLMo 2 and 3: norms after attention and feed-forward, and of all heads' queries and keys together. */
import { readRopeByKind } from "../rope-config.ts";
import {
  attentionBiasField,
  configuredBias,
  defineFamily,
  layerTypesField,
  plainRope,
  readLayerTypes,
  windowField,
} from "./family.ts";

const olmo2Theta = 10_000;
const olmo3Thetas = { full_attention: 500_000, sliding_attention: 500_000 };
const windowDefault = 4096;
/** Every fourth layer has no window. */
const windowPattern = 4;

const defaults = {
  kvHeadCount: null,
  headSize: null,
  contextLength: 2048,
  ropeTheta: olmo2Theta,
  eosIds: [50_279],
  bosId: null,
  tiedEmbeddings: false,
  activation: "silu",
  rmsNormEps: 1e-5,
} as const;
const shared = { norms: "after", qkNorm: "all" } as const;

export const olmo2 = defineFamily({
  className: "Olmo2ForCausalLM",
  defaults,
  fields: attentionBiasField,
  read: (raw, sizes) => ({
    ...plainRope(raw, sizes, olmo2Theta),
    ...shared,
    attentionBias: configuredBias(raw.attention_bias),
  }),
});

export const olmo3 = defineFamily({
  className: "Olmo3ForCausalLM",
  defaults,
  fields: { ...attentionBiasField, ...windowField, ...layerTypesField },
  read: (raw, sizes) => {
    const { rope, window } = readRopeByKind(raw, sizes, olmo3Thetas);
    const isWindowed = (layer: number) => (layer + 1) % windowPattern !== 0;
    const windowedLayers = readLayerTypes(raw.layer_types, sizes.layerCount, isWindowed);
    const given = raw.sliding_window === undefined ? windowDefault : raw.sliding_window;
    return {
      ...shared,
      rope,
      windowRope: window,
      // Layers with a window rotate in a way of their own, also where it is never full.
      ...(windowedLayers.includes(true)
        ? { slidingWindow: given ?? sizes.contextLength, windowedLayers }
        : {}),
      attentionBias: configuredBias(raw.attention_bias),
    };
  },
});
