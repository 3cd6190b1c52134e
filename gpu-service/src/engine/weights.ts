/**
 * Lets onnxruntime map a checkpoint's own weight files: no second copy on disk or in memory, and the
 * generation and adapt graphs share the same pages. It knows files, not graphs.
 */
import {
  copyFileSync,
  linkSync,
  mkdirSync,
  mkdtempSync,
  renameSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { homedir, tmpdir } from "node:os";
import { basename, join } from "node:path";
import type { Checkpoint } from "../compiler/checkpoint.ts";
import { tensorShapes } from "../compiler/checkpoint.ts";
import type { WeightSource } from "../compiler/onnx.ts";
import { encodeSafetensors, openSafetensors } from "../compiler/safetensors.ts";

/** Where converted weights are kept: `ROSA2_CACHE`, else `~/.cache/rosa2`. */
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

/** Weights that are not fp32 are converted once and kept by the checkpoint's digest. */
export function mapWeights(checkpoint: Checkpoint): MappedWeights {
  const names = [...tensorShapes(checkpoint.config).keys()];
  const isFloat32 = names.every((name) => checkpoint.location(name).dtype === "F32");
  const locate = isFloat32 ? checkpoint.location : convertedLocations(checkpoint, names);
  return {
    find(name) {
      const { path, byteOffset, byteLength } = locate(name);
      return { file: basename(path), offset: byteOffset, length: byteLength };
    },
    async withModel(model, use) {
      const folder = mkdtempSync(join(tmpdir(), "rosa2-"));
      try {
        // onnxruntime only reads external data from below the model's own folder, links excepted that leave it.
        for (const path of new Set(names.map((name) => locate(name).path))) {
          linkOrCopy(path, join(folder, basename(path)));
        }
        const path = join(folder, "model.onnx");
        writeFileSync(path, model);
        return await use(path);
      } finally {
        rmSync(folder, { recursive: true, force: true });
      }
    },
  };
}

function convertedLocations(checkpoint: Checkpoint, names: readonly string[]) {
  const folder = join(cacheDirectory(), checkpoint.digest);
  const path = join(folder, "float32.safetensors");
  const file = openConverted(path) ?? convert(checkpoint, names, folder, path);
  return (name: string) => ({ path, ...file.info(name) });
}

function openConverted(path: string) {
  try {
    return openSafetensors(path);
  } catch {
    return null;
  }
}

function convert(checkpoint: Checkpoint, names: readonly string[], folder: string, path: string) {
  mkdirSync(folder, { recursive: true });
  const shapes = tensorShapes(checkpoint.config);
  const tensors = names.map((name) => ({
    name,
    dtype: "F32" as const,
    shape: [...shapes.get(name)!],
    data: new Uint8Array(checkpoint.tensor(name).buffer),
  }));
  const part = `${path}.${process.pid}.part`;
  writeFileSync(part, encodeSafetensors(tensors));
  renameSync(part, path);
  return openSafetensors(path);
}

/** A hard link where both lie on one file system. */
function linkOrCopy(from: string, to: string): void {
  try {
    linkSync(from, to);
  } catch {
    copyFileSync(from, to);
  }
}
