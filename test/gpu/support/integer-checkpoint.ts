/**
 * Makes a checkpoint twice: with linears saved as integers, packed as GPTQ's and AWQ's own libraries do, and as the
 * floats that they stand for.
 */
import { cpSync, readFileSync, writeFileSync } from "node:fs";
import { basename, join } from "node:path";
import { seededRandom } from "@rosa2/shared/random";
import { openSafetensors } from "../../../gpu-service/src/checkpoint/safetensors.ts";
import {
  encodeSafetensors,
  type TensorData,
} from "../../../gpu-service/src/checkpoint/write-safetensors.ts";

export interface Packing {
  method: "gptq" | "awq";
  bits: 8 | 4;
  /** −1 is a whole row. */
  groupSize: number;
  format?: "gptq" | "gptq_v2";
  /** Modules that keep floats. */
  plain?: RegExp;
}

/** Copies of a folder inside `root`, with new numbers in their linears. */
export function writeTwins(root: string, folder: string, packing: Packing) {
  const random = seededRandom(`${basename(folder)} ${JSON.stringify(packing)}`);
  const file = openSafetensors(join(folder, "model.safetensors"));
  const packed: TensorData[] = [];
  const floats: TensorData[] = [];
  for (const name of file.names) {
    const { shape } = file.info(name);
    const plain = { name, dtype: "F32", shape, data: file.readFloat32(name) } as const;
    const isLinear = /layers.*proj\.weight$/.test(name) && packing.plain?.test(name) !== true;
    if (!isLinear) {
      packed.push(plain);
      floats.push(plain);
      continue;
    }
    const { values, tensors } = draw(shape as [number, number], packing, random);
    floats.push({ ...plain, data: values });
    const module = name.slice(0, -".weight".length);
    packed.push(...tensors.map((tensor) => ({ ...tensor, name: module + tensor.name })));
  }
  const config = JSON.parse(readFileSync(join(folder, "config.json"), "utf8"));
  const { method, bits, groupSize, format } = packing;
  const quantization = {
    quant_method: method,
    bits,
    group_size: groupSize,
    ...(method === "awq" ? { version: "gemm", zero_point: true } : {}),
    ...(format === undefined ? {} : { checkpoint_format: format }),
  };
  const write = (kind: string, tensors: TensorData[], fields: object) => {
    const path = join(root, `${kind}-${basename(folder)}`);
    cpSync(folder, path, { recursive: true });
    writeFileSync(join(path, "config.json"), JSON.stringify({ ...config, ...fields }));
    writeFileSync(join(path, "model.safetensors"), encodeSafetensors(tensors));
    return path;
  };
  return {
    packed: write("packed", packed, { quantization_config: quantization }),
    floats: write("floats", floats, {}),
  };
}

/** Random integers, zeros and scales of a matrix. Gives the numbers that they stand for, and their tensors. */
function draw(
  [out, width]: readonly [number, number],
  { method, bits, groupSize, format }: Packing,
  random: () => number,
) {
  const size = groupSize === -1 ? width : groupSize;
  const groups = Math.ceil(width / size);
  const below = (n: number) => Math.floor(random() * n);
  const table = (rows: number, columns: number, value: () => number) =>
    Array.from({ length: rows }, () => Array.from({ length: columns }, value));
  const integers = table(out, width, () => below(2 ** bits));
  // GPTQ's first format cannot hold a zero of 0.
  const zeros = table(out, groups, () => 1 + below(2 ** bits - 1));
  const scales = table(out, groups, () => (1 + below(64)) * 2 ** -(bits + 6));
  const values = integers.flatMap((row, o) =>
    row.map((q, i) => {
      const group = Math.floor(i / size);
      return (q - zeros[o]![group]!) * scales[o]![group]!;
    }),
  );
  const lessOne = method === "gptq" && format !== "gptq_v2" ? 1 : 0;
  const along = <T>(axis: T[][]) => axis[0]!.map((_, column) => axis.map((row) => row[column]!));
  const order = [0, 2, 4, 6, 1, 3, 5, 7];
  const perWord = 32 / bits;
  /** Packs neighbours of a row, `perWord` of them into one word. */
  const words = (rows: number[][], places: readonly number[]) =>
    rows.map((row) =>
      Array.from({ length: row.length / perWord }, (_, word) =>
        places.reduce((bitsSet, place, part) => {
          return bitsSet + row[word * perWord + place]! * 2 ** (part * bits);
        }, 0),
      ),
    );
  const plain = Array.from({ length: perWord }, (_, part) => part);
  const places = method === "awq" ? order : plain;
  const qweight =
    method === "awq" ? words(along(integers), places) : along(words(integers, places));
  const stored = zeros.map((row) => row.map((zero) => zero - lessOne));
  const tensor = (name: string, rows: number[][], data: TensorData["data"], dtype: "I32" | "F16") =>
    ({ name, dtype, shape: [rows.length, rows[0]!.length], data }) satisfies TensorData;
  const qzeros = words(along(stored), places);
  const turned = along(scales);
  return {
    values: Float32Array.from(values),
    tensors: [
      tensor(".qweight", qweight, Uint32Array.from(qweight.flat()), "I32"),
      tensor(".qzeros", qzeros, Uint32Array.from(qzeros.flat()), "I32"),
      tensor(".scales", turned, new Uint16Array(new Float16Array(turned.flat()).buffer), "F16"),
    ],
  };
}
