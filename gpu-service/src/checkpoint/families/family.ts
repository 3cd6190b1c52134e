/** Defines a family of decoders, and reads what several families share. */
import { z } from "zod";
import { invalid, unsupported } from "../config-errors.ts";
import type { Activation, ModelConfig } from "../decoder-config.ts";
import { type RopeFields, readRope } from "../rope-config.ts";

export const count = z.number().int().positive();

/** Fields of a config that every decoder has; see `commonSchema`. */
export interface CommonFields extends RopeFields {
  hidden_size: number;
  num_hidden_layers: number;
  max_position_embeddings?: number | null | undefined;
}

/** Sizes that are known before a family reads its own fields. */
export interface Sizes {
  hiddenSize: number;
  layerCount: number;
  headSize: number;
  /** As in `ModelConfig`; given by families with partial rotation only. */
  rotarySize?: number;
  contextLength: number;
}

/** How a family differs from the plain decoder; what is left out is the plain decoder's. */
export type Traits = Partial<
  Pick<
    ModelConfig,
    | "normOffset"
    | "norms"
    | "embeddingScale"
    | "residualScale"
    | "attentionScale"
    | "attentionSoftcap"
    | "logitScale"
    | "logitSoftcap"
    | "rope"
    | "rotarySize"
    | "windowRope"
    | "contextLength"
    | "attentionBias"
    | "mlpBias"
    | "qkNorm"
    | "slidingWindow"
    | "windowedLayers"
    | "unrotatedLayers"
    | "fusedProjections"
  >
>;

/** What the family's configuration class in `transformers` assumes for a missing field. */
export interface FamilyDefaults {
  /** Null means as many as there are heads. */
  kvHeadCount: number | null;
  /** Null means hidden size over heads. */
  headSize: number | null;
  contextLength: number;
  ropeTheta: number;
  eosIds: readonly number[];
  bosId: number | null;
  tiedEmbeddings: boolean;
  activation: Activation;
  rmsNormEps?: number;
  /** Fields that published configs leave out. */
  fields?: Readonly<Record<string, number>>;
}

/** A family, with the fields of config.json that only it reads. All other fields may hold anything. */
export interface Family<Fields extends z.ZodRawShape = z.ZodRawShape> {
  className: string;
  defaults: FamilyDefaults;
  fields: Fields;
  /** Spellings of the activation that mean the default one. */
  activationField?: "hidden_activation";
  read(raw: CommonFields & z.infer<z.ZodObject<Fields>>, sizes: Sizes): Traits;
}

/** Keeps the types of the fields for `read`. */
export function defineFamily<Fields extends z.ZodRawShape>(family: Family<Fields>): Family {
  return family as unknown as Family;
}

/** Fields of families with `attention_bias`. */
export const attentionBiasField = { attention_bias: z.boolean().nullish() };
/** A window of 0 would see nothing. Families that use a window refuse it; others ignore it. */
export const windowField = { sliding_window: z.number().int().nonnegative().nullish() };
export const layerTypesField = { layer_types: z.array(z.string()).nullish() };

export function configuredBias(bias: boolean | null | undefined): ModelConfig["attentionBias"] {
  return { qkv: bias ?? false, output: bias ?? false };
}

export function plainRope(raw: CommonFields, sizes: Sizes, theta: number): Pick<Traits, "rope"> {
  return { rope: readRope(raw, sizes, theta) };
}

/**
 * A window on the layers that have one; none if it is as long as the context. `given` undefined takes the family's
 * default, null means none.
 */
export function readWindow(
  given: number | null | undefined,
  fallback: number | null,
  { contextLength }: Sizes,
  windowedLayers: readonly boolean[],
): Pick<Traits, "slidingWindow" | "windowedLayers"> {
  const window = given === undefined ? fallback : given;
  if (window === 0) throw invalid("sliding_window", "0 lets a position see nothing");
  if (window === null || window >= contextLength || !windowedLayers.includes(true)) return {};
  return { slidingWindow: window, windowedLayers };
}

const layerTypes = ["full_attention", "sliding_attention"];

/** Which layers have the window, from `layer_types` or else by `isWindowed`. */
export function readLayerTypes(
  types: readonly string[] | null | undefined,
  layerCount: number,
  isWindowed: (layer: number) => boolean,
): boolean[] {
  if (!types) return Array.from({ length: layerCount }, (_, layer) => isWindowed(layer));
  const foreign = types.find((type) => !layerTypes.includes(type));
  if (foreign !== undefined) throw unsupported("layer_types", foreign, layerTypes);
  if (types.length !== layerCount)
    throw invalid("layer_types", `has ${types.length} entries for ${layerCount} layers`);
  return types.map((type) => type === "sliding_attention");
}
