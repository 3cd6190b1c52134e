/**
 * Weights saved as 8-bit floats with a scale for each block of a matrix, as in the FP8 repositories of Qwen and
 * DeepSeek: their settings in a config, and the numbers they stand for. It reads no files.
 */
import { z } from "zod";
import { parse, unsupported } from "./config-errors.ts";

/** Rows and columns of a block; null means one scale for the whole matrix. */
export interface Fp8 {
  block: readonly [rows: number, columns: number] | null;
}

/** Suffix of the name of a matrix's scales. */
export const scaleSuffix = "_scale_inv";

const side = z.number().int().positive();
const schema = z.looseObject({
  fmt: z.string().nullish(),
  weight_block_size: z.tuple([side, side]).nullish(),
});

/** Reads `quantization_config` of the method "fp8". Throws `checkpoint_unsupported` for other kinds of floats. */
export function readFp8(config: unknown): Fp8 {
  const field = "quantization_config";
  const { fmt, weight_block_size } = parse("config.json", schema, config, `${field}.`);
  if (fmt && fmt !== "e4m3") throw unsupported(`${field}.fmt`, fmt, ["e4m3"]);
  return { block: weight_block_size ?? null };
}

/** Shape of the scales of a matrix [out, in]; a single scale may have no axes. */
export function scaleShapes({ block }: Fp8, [out, width]: readonly number[]): number[][] {
  if (block === null) return [[], [1], [1, 1]];
  return [[Math.ceil(out! / block[0]), Math.ceil(width! / block[1])]];
}

/** Multiplies the elements of a matrix [.., width] that begin at `start`, in row-major order, by their blocks' scales. */
export function applyScales(
  values: Float32Array,
  start: number,
  width: number,
  scales: Float32Array,
  { block }: Fp8,
): void {
  if (block === null) {
    for (let i = 0; i < values.length; i++) values[i]! *= scales[0]!;
    return;
  }
  const [rows, columns] = block;
  const across = Math.ceil(width / columns);
  for (let i = 0; i < values.length; ) {
    const row = Math.floor((start + i) / width);
    const column = start + i - row * width;
    const scale = scales[Math.floor(row / rows) * across + Math.floor(column / columns)]!;
    const inBlock = Math.min(columns - (column % columns), width - column);
    const end = Math.min(values.length, i + inBlock);
    for (; i < end; i++) values[i]! *= scale;
  }
}
