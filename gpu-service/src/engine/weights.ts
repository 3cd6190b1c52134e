/**
 * Lets onnxruntime map a checkpoint's own weight files: no second copy on disk or in memory, and the
 * generation and adapt graphs share the same pages. It knows files, not graphs.
 */
import {
  copyFileSync,
  linkSync,
  mkdirSync,
  mkdtempSync,
  realpathSync,
  renameSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { homedir, tmpdir } from "node:os";
import { basename, join } from "node:path";
import { type Checkpoint, tensorShapes } from "../compiler/checkpoint.ts";
import type { WeightSource } from "../compiler/onnx.ts";
import { middle, quantizedWeights, quantizeMatrix } from "../compiler/quantize.ts";
import { encodeSafetensors, openSafetensors, type TensorData } from "../compiler/safetensors.ts";
import { quantizedParts } from "../compiler/weights.ts";

/** Where made weights are kept: `ROSA2_CACHE`, else `~/.cache/rosa2`. */
export function cacheDirectory(): string {
  return process.env.ROSA2_CACHE ?? join(homedir(), ".cache", "rosa2");
}

export interface MappedWeights {
  find(name: string): WeightSource;
  /**
   * Calls `use` with the path of a folder that holds `model.onnx` beside the weight files it refers to. The
   * folder is gone afterwards; what has been mapped by then stays mapped.
   */
  withModel<T>(model: Uint8Array, use: (path: string) => Promise<T>): Promise<T>;
}

/**
 * Locates every tensor that the graphs read. What the checkpoint does not hold as it is needed — fp32 copies
 * of other types, quantised matrices — is made once and kept by the checkpoint's digest.
 */
export function mapWeights(checkpoint: Checkpoint, bits: 8 | 4 | null): MappedWeights {
  const names = [...tensorShapes(checkpoint.config).keys()];
  const isFloat32 = names.every((name) => checkpoint.location(name).dtype === "F32");
  const dense = isFloat32
    ? checkpoint.location
    : keptFile(checkpoint, "float32", () => denseTensors(checkpoint, names));
  const quantized =
    bits && keptFile(checkpoint, `int${bits}`, () => quantizedTensors(checkpoint, bits));
  const locate = (name: string) => {
    if (!quantized || !name.includes("#")) return dense(name);
    return quantized(name.replace(quantizedParts.integers, quantizedParts.packed));
  };
  const used = new Set<string>();
  return {
    find(name) {
      const { path, byteOffset, byteLength } = locate(name);
      used.add(path);
      return { file: basename(path), offset: byteOffset, length: byteLength };
    },
    async withModel(model, use) {
      const folder = mkdtempSync(join(tmpdir(), "rosa2-"));
      try {
        // External data must lie below the model's own folder, and a symbolic link would lead out of it.
        for (const path of used) linkOrCopy(path, join(folder, basename(path)));
        const path = join(folder, "model.onnx");
        writeFileSync(path, model);
        return await use(path);
      } finally {
        rmSync(folder, { recursive: true, force: true });
      }
    },
  };
}

type Tensors = Iterable<TensorData>;

/** Locations in a file that is made by `make` unless it is there already and whole. */
function keptFile(checkpoint: Checkpoint, kind: string, make: () => Tensors) {
  const folder = join(cacheDirectory(), checkpoint.digest);
  const path = join(folder, `${kind}-1.safetensors`);
  let file = openKept(path);
  if (!file) {
    mkdirSync(folder, { recursive: true });
    const part = `${path}.${process.pid}.part`;
    writeFileSync(part, encodeSafetensors([...make()]));
    renameSync(part, path);
    file = openSafetensors(path);
  }
  const kept = file;
  return (name: string) => ({ path, ...kept.info(name) });
}

function openKept(path: string) {
  try {
    return openSafetensors(path);
  } catch {
    return null;
  }
}

function* denseTensors(checkpoint: Checkpoint, names: readonly string[]): Tensors {
  const shapes = tensorShapes(checkpoint.config);
  for (const name of names) {
    yield float32Tensor(name, [...shapes.get(name)!], checkpoint.tensor(name));
  }
}

function* quantizedTensors(checkpoint: Checkpoint, bits: 8 | 4): Tensors {
  for (const [name, { out, in: width }] of quantizedWeights(checkpoint.config)) {
    const { packed, scales } = quantizeMatrix(checkpoint.tensor(name), width, bits);
    const blocks = scales.length / out;
    const zero = middle(bits);
    const zeros = new Uint8Array(Math.ceil((scales.length * bits) / 8));
    zeros.fill(bits === 8 ? zero : zero | (zero << 4));
    const shape = [out, blocks, packed.length / scales.length];
    yield { name: name + quantizedParts.packed, dtype: "U8", shape, data: packed };
    yield float32Tensor(name + quantizedParts.scales, [out, blocks], scales);
    yield { name: name + quantizedParts.zeros, dtype: "U8", shape: [zeros.length], data: zeros };
  }
}

function float32Tensor(name: string, shape: number[], values: Float32Array): TensorData {
  const data = new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
  return { name, dtype: "F32", shape, data };
}

/** A hard link where both lie on one file system; to the file itself, should `from` be a symbolic link. */
function linkOrCopy(from: string, to: string): void {
  try {
    linkSync(realpathSync(from), to);
  } catch {
    copyFileSync(from, to);
  }
}
