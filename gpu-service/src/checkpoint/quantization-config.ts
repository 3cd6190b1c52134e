/** Reads `quantization_config`: how weights are saved, or why they cannot be read. It reads no weights. */
import { RosaError } from "@rosa2/shared/errors";
import { z } from "zod";
import { parse, unsupported } from "./config-errors.ts";
import type { ModelConfig } from "./decoder-config.ts";
import { readFp8 } from "./fp8.ts";
import type { SavedIntegers } from "./saved-integers.ts";

const parent = "quantization_config";
const wayOut = "or the model's full-precision repository with QUANTIZE=8 or 4";
/** The default of both libraries. */
const groupSizeDefault = 128;

/** Null for plain weights. Throws `checkpoint_unsupported` naming what cannot be read. */
export function readQuantization(config: unknown): Pick<ModelConfig, "fp8" | "integers"> {
  if (config === undefined || config === null) return { fp8: null, integers: null };
  const { quant_method } = read(z.looseObject({ quant_method: z.string() }), config);
  if (quant_method === "fp8") return { fp8: readFp8(config), integers: null };
  if (quant_method === "gptq") return { fp8: null, integers: readGptq(config) };
  if (quant_method === "awq") return { fp8: null, integers: readAwq(config) };
  throw refuse("quant_method", quant_method, ['"fp8"', '"gptq"', '"awq"']);
}

/**
 * Bits in which the linears are served; null for floats. Throws `checkpoint_unsupported` where QUANTIZE would round
 * weights that are rounded already.
 */
export function servedBits(
  { integers }: ModelConfig,
  quantize: "none" | "8" | "4",
): SavedIntegers["bits"] | null {
  if (integers === null) return quantize === "none" ? null : quantize === "8" ? 8 : 4;
  if (quantize === "none") return integers.bits;
  throw new RosaError(
    "checkpoint_unsupported",
    `Cannot run checkpoint: QUANTIZE=${quantize} rounds floats, and the weights are ${integers.bits}-bit integers already (${integers.method}): leave QUANTIZE unset, they are served as they are`,
    { param: "QUANTIZE" },
  );
}

const groupSize = z.number().int().nullish();
const gptqSchema = z.looseObject({
  bits: z.number(),
  group_size: groupSize,
  desc_act: z.boolean().nullish(),
  static_groups: z.boolean().nullish(),
  checkpoint_format: z.string().nullish(),
  format: z.string().nullish(),
  is_marlin_format: z.boolean().nullish(),
  pack_dtype: z.string().nullish(),
  /** Settings for modules whose path matches: `-:` leaves a module unquantised, others set its bits. */
  dynamic: z.record(z.string(), z.unknown()).nullish(),
  meta: z.looseObject({ quantizer: z.unknown().optional() }).nullish(),
});

function readGptq(config: unknown): SavedIntegers {
  const given = read(gptqSchema, config);
  const { bits, desc_act, static_groups, is_marlin_format, pack_dtype } = given;
  if (bits !== 4 && bits !== 8) throw refuse("bits", bits, ["4", "8"]);
  const [field, format] = given.checkpoint_format
    ? ["checkpoint_format", given.checkpoint_format]
    : ["format", given.format ?? "gptq"];
  const isSecond = format.toLowerCase() === "gptq_v2";
  if (!isSecond && format.toLowerCase() !== "gptq")
    throw refuse(field, format, ['"gptq"', '"gptq_v2"']);
  if (is_marlin_format) throw refuse("is_marlin_format", is_marlin_format, ["false"]);
  if (pack_dtype && pack_dtype !== "int32") throw refuse("pack_dtype", pack_dtype, ['"int32"']);
  const own = Object.keys(given.dynamic ?? {}).find((pattern) => !pattern.startsWith("-:"));
  if (own !== undefined) throw refuse("dynamic", own, ['patterns that begin with "-:"']);
  const borrows = /gptqmodel/i.test(JSON.stringify(given.meta?.quantizer ?? ""));
  const size = readGroupSize(given.group_size);
  // The inputs of a group then lie apart, each matrix in an order of its own.
  if (desc_act && !static_groups && size !== null)
    throw refuse("desc_act", desc_act, ["false", "true with group_size -1 or static_groups"]);
  return {
    method: "gptq",
    bits,
    groupSize: size,
    zerosLessOne: !isSecond,
    zerosBorrow: borrows,
    matrices: new Set(),
  };
}

const awqSchema = z.looseObject({
  bits: z.number().nullish(),
  w_bit: z.number().nullish(),
  group_size: groupSize,
  q_group_size: groupSize,
  zero_point: z.boolean().nullish(),
  version: z.string().nullish(),
  format: z.string().nullish(),
  checkpoint_format: z.string().nullish(),
  backend: z.string().nullish(),
});

function readAwq(config: unknown): SavedIntegers {
  const given = read(awqSchema, config);
  const bits = given.bits ?? given.w_bit ?? 4;
  if (bits !== 4) throw refuse("bits", bits, ["4"]);
  for (const field of ["version", "format", "checkpoint_format"] as const) {
    const layout = given[field];
    if (layout && layout.toLowerCase() !== "gemm") throw refuse(field, layout, ['"gemm"']);
  }
  if (given.backend === "llm-awq") throw refuse("backend", given.backend, ['"autoawq"']);
  if (given.zero_point === false) throw refuse("zero_point", false, ["true"]);
  const size = readGroupSize(given.group_size ?? given.q_group_size);
  return {
    method: "awq",
    bits,
    groupSize: size,
    zerosLessOne: false,
    zerosBorrow: false,
    matrices: new Set(),
  };
}

function readGroupSize(size: number | null | undefined): number | null {
  if (size === -1) return null;
  const given = size ?? groupSizeDefault;
  if (given < 1) throw refuse("group_size", given, ["-1", "positive numbers"]);
  return given;
}

function read<T>(schema: z.ZodType<T>, config: unknown): T {
  return parse("config.json", schema, config, `${parent}.`);
}

function refuse(field: string, value: unknown, supported: readonly string[]): RosaError {
  return unsupported(`${parent}.${field}`, value, [...supported, wayOut]);
}
