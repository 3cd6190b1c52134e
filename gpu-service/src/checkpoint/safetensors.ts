/// <reference lib="esnext.float16" />
/**
 * Reads and writes safetensors files: names, shapes and bytes; it knows nothing of models or adapters.
 *
 * Layout: u64 header length (little-endian), a JSON header padded with spaces, then the tensors' bytes
 * (row-major, little-endian), which tile the rest of the file without a gap. Every length and offset in
 * a header is hostile until checked: a bad file is a `RosaError`, never a wrong read.
 */
import { closeSync, fstatSync, openSync } from "node:fs";
import { type ErrorCode, RosaError } from "@rosa2/shared/errors";
import { z } from "zod";
import { readAt } from "../disk/read-at.ts";
import { release } from "../disk/release.ts";

/** Bytes of one element, in the format's own order of types. Types below one byte are not supported. */
const elementBytes = {
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

const typeOrder = Object.keys(elementBytes);

export interface TensorInfo {
  dtype: TensorType;
  shape: readonly number[];
  /** Where the tensor's bytes start, from the start of the file. */
  byteOffset: number;
  byteLength: number;
}

/** An opened file: its header is checked and in memory, its tensors are read on demand. */
export interface TensorFile {
  /** Tensor names in the order of their bytes. */
  readonly names: readonly string[];
  readonly metadata: Readonly<Record<string, string>>;
  has(name: string): boolean;
  /** Throws a `RosaError` when there is no tensor of that name. */
  info(name: string): TensorInfo;
  /** The tensor's raw bytes, in memory of their own: the caller may keep or change them. */
  read(name: string): Uint8Array<ArrayBuffer>;
  /** The tensor, or `part` of its elements, in fp32, converted from F64, F32, F16 or BF16. */
  readFloat32(name: string, part?: ElementRange): Float32Array<ArrayBuffer>;
}

/** Elements start … start + count − 1 in row-major order; must lie inside the tensor. */
export interface ElementRange {
  start: number;
  count: number;
}

export interface OpenOptions {
  /** Code of the error that a bad file throws. */
  code?: ErrorCode;
  /** Largest header accepted, in bytes; the format's own limit unless told. */
  headerBytesMax?: number;
}

/** Bytes before the header: its length. */
export const headerPrefixBytes = 8;
/** The format's own limit. */
export const formatHeaderBytesMax = 100_000_000;
/**
 * Opens a file by path, or one already in memory. By path no descriptor stays open, and only the header
 * is read now.
 */
export function openSafetensors(
  pathOrBytes: string | Uint8Array,
  { code = "checkpoint_invalid", headerBytesMax = formatHeaderBytesMax }: OpenOptions = {},
): TensorFile {
  const label = typeof pathOrBytes === "string" ? pathOrBytes : `${pathOrBytes.length} bytes`;
  // A reason may quote hostile names and shapes: bounded.
  const fail = (reason: string): RosaError =>
    new RosaError(code, `Cannot read safetensors file (${label}): ${reason.slice(0, 400)}`);
  const source =
    typeof pathOrBytes === "string" ? fileSource(pathOrBytes, fail) : bytesSource(pathOrBytes);

  const { tensors, metadata } = readHeader(source, headerBytesMax, fail);
  const info = (name: string): TensorInfo => {
    const found = tensors.get(name);
    if (!found) throw fail(`no tensor "${name}"`);
    return found;
  };
  const read = (name: string): Uint8Array<ArrayBuffer> => {
    const { byteOffset, byteLength } = info(name);
    return source.read(byteOffset, byteLength);
  };

  return {
    names: [...tensors.keys()],
    metadata,
    has: (name) => tensors.has(name),
    info,
    read,
    readFloat32: (name, part) => {
      const { dtype, byteOffset, byteLength } = info(name);
      const width = elementBytes[dtype];
      const { buffer } = part
        ? source.read(byteOffset + part.start * width, part.count * width)
        : source.read(byteOffset, byteLength);
      if (dtype === "F32") return new Float32Array(buffer);
      const convert = toFloat32[dtype];
      if (!convert) throw fail(`tensor "${name}" is ${dtype}, expected F32, F16, BF16 or F64`);
      const values = convert(buffer);
      release(buffer);
      return values;
    },
  };
}

interface Source {
  readonly size: number;
  /** Exactly `length` bytes in a buffer of their own. */
  read(offset: number, length: number): Uint8Array<ArrayBuffer>;
}

function bytesSource({ buffer, byteOffset, length: size }: Uint8Array): Source {
  // A Buffer's own slice would be a view of the whole file.
  const bytes = new Uint8Array(buffer, byteOffset, size);
  return { size, read: (offset, length) => bytes.slice(offset, offset + length) };
}

function fileSource(path: string, fail: (reason: string) => RosaError): Source {
  /** Runs with an open descriptor; what the system refuses becomes the file's typed error. */
  const withFile = <T>(use: (descriptor: number) => T): T => {
    let descriptor: number | undefined;
    try {
      descriptor = openSync(path, "r");
      return use(descriptor);
    } catch (cause) {
      if (cause instanceof RosaError) throw cause;
      throw fail(cause instanceof Error ? cause.message : String(cause));
    } finally {
      if (descriptor !== undefined) closeSync(descriptor);
    }
  };
  return {
    size: withFile((descriptor) => fstatSync(descriptor).size),
    read: (offset, length) =>
      withFile((descriptor) => {
        const bytes = new Uint8Array(length);
        const got = readAt(descriptor, bytes, offset);
        if (got < length) throw fail(`the file ended at byte ${offset + got} while being read`);
        return bytes;
      }),
  };
}

const size = z.number().int().nonnegative();
const entrySchema = z.strictObject({
  dtype: z.string(),
  shape: z.array(size),
  data_offsets: z.tuple([size, size]),
});

function readHeader(
  source: Source,
  headerBytesMax: number,
  fail: (reason: string) => RosaError,
): { tensors: Map<string, TensorInfo>; metadata: Record<string, string> } {
  if (source.size < headerPrefixBytes)
    throw fail(`${source.size} bytes cannot hold a header length`);
  const prefix = source.read(0, headerPrefixBytes);
  const declared = new DataView(prefix.buffer).getBigUint64(0, true);
  if (declared > BigInt(headerBytesMax))
    throw fail(`header of ${declared} bytes exceeds ${headerBytesMax}`);
  const headerBytes = Number(declared);
  const dataStart = headerPrefixBytes + headerBytes;
  if (dataStart > source.size)
    throw fail(`header of ${headerBytes} bytes is longer than the file (${source.size} bytes)`);

  const { __metadata__: rawMetadata, ...entries } = parseHeader(
    source.read(headerPrefixBytes, headerBytes),
    fail,
  );
  const metadata = readMetadata(rawMetadata, fail);

  const tensors = Object.entries(entries).map(([name, entry]): [string, TensorInfo] => [
    name,
    readEntry(name, entry, dataStart, fail),
  ]);
  // The header may list tensors in any order; their bytes must tile the rest of the file.
  tensors.sort(
    ([, a], [, b]) => a.byteOffset - b.byteOffset || a.byteLength - b.byteLength, // empty ones first
  );
  let end = dataStart;
  for (const [name, { byteOffset, byteLength }] of tensors) {
    if (byteOffset !== end)
      throw fail(
        `tensor "${name}" starts at byte ${byteOffset}, ${byteOffset < end ? "inside another tensor; expected" : "leaving a gap; expected"} ${end}`,
      );
    end += byteLength;
  }
  if (end !== source.size)
    throw fail(`tensors end at byte ${end} but the file has ${source.size} bytes`);
  return { tensors: new Map(tensors), metadata };
}

/** The header's JSON as a plain object without repeated names and without `__proto__`. */
function parseHeader(
  bytes: Uint8Array,
  fail: (reason: string) => RosaError,
): Record<string, unknown> {
  let header: unknown;
  try {
    header = JSON.parse(new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes));
  } catch (cause) {
    throw fail(`the header is not JSON (${cause instanceof Error ? cause.message : cause})`);
  }
  if (!isRecord(header)) throw fail("the header is not a JSON object");
  // JSON.parse keeps the last of repeated keys, so a repeat shows as fewer keys than colons.
  let keys = 0;
  for (const [name, value] of Object.entries(header)) {
    if (name === "__proto__") throw fail('"__proto__" is not a tensor name');
    keys += 1 + (isRecord(value) ? Object.keys(value).length : 0);
  }
  const written = countKeys(bytes);
  if (written !== keys)
    throw fail(`the header repeats a name or nests objects (${written} keys, ${keys} expected)`);
  return header;
}

