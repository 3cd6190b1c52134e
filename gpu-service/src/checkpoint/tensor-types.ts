/// <reference lib="esnext.float16" />
/** Element types of safetensors files: their sizes, and conversions between them and fp32. */

/** Bytes of one element, in the format's own order of types. Types below one byte are not supported. */
export const elementBytes = {
  BOOL: 1,
  U8: 1,
  I8: 1,
  F8_E5M2: 1,
  F8_E4M3: 1,
  I16: 2,
  U16: 2,
  F16: 2,
  BF16: 2,
  I32: 4,
  U32: 4,
  F32: 4,
  F64: 8,
  I64: 8,
  U64: 8,
} as const;

export type TensorType = keyof typeof elementBytes;

/** Bytes before the header: its length. */
export const headerPrefixBytes = 8;

export function isTensorType(dtype: string): dtype is TensorType {
  return Object.hasOwn(elementBytes, dtype);
}

export function countElements(shape: readonly number[]): number {
  return shape.reduce((product, dimension) => product * dimension, 1);
}

/** fp32 → fp16 bit patterns, rounded to nearest even; out of range becomes infinity. */
export function toFloat16(values: Float32Array): Uint16Array<ArrayBuffer> {
  return new Uint16Array(new Float16Array(values).buffer);
}

let float16Values: Float32Array | undefined;

/** fp16 bit patterns → fp32, exact; through a table of all 65,536, three times faster than converting. */
export function fromFloat16(bits: Uint16Array): Float32Array<ArrayBuffer> {
  float16Values ??= new Float32Array(
    new Float16Array(Uint16Array.from({ length: 65_536 }, (_, pattern) => pattern).buffer),
  );
  const table = float16Values;
  const values = new Float32Array(bits.length);
  for (let i = 0; i < bits.length; i++) values[i] = table[bits[i]!]!;
  return values;
}

/** Types that become fp32 by conversion. */
export const toFloat32: Partial<
  Record<TensorType, (bytes: ArrayBuffer) => Float32Array<ArrayBuffer>>
> = {
  F16: (bytes) => fromFloat16(new Uint16Array(bytes)),
  F8_E4M3: (bytes) => fromFloat8(new Uint8Array(bytes)),
  BF16: (bytes) => fromBfloat16(new Uint16Array(bytes)),
  F64: (bytes) => new Float32Array(new Float64Array(bytes)),
};

const float8Values = Float32Array.from({ length: 256 }, (_, pattern) => {
  const [sign, exponent, mantissa] = [pattern >> 7 ? -1 : 1, (pattern >> 3) & 15, pattern & 7];
  if (exponent === 15 && mantissa === 7) return Number.NaN;
  return sign * (exponent === 0 ? mantissa * 2 ** -9 : (1 + mantissa / 8) * 2 ** (exponent - 7));
});

/** e4m3 bit patterns, of the kind without infinities → fp32, exact (arXiv 2209.05433). */
function fromFloat8(bits: Uint8Array): Float32Array<ArrayBuffer> {
  const values = new Float32Array(bits.length);
  for (let i = 0; i < bits.length; i++) values[i] = float8Values[bits[i]!]!;
  return values;
}

/** bf16 bit patterns → fp32, exact: bf16 is the upper half of fp32. */
function fromBfloat16(bits: Uint16Array): Float32Array<ArrayBuffer> {
  const patterns = new Uint32Array(bits.length);
  for (let i = 0; i < bits.length; i++) patterns[i] = bits[i]! << 16;
  return new Float32Array(patterns.buffer);
}
