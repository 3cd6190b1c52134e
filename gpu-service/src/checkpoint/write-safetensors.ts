/** Writes safetensors files, whole or planned before a tensor's bytes are known. See safetensors.ts for the layout. */
import { countElements, elementBytes, headerPrefixBytes, type TensorType } from "./tensor-types.ts";

/** Widest first, in the format's own order. */
const typeOrder = Object.keys(elementBytes);

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

/** Where every tensor goes in a file, before any of their bytes are known. */
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
