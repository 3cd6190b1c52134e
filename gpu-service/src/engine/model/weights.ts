/**
 * Lets onnxruntime map a checkpoint's own weight files: there is no second copy on disk or in memory, and all graphs
 * share the same pages. It knows files, not graphs.
 */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import type { Checkpoint } from "../../checkpoint/checkpoint.ts";
import { denseNames } from "../../compiler/decoder/quantize.ts";
import { quantizedParts } from "../../compiler/decoder/weights.ts";
import type { WeightSource } from "../../compiler/onnx.ts";
import { linkOrCopy } from "../../disk/link-or-copy.ts";
import { convertedFloat32, convertedIntegers } from "./converted-weights.ts";

export interface MappedWeights {
  /** Where a tensor lies as the graphs read it. */
  locate(name: string): { path: string; byteOffset: number; byteLength: number };
  find(name: string): WeightSource;
  /**
   * Calls `use` with the path of a folder that holds `model.onnx` beside the weight files it refers to. The folder is
   * removed afterwards; what was mapped by then stays mapped.
   */
  withModel<T>(model: Uint8Array, use: (path: string) => Promise<T>): Promise<T>;
}

/**
 * Locates every tensor that the graphs read. Tensors that the checkpoint lacks in the needed form (fp32 copies of other
 * types, quantised matrices) are made once and kept under the checkpoint's digest.
 */
export function mapWeights(checkpoint: Checkpoint, bits: 8 | 4 | null): MappedWeights {
  const names = denseNames(checkpoint.config);
  const isFloat32 =
    checkpoint.lora === null && names.every((name) => checkpoint.location(name).dtype === "F32");
  const dense = isFloat32 ? checkpoint.location : convertedFloat32(checkpoint);
  const quantized = bits && convertedIntegers(checkpoint, bits);
  const locate = (name: string) => {
    if (!quantized || !name.includes("#")) return dense(name);
    const { integers, packed, packedZeros, zeros } = quantizedParts;
    return quantized(name.replace(integers, packed).replace(packedZeros, zeros));
  };
  const used = new Set<string>();
  return {
    locate,
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
