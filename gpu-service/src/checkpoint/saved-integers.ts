/**
 * Weights saved as 4- or 8-bit integers, w = (q − zero)·scale, with a zero and a scale for each group of a row, as GPTQ
 * and AWQ save them. Turns their 32-bit words into rows of integers; it reads no files.
 */

export interface SavedIntegers {
  method: "gptq" | "awq";
  bits: 8 | 4;
  /** Inputs that share a zero and a scale; null means a whole row. */
  groupSize: number | null;
  /** Zeros are saved minus one, in GPTQ's first format. */
  zerosLessOne: boolean;
  /** One was subtracted from whole words, as gptqmodel does: a zero of 0 then borrows from the next part. */
  zerosBorrow: boolean;
  /** The decoder's tensors that are saved this way. The files decide, whatever a config lists. */
  matrices: ReadonlySet<string>;
}

/** A matrix [out, in]. */
export interface IntegerMatrix {
  out: number;
  in: number;
  bits: 8 | 4;
  /** Inputs of a group; the last group of a row may be shorter. */
  groupSize: number;
  /** [out, in], row-major, 4-bit ones two a byte, the first in the low half. */
  packed: Uint8Array<ArrayBuffer>;
  /** [out, groups]. */
  scales: Float32Array<ArrayBuffer>;
  /** [out, groups], one a byte. */
  zeros: Uint8Array<ArrayBuffer>;
}

/** A matrix as it is saved: integers and zeros in words of 32 bits. */
export interface SavedMatrix {
  out: number;
  in: number;
  qweight: Uint32Array;
  qzeros: Uint32Array;
  /** [groups, out]. */
  scales: Float32Array;
}

/** The tensors of a matrix: its name without `.weight`, then these. */
export const integerSuffixes = { weight: ".qweight", zeros: ".qzeros", scales: ".scales" } as const;
/** The group of each input, where a file has it. */
export const groupIndexSuffix = ".g_idx";

/** For each 4-bit part of an AWQ word, from the lowest on, the output it belongs to, of the word's eight. */
const awqOrder = [0, 2, 4, 6, 1, 3, 5, 7] as const;

/** Sizes of the matrix with a `qweight` of this shape. */
export function matrixSize(
  { method, bits }: SavedIntegers,
  [rows, columns]: readonly number[],
): { out: number; in: number } {
  const perWord = 32 / bits;
  return method === "gptq"
    ? { out: columns!, in: rows! * perWord }
    : { out: columns! * perWord, in: rows! };
}

/** Shapes of zeros and scales of a matrix [out, in]. */
export function groupShapes(saved: SavedIntegers, size: { out: number; in: number }) {
  const groups = Math.ceil(size.in / (saved.groupSize ?? size.in));
  return { zeros: [groups, (size.out * saved.bits) / 32], scales: [groups, size.out] };
}

export function unpackMatrix(saved: SavedIntegers, matrix: SavedMatrix): IntegerMatrix {
  const { out, in: width } = matrix;
  const groupSize = saved.groupSize ?? width;
  const groups = Math.ceil(width / groupSize);
  const scales = new Float32Array(out * groups);
  const zeros = new Uint8Array(out * groups);
  // Added to a whole word, as gptqmodel does: what a part has borrowed goes back to the next one.
  const one = saved.zerosLessOne ? (saved.bits === 4 ? 0x11111111 : 0x01010101) : 0;
  const perWord = 32 / saved.bits;
  const mask = (1 << saved.bits) - 1;
  for (let group = 0; group < groups; group++) {
    for (let o = 0; o < out; o++) scales[o * groups + group] = matrix.scales[group * out + o]!;
    for (let column = 0; column < out / perWord; column++) {
      const word = matrix.qzeros[(group * out) / perWord + column]! + one;
      for (let part = 0; part < perWord; part++) {
        const o = column * perWord + (saved.method === "awq" ? awqOrder[part]! : part);
        zeros[o * groups + group] = (word >>> (part * saved.bits)) & mask;
      }
    }
  }
  const unpack = saved.method === "gptq" ? gptqRows : awqRows;
  const packed = unpack(matrix, saved.bits);
  return { out, in: width, bits: saved.bits, groupSize, packed, scales, zeros };
}

/** Words [in / n, out] hold n inputs of one output, in the order of their bits. Transposed they are the rows. */
function gptqRows({ out, in: width, qweight }: SavedMatrix, bits: 8 | 4): Uint8Array<ArrayBuffer> {
  const words = (width * bits) / 32;
  const turned = new Uint32Array(out * words);
  for (let from = 0; from < words; from += tile) {
    const to = Math.min(words, from + tile);
    for (let o = 0; o < out; o++)
      for (let word = from; word < to; word++) turned[o * words + word] = qweight[word * out + o]!;
  }
  return new Uint8Array(turned.buffer);
}

/** Words of one row written together, while the words they are read from stay in the cache. */
const tile = 16;

/** Words [in, out / 8] hold eight outputs of one input. */
function awqRows({ out, in: width, qweight }: SavedMatrix): Uint8Array<ArrayBuffer> {
  const packed = new Uint8Array((out * width) / 2);
  const words = out / 8;
  for (let i = 0; i < width; i++) {
    const shift = 4 * (i & 1);
    for (let word = 0; word < words; word++) {
      const value = qweight[i * words + word]!;
      for (let part = 0; part < 8; part++) {
        const at = ((word * 8 + awqOrder[part]!) * width + i) >> 1;
        packed[at]! |= ((value >>> (4 * part)) & 15) << shift;
      }
    }
  }
  return packed;
}

/**
 * Whether a zero was 0 before one was subtracted, and its writer is unknown. Libraries other than gptqmodel read such a
 * part as 0 or as 16, and overwrite other parts of its word.
 */
export function hasLostZero(
  { bits, zerosLessOne, zerosBorrow }: SavedIntegers,
  qzeros: Uint32Array,
): boolean {
  if (!zerosLessOne || zerosBorrow) return false;
  const mask = 2 ** bits - 1;
  const shifts = Array.from({ length: 32 / bits }, (_, part) => part * bits);
  return qzeros.some((word) => shifts.some((shift) => ((word >>> shift) & mask) === mask));
}

/** Some rows of a matrix, in memory of their own. */
export function rowsOf(matrix: IntegerMatrix, start: number, count: number): IntegerMatrix {
  const { out } = matrix;
  if (start === 0 && count === out) return matrix;
  const cut = <T extends Uint8Array | Float32Array>(values: T): T => {
    const width = values.length / out;
    return values.slice(start * width, (start + count) * width) as T;
  };
  const { packed, scales, zeros } = matrix;
  return { ...matrix, out: count, packed: cut(packed), scales: cut(scales), zeros: cut(zeros) };
}

/** The numbers that elements start … start + count − 1 stand for, in row-major order. */
export function integersToFloat32(
  { in: width, bits, groupSize, packed, scales, zeros }: IntegerMatrix,
  start: number,
  count: number,
): Float32Array<ArrayBuffer> {
  const groups = Math.ceil(width / groupSize);
  const values = new Float32Array(count);
  for (let at = 0; at < count; at++) {
    const element = start + at;
    const row = Math.floor(element / width);
    const group = row * groups + Math.floor((element - row * width) / groupSize);
    const integer =
      bits === 8 ? packed[element]! : (packed[element >> 1]! >> (4 * (element & 1))) & 15;
    values[at] = (integer - zeros[group]!) * scales[group]!;
  }
  return values;
}