/** Colons outside strings of a JSON text already known to be valid. */
function countKeys(json: Uint8Array): number {
  const [quote, backslash, colon] = [0x22, 0x5c, 0x3a];
  let count = 0;
  let inString = false;
  for (let i = 0; i < json.length; i++) {
    const byte = json[i];
    if (byte === quote) inString = !inString;
    else if (inString && byte === backslash) i++;
    else if (!inString && byte === colon) count++;
  }
  return count;
}

function readMetadata(value: unknown, fail: (reason: string) => RosaError): Record<string, string> {
  if (value === undefined) return {};
  if (!isRecord(value)) throw fail("__metadata__ is not a map of strings");
  for (const [key, text] of Object.entries(value)) {
    if (key === "__proto__") throw fail('"__proto__" is not a metadata key');
    if (typeof text !== "string") throw fail(`__metadata__ "${key}" is not a string`);
  }
  return value as Record<string, string>;
}

function readEntry(
  name: string,
  entry: unknown,
  dataStart: number,
  fail: (reason: string) => RosaError,
): TensorInfo {
  const parsed = entrySchema.safeParse(entry);
  if (!parsed.success) {
    const issue = parsed.error.issues[0];
    throw fail(`tensor "${name}" ${issue?.path.join(".")}: ${issue?.message}`);
  }
  const { dtype, shape, data_offsets } = parsed.data;
  if (!isTensorType(dtype)) throw fail(`tensor "${name}" has unknown dtype "${dtype}"`);
  const [begin, end] = data_offsets;
  const byteLength = countElements(shape) * elementBytes[dtype];
  // A product past 2^53 is inexact, and then no offset can match it by accident.
  if (!Number.isSafeInteger(byteLength) || end - begin !== byteLength)
    throw fail(
      `tensor "${name}" ${dtype} [${shape}] takes ${byteLength} bytes but its offsets [${begin}, ${end}] span ${end - begin}`,
    );
  return { dtype, shape, byteOffset: dataStart + begin, byteLength };
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function isTensorType(dtype: string): dtype is TensorType {
  return Object.hasOwn(elementBytes, dtype);
}

function countElements(shape: readonly number[]): number {
  return shape.reduce((product, dimension) => product * dimension, 1);
}

export interface TensorData {
  name: string;
  dtype: TensorType;
  shape: readonly number[];
  /** The elements; F16 and BF16 as their 16-bit patterns. */
  data: ArrayBufferView;
}

/** What a header says of a tensor. */
export type TensorSpec = Omit<TensorData, "data">;

/**
 * A safetensors file whose bytes depend only on the content: tensors by type (widest first, so that all
 * are aligned), then by name, as the reference implementation orders them; metadata by key. Throws when a
 * tensor's bytes do not fill its shape.
 */
export function encodeSafetensors(
  tensors: readonly TensorData[],
  metadata?: Readonly<Record<string, string>>,
): Uint8Array<ArrayBuffer> {
  const { header, size, offsetOf } = planSafetensors(tensors, metadata);
  const file = new Uint8Array(size);
  file.set(header);
  for (const { name, dtype, shape, data } of tensors) {
    const expected = countElements(shape) * elementBytes[dtype];
    if (data.byteLength !== expected)
      throw new Error(
        `Cannot write tensor "${name}" ${dtype} [${shape}]: ${data.byteLength} bytes, expected ${expected}`,
      );
    file.set(new Uint8Array(data.buffer, data.byteOffset, data.byteLength), offsetOf(name));
  }
  return file;
}

/** Where everything goes in a file of these tensors, before any of their bytes is known. */
export interface FilePlan {
  /** The file's beginning, up to the first tensor. */
  header: Uint8Array<ArrayBuffer>;
  /** Bytes of the whole file. */
  size: number;
  offsetOf(name: string): number;
}

/** Throws on a repeated or reserved name. */
export function planSafetensors(
  tensors: readonly TensorSpec[],
  metadata?: Readonly<Record<string, string>>,
): FilePlan {
  const ordered = [...tensors].sort(
    (a, b) => typeOrder.indexOf(b.dtype) - typeOrder.indexOf(a.dtype) || compare(a.name, b.name),
  );
  const entries: [string, unknown][] = [];
  if (metadata) {
    const sorted = Object.entries(metadata).sort(([a], [b]) => compare(a, b));
    entries.push(["__metadata__", Object.fromEntries(sorted)]);
  }
  const names = new Set<string>(["__metadata__", "__proto__"]);
  const offsets = new Map<string, number>();
  let dataBytes = 0;
  for (const { name, dtype, shape } of ordered) {
    if (names.has(name))
      throw new Error(`Cannot write tensor "${name}": repeated or reserved name`);
    names.add(name);
    const end = dataBytes + countElements(shape) * elementBytes[dtype];
    entries.push([name, { dtype, shape, data_offsets: [dataBytes, end] }]);
    offsets.set(name, dataBytes);
    dataBytes = end;
  }

  // Written entry by entry: an object would move integer-like names to the front.
  const json = entries.map(([name, entry]) => `${JSON.stringify(name)}:${JSON.stringify(entry)}`);
  const text = new TextEncoder().encode(`{${json.join(",")}}`);
  const textBytes = Math.ceil(text.length / 8) * 8;
  const header = new Uint8Array(headerPrefixBytes + textBytes).fill(0x20);
  new DataView(header.buffer).setBigUint64(0, BigInt(textBytes), true);
  header.set(text, headerPrefixBytes);
  return {
    header,
    size: header.length + dataBytes,
    offsetOf: (name) => header.length + offsets.get(name)!,
  };
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
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
const toFloat32: Partial<
  Record<TensorInfo["dtype"], (bytes: ArrayBuffer) => Float32Array<ArrayBuffer>>
> = {
  F16: (bytes) => fromFloat16(new Uint16Array(bytes)),
  BF16: (bytes) => fromBfloat16(new Uint16Array(bytes)),
  F64: (bytes) => new Float32Array(new Float64Array(bytes)),
};

/** bf16 bit patterns → fp32, exact: bf16 is the upper half of fp32. */
function fromBfloat16(bits: Uint16Array): Float32Array<ArrayBuffer> {
  const patterns = new Uint32Array(bits.length);
  for (let i = 0; i < bits.length; i++) patterns[i] = bits[i]! << 16;
  return new Float32Array(patterns.buffer);
}
