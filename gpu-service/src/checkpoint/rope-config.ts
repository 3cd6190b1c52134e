/** Reads the rotary settings of a config: one for all layers, or one a kind of layer (Gemma 3). */
import { z } from "zod";
import { invalid, parse, unsupported } from "./config-errors.ts";

/** Angles of one kind of layer: theta, and how frequencies are stretched. */
export interface Rope {
  theta: number;
  scaling: RopeScaling | null;
}

export type RopeScaling = Llama3Scaling | LinearScaling;

/** Llama 3's stretch of low frequencies. */
interface Llama3Scaling {
  type: "llama3";
  factor: number;
  lowFreqFactor: number;
  highFreqFactor: number;
  originalContextLength: number;
}

/** Every position divided by the factor. */
interface LinearScaling {
  type: "linear";
  factor: number;
}

const count = z.number().int().positive();

const settingsSchema = z.looseObject({
  rope_type: z.string().nullish(),
  type: z.string().nullish(),
  rope_theta: z.number().positive().nullish(),
  partial_rotary_factor: z.number().nullish(),
});
type Settings = z.infer<typeof settingsSchema>;

/** The fields of config.json that this file reads. */
export const ropeFields = {
  rope_theta: z.number().positive().nullish(),
  rope_local_base_freq: z.number().positive().nullish(),
  rope_scaling: settingsSchema.nullish(),
  rope_parameters: settingsSchema.nullish(),
  partial_rotary_factor: z.number().nullish(),
};
const fieldsSchema = z.object(ropeFields);
type Fields = z.infer<typeof fieldsSchema>;

const llama3Schema = z.object({
  factor: z.number().positive(),
  low_freq_factor: z.number().positive(),
  high_freq_factor: z.number().positive(),
  original_max_position_embeddings: count.nullish(),
});
const linearSchema = z.object({ factor: z.number().positive() });

/** Gemma 3 sees far with slow rotations and near with the usual ones. */
const gemma3Thetas = { full_attention: 1_000_000, sliding_attention: 10_000 };

/**
 * Settings for all layers alike, theta by default the family's. Both spellings are read: `rope_theta` + `rope_scaling` (transformers ≤ 4)
 * and `rope_parameters` (5).
 */
export function readRope(
  raw: Fields,
  contextLength: number,
  { ropeTheta }: { ropeTheta: number },
): Rope {
  const [field, settings] = raw.rope_scaling
    ? ["rope_scaling", raw.rope_scaling]
    : ["rope_parameters", raw.rope_parameters ?? {}];
  const theta = settings.rope_theta ?? raw.rope_theta ?? ropeTheta;
  return readSettings(raw, field, settings, theta, contextLength);
}

/** Gemma 3's two: for layers that see everything (these alone may be scaled) and for those with a window. */
export function readGemma3Rope(raw: Fields, contextLength: number): { rope: Rope; window: Rope } {
  const kinds = z
    .object({
      full_attention: settingsSchema.nullish(),
      sliding_attention: settingsSchema.nullish(),
    })
    .parse(raw.rope_parameters ?? {});
  const [field, far] = raw.rope_scaling
    ? ["rope_scaling", raw.rope_scaling]
    : ["rope_parameters.full_attention", kinds.full_attention ?? {}];
  const near = kinds.sliding_attention ?? {};
  const thetaOf = (settings: Settings, kind: keyof typeof gemma3Thetas, own: number | nullish) =>
    settings.rope_theta ?? own ?? gemma3Thetas[kind];
  return {
    rope: readSettings(
      raw,
      field,
      far,
      thetaOf(far, "full_attention", raw.rope_theta),
      contextLength,
    ),
    window: readSettings(
      raw,
      "rope_parameters.sliding_attention",
      near,
      thetaOf(near, "sliding_attention", raw.rope_local_base_freq),
      contextLength,
    ),
  };
}

type nullish = null | undefined;

function readSettings(
  raw: Fields,
  field: string,
  settings: Settings,
  theta: number,
  contextLength: number,
): Rope {
  const rotated = settings.partial_rotary_factor ?? raw.partial_rotary_factor ?? 1;
  if (rotated !== 1) throw unsupported("partial_rotary_factor", rotated, ["1"]);
  const type = settings.rope_type ?? settings.type ?? "default";
  if (type === "default") {
    const nested = Object.values(settings).find((value) => typeof value === "object" && value);
    if (nested) throw unsupported(field, settings, ["one setting for all layers"]);
    return { theta, scaling: null };
  }
  if (type === "linear") {
    const { factor } = parse("config.json", linearSchema, settings, `${field}.`);
    return { theta, scaling: { type, factor } };
  }
  if (type !== "llama3")
    throw unsupported(`${field}.rope_type`, type, ["default", "linear", "llama3"]);
  const scaling = parse("config.json", llama3Schema, settings, `${field}.`);
  if (scaling.high_freq_factor <= scaling.low_freq_factor)
    throw invalid(
      `${field}.high_freq_factor`,
      `${scaling.high_freq_factor} is not above low_freq_factor ${scaling.low_freq_factor}`,
    );
  return {
    theta,
    scaling: {
      type,
      factor: scaling.factor,
      lowFreqFactor: scaling.low_freq_factor,
      highFreqFactor: scaling.high_freq_factor,
      originalContextLength: scaling.original_max_position_embeddings ?? contextLength,
    },
  };
}
