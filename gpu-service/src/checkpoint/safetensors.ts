/**
 * Reads safetensors files: names, shapes and bytes. It knows nothing of models or adapters.
 *
 * Layout: u64 header length (little-endian), a JSON header padded with spaces, then the tensors' bytes (row-major,
 * little-endian), which fill the rest of the file without a gap. Every length and offset in a header is checked before
 * use: a bad file is a `RosaError`, never a wrong read.
 */
import { closeSync, fstatSync, openSync } from "node:fs";
import { type ErrorCode, RosaError } from "@rosa2/shared/errors";
import { z } from "zod";
import { readAt } from "../disk/read-at.ts";
import { release } from "../release.ts";
import {
  countElements,
  elementBytes,
  headerPrefixBytes,
  isTensorType,
  type TensorType,
  toFloat32,
} from "./tensor-types.ts";

export interface TensorInfo {
  dtype: TensorType;
  shape: readonly number[];
  /** Where the tensor's bytes start, from the start of the file. */
  byteOffset: number;
  byteLength: number;
}

/** A tensor of a type that cannot be read. */
interface ForeignTensor {
  foreignType: string;
  byteOffset: number;
  byteLength: number;
}

type Entry = TensorInfo | ForeignTensor;

/** An opened file: its header is checked and in memory, its tensors are read on demand. */
export interface TensorFile {
  /** Tensor names in the order of their bytes. */
  readonly names: readonly string[];
  readonly metadata: Readonly<Record<string, string>>;
  has(name: string): boolean;
  /** Throws a `RosaError` when there is no tensor of that name, or its type is unknown. */
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
    if ("foreignType" in found)
      throw fail(`tensor "${name}" has unknown dtype "${found.foreignType}"`);
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
): { tensors: Map<string, Entry>; metadata: Record<string, string> } {
  if (source.size < headerPrefixBytes)
    throw fail(`${source.size} bytes cannot hold a header length`);
  const prefix = source.read(0, headerPrefixBytes);
  // Every Git-LFS pointer begins with "version https://git-lfs…".
  if (new TextDecoder().decode(prefix) === "version ")
    throw fail("it is a Git-LFS pointer, not the file: fetch the weights with `git lfs pull`");
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

  const tensors = Object.entries(entries).map(([name, entry]): [string, Entry] => [
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
): Entry {
  const parsed = entrySchema.safeParse(entry);
  if (!parsed.success) {
    const issue = parsed.error.issues[0];
    throw fail(`tensor "${name}" ${issue?.path.join(".")}: ${issue?.message}`);
  }
  const { dtype, shape, data_offsets } = parsed.data;
  const [begin, end] = data_offsets;
  // A file may hold a type of later versions of the format; only reading such a tensor is refused.
  if (!isTensorType(dtype)) {
    if (end < begin) throw fail(`tensor "${name}" has offsets [${begin}, ${end}]`);
    return { foreignType: dtype, byteOffset: dataStart + begin, byteLength: end - begin };
  }
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
