/** SmolLM3: some layers have no positions. */
import { z } from "zod";
import { invalid } from "../config-errors.ts";
import {
  attentionBiasField,
  configuredBias,
  count,
  defineFamily,
  layerTypesField,
  plainRope,
  readLayerTypes,
  readWindow,
  windowField,
} from "./family.ts";

const ropeTheta = 2_000_000;
/** Every fourth layer has no positions. */
const unrotatedIntervalDefault = 4;

export const smollm3 = defineFamily({
  className: "SmolLM3ForCausalLM",
  defaults: {
    kvHeadCount: 4,
    headSize: null,
    contextLength: 32_768,
    ropeTheta,
    eosIds: [128_001],
    bosId: 128_000,
    tiedEmbeddings: true,
    activation: "silu",
  },
  fields: {
    ...attentionBiasField,
    ...windowField,
    ...layerTypesField,
    use_sliding_window: z.boolean().nullish(),
    mlp_bias: z.boolean().nullish(),
    no_rope_layers: z.array(z.number()).nullish(),
    no_rope_layer_interval: count.nullish(),
  },
  read: (raw, sizes) => {
    const { layerCount } = sizes;
    const interval = raw.no_rope_layer_interval ?? unrotatedIntervalDefault;
    // In a config's list 1 stands for a layer that is rotated.
    const rotated =
      raw.no_rope_layers ??
      Array.from({ length: layerCount }, (_, layer) => Number((layer + 1) % interval !== 0));
    if (rotated.length < layerCount)
      throw invalid("no_rope_layers", `has ${rotated.length} entries for ${layerCount} layers`);
    const unrotatedLayers = rotated.slice(0, layerCount).map((flag) => flag === 0);
    const isWindowed = (layer: number) => unrotatedLayers[layer] === true;
    return {
      ...plainRope(raw, sizes, ropeTheta),
      ...(raw.use_sliding_window
        ? readWindow(
            raw.sliding_window,
            null,
            sizes,
            readLayerTypes(raw.layer_types, layerCount, isWindowed),
          )
        : {}),
      attentionBias: configuredBias(raw.attention_bias),
      mlpBias: raw.mlp_bias ?? false,
      unrotatedLayers,
    };
  },
});
