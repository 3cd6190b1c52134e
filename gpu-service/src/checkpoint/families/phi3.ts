/** Phi-3, Phi-3.5 and Phi-4: q, k and v in one matrix, gate and up in another; Phi-4-mini rotates a part of each head. */
import { invalid, unsupported } from "../config-errors.ts";
import { rotatedShare } from "../rope-config.ts";
import {
  type CommonFields,
  count,
  defineFamily,
  plainRope,
  readWindow,
  type Sizes,
  windowField,
} from "./family.ts";

const ropeTheta = 10_000;
const ropeTypes = ["default", "longrope", "su"];

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
  read: (raw, sizes) => {
    refuseOtherRopes(raw);
    const rotarySize = readRotarySize(raw, sizes);
    return {
      ...plainRope(raw, { ...sizes, rotarySize }, ropeTheta),
      rotarySize,
      ...readWindow(raw.sliding_window, null, sizes, Array<boolean>(sizes.layerCount).fill(true)),
      fusedProjections: true,
    };
  },
});

function readRotarySize(raw: CommonFields, { headSize }: Sizes): number {
  const share = rotatedShare(raw);
  const size = Math.trunc(headSize * share);
  if (size < 2 || size > headSize || size % 2 !== 0)
    throw invalid("partial_rotary_factor", `${share} does not leave pairs of a head's ${headSize}`);
  return size;
}

/** `transformers` reads "yarn" of this family as longrope, and takes no others. */
function refuseOtherRopes(raw: CommonFields): void {
  const field = raw.rope_scaling ? "rope_scaling" : "rope_parameters";
  const { rope_type, type = "default" } = raw[field] ?? {};
  const given = rope_type ?? type;
  if (given !== null && !ropeTypes.includes(given))
    throw unsupported(`${field}.rope_type`, given, ropeTypes);
}
