/** Reads the rotary settings of a config: one for all layers, or one for each kind of layer (Gemma 3, OLMo 3). */
import { z } from "zod";
import { invalid, parse, unsupported } from "./config-errors.ts";
import type { Rope, RopeScaling } from "./decoder-config.ts";

const count = z.number().int().positive();
const positive = z.number().positive();

const settingsSchema = z.looseObject({
  rope_type: z.string().nullish(),
  type: z.string().nullish(),
  rope_theta: positive.nullish(),
  partial_rotary_factor: z.number().nullish(),
});
type Settings = z.infer<typeof settingsSchema>;

/** The fields of config.json that this file reads. */
export const ropeFields = {
  rope_theta: positive.nullish(),
  rope_local_base_freq: positive.nullish(),
  rope_scaling: settingsSchema.nullish(),
  rope_parameters: settingsSchema.nullish(),
  partial_rotary_factor: z.number().nullish(),
  original_max_position_embeddings: count.nullish(),
};
const fieldsSchema = z.object(ropeFields);
export type RopeFields = z.infer<typeof fieldsSchema>;

/** What the settings depend on. */
interface Sizes {
  headSize: number;
  /** Numbers of a head that are rotated, where a family may leave some unrotated. */
  rotarySize?: number;
  contextLength: number;
}

/**
 * Settings for all layers; theta defaults to the family's. Both spellings are read: `rope_theta` + `rope_scaling`
 * (transformers ≤ 4) and `rope_parameters` (5).
 */
export function readRope(raw: RopeFields, sizes: Sizes, ropeTheta: number): Rope {
  const [field, settings] = raw.rope_scaling
    ? ["rope_scaling", raw.rope_scaling]
    : ["rope_parameters", raw.rope_parameters ?? {}];
  const theta = settings.rope_theta ?? raw.rope_theta ?? ropeTheta;
  return readSettings(raw, field, settings, theta, sizes);
}

const kindsSchema = z.object({
  full_attention: settingsSchema.nullish(),
  sliding_attention: settingsSchema.nullish(),
});

/**
 * The two settings of Gemma 3 and OLMo 3: one for full layers, which `rope_scaling` applies to, and one for layers with
 * a window.
 */
export function readRopeByKind(
  raw: RopeFields,
  sizes: Sizes,
  thetas: Record<keyof typeof kindsSchema.shape, number>,
): { rope: Rope; window: Rope } {
  const kinds = parse("config.json", kindsSchema, raw.rope_parameters ?? {}, "rope_parameters.");
  const [field, given] = raw.rope_scaling
    ? ["rope_scaling", raw.rope_scaling]
    : ["rope_parameters.full_attention", kinds.full_attention ?? {}];
  // `transformers` (5.18) looks for it beside the kinds of layers, and so never finds it.
  const { truncate: _, ...far } = given;
  const near = kinds.sliding_attention ?? {};
  const thetaOf = (settings: Settings, kind: keyof typeof thetas, own: number | nullish) =>
    settings.rope_theta ?? own ?? thetas[kind];
  const farTheta = thetaOf(far, "full_attention", raw.rope_theta);
  const nearTheta = thetaOf(near, "sliding_attention", raw.rope_local_base_freq);
  return {
    rope: readSettings(raw, field, far, farTheta, sizes),
    window: readSettings(raw, "rope_parameters.sliding_attention", near, nearTheta, sizes),
  };
}

type nullish = null | undefined;

function readSettings(
  raw: RopeFields,
  field: string,
  settings: Settings,
  theta: number,
  sizes: Sizes,
): Rope {
  const rotated = rotatedShare(raw, settings);
  if (rotated !== 1 && sizes.rotarySize === undefined)
    throw unsupported("partial_rotary_factor", rotated, ["1"]);
  const type = settings.rope_type ?? settings.type ?? "default";
  if (type === "default") {
    const nested = Object.values(settings).find((value) => typeof value === "object" && value);
    if (nested) throw unsupported(field, settings, ["one setting for all layers"]);
    return { theta, scaling: null };
  }
  const readScaling = Object.hasOwn(scalings, type) ? scalings[type]! : null;
  if (readScaling === null)
    throw unsupported(`${field}.rope_type`, type, ["default", ...Object.keys(scalings)]);
  return { theta, scaling: readScaling({ raw, field, settings, sizes }) };
}

/** Share of each head's numbers that are rotated. */
export function rotatedShare(
  raw: RopeFields,
  settings = raw.rope_scaling ?? raw.rope_parameters ?? {},
): number {
  return settings.partial_rotary_factor ?? raw.partial_rotary_factor ?? 1;
}

interface ScalingContext {
  raw: RopeFields;
  field: string;
  settings: Settings;
  sizes: Sizes;
}

const factorSchema = z.object({ factor: positive });
const llama3Schema = z.object({
  factor: positive,
  low_freq_factor: positive,
  high_freq_factor: positive,
  original_max_position_embeddings: count.nullish(),
});
const yarnSchema = z.object({
  factor: positive.nullish(),
  attention_factor: positive.nullish(),
  mscale: z.number().nullish(),
  mscale_all_dim: z.number().nullish(),
  beta_fast: z.number().nullish(),
  beta_slow: z.number().nullish(),
  truncate: z.boolean().nullish(),
  original_max_position_embeddings: count.nullish(),
});
const longRopeSchema = z.object({
  factor: positive.nullish(),
  attention_factor: positive.nullish(),
  short_factor: z.array(positive),
  original_max_position_embeddings: count.nullish(),
});

const scalings: Record<string, (context: ScalingContext) => RopeScaling | null> = {
  linear: ({ field, settings }) => ({
    type: "linear",
    factor: parse("config.json", factorSchema, settings, `${field}.`).factor,
  }),
  llama3: readLlama3,
  yarn: readYarn,
  longrope: readLongRope,
  // Phi-3's first name for it.
  su: readLongRope,
  /** Nothing is stretched within the trained context, and no longer one is served. */
  dynamic: ({ field, settings }) => {
    parse("config.json", factorSchema, settings, `${field}.`);
    return null;
  },
};

function readLlama3({ field, settings, sizes }: ScalingContext): RopeScaling {
  const scaling = parse("config.json", llama3Schema, settings, `${field}.`);
  if (scaling.high_freq_factor <= scaling.low_freq_factor)
    throw invalid(
      `${field}.high_freq_factor`,
      `${scaling.high_freq_factor} is not above low_freq_factor ${scaling.low_freq_factor}`,
    );
  return {
    type: "llama3",
    factor: scaling.factor,
    lowFreqFactor: scaling.low_freq_factor,
    highFreqFactor: scaling.high_freq_factor,
    originalContextLength: scaling.original_max_position_embeddings ?? sizes.contextLength,
  };
}

function readYarn({ raw, field, settings, sizes }: ScalingContext): RopeScaling {
  const yarn = parse("config.json", yarnSchema, settings, `${field}.`);
  const originalContextLength =
    yarn.original_max_position_embeddings ??
    raw.original_max_position_embeddings ??
    sizes.contextLength;
  const factor = yarn.factor ?? sizes.contextLength / originalContextLength;
  const grow = (scale = 1) => (factor <= 1 ? 1 : 0.1 * scale * Math.log(factor) + 1);
  const { mscale, mscale_all_dim } = yarn;
  const grown = mscale && mscale_all_dim ? grow(mscale) / grow(mscale_all_dim) : grow();
  return {
    type: "yarn",
    factor,
    attentionFactor: yarn.attention_factor ?? grown,
    betaFast: yarn.beta_fast || 32,
    betaSlow: yarn.beta_slow || 1,
    originalContextLength,
    truncate: yarn.truncate ?? true,
  };
}

/** Only the divisors for the trained context are read: `servedContext` keeps texts within it. */
function readLongRope({ raw, field, settings, sizes }: ScalingContext): RopeScaling {
  const scaling = parse("config.json", longRopeSchema, settings, `${field}.`);
  const { headSize, rotarySize = headSize, contextLength } = sizes;
  const pairs = rotarySize / 2;
  if (scaling.short_factor.length !== pairs)
    throw invalid(
      `${field}.short_factor`,
      `has ${scaling.short_factor.length} entries for ${pairs} frequencies`,
    );
  const original = trainedContext(raw, settings) ?? contextLength;
  const factor = scaling.factor ?? contextLength / original;
  const grown = factor <= 1 ? 1 : Math.sqrt(1 + Math.log(factor) / Math.log(original));
  return {
    type: "longrope",
    divisors: scaling.short_factor,
    attentionFactor: scaling.attention_factor ?? grown,
  };
}

function trainedContext(raw: RopeFields, settings: Settings): number | null {
  const schema = longRopeSchema.pick({ original_max_position_embeddings: true });
  const { original_max_position_embeddings: own } = parse("config.json", schema, settings);
  return own ?? raw.original_max_position_embeddings ?? null;
}

/**
 * Tokens that one set of rotations serves. Models with `longrope` change all rotations once a text is longer than
 * the trained context, keys already cached included; such texts are not taken.
 */
export function servedContext(raw: RopeFields, contextLength: number): number {
  const settings = raw.rope_scaling ?? raw.rope_parameters ?? {};
  const type = settings.rope_type ?? settings.type;
  if (type !== "longrope" && type !== "su") return contextLength;
  return Math.min(contextLength, trainedContext(raw, settings) ?? contextLength);
}
