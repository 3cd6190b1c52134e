/** Finds a matrix of integers in weight files: several tensors whose types and shapes must fit each other. */
import { RosaError } from "@rosa2/shared/errors";
import type { TensorInfo } from "./safetensors.ts";
import {
  groupIndexSuffix,
  groupShapes,
  hasLostZero,
  type IntegerMatrix,
  integerSuffixes,
  matrixSize,
  type SavedIntegers,
  unpackMatrix,
} from "./saved-integers.ts";
import type { WeightFile, WeightFiles } from "./weight-files.ts";

export interface IntegerTensor {
  file: WeightFile;
  /** Type and place of the integers in the file, with the shape [out, in] of the matrix. */
  info: TensorInfo;
  /** Of all its tensors. */
  byteLength: number;
  read(): IntegerMatrix;
}

/** Null where the files hold no integers of this module. Throws `checkpoint_invalid` where the tensors do not fit. */
export function findIntegers(
  weights: WeightFiles,
  saved: SavedIntegers,
  module: string,
): IntegerTensor | null {
  const name = module + integerSuffixes.weight;
  const file = weights.fileOf(name);
  if (file === undefined) return null;
  const info = requireFitting(weights, name, ["I32"], null);
  const size = matrixSize(saved, info.shape);
  const shapes = groupShapes(saved, size);
  const zeros = requireFitting(weights, module + integerSuffixes.zeros, ["I32"], shapes.zeros);
  const scaleTypes = ["F16", "BF16", "F32"];
  const scales = requireFitting(
    weights,
    module + integerSuffixes.scales,
    scaleTypes,
    shapes.scales,
  );
  const words = (name: string) => new Uint32Array(weights.fileOf(name)!.tensors.read(name).buffer);
  return {
    file,
    info: { ...info, shape: [size.out, size.in] },
    byteLength: info.byteLength + zeros.byteLength + scales.byteLength,
    read() {
      requireOrder(weights, module, saved.groupSize ?? size.in);
      const [scales, zeros] = [integerSuffixes.scales, integerSuffixes.zeros].map(
        (suffix) => module + suffix,
      ) as [string, string];
      const qzeros = words(zeros);
      if (hasLostZero(saved, qzeros))
        throw unsupported(
          zeros,
          "holds a zero of 0 in GPTQ's first format, which libraries write and read in different ways",
          "checkpoint_format gptq_v2",
        );
      return unpackMatrix(saved, {
        ...size,
        qweight: words(name),
        qzeros,
        scales: weights.fileOf(scales)!.tensors.readFloat32(scales),
      });
    },
  };
}

/** A tensor's place, after a check of its type and shape; `shape` null accepts any two axes. */
function requireFitting(
  weights: WeightFiles,
  name: string,
  dtypes: readonly string[],
  shape: readonly number[] | null,
): TensorInfo {
  const file = weights.fileOf(name);
  if (file === undefined) throw invalid(name, "is missing");
  const info = file.tensors.info(name);
  if (!dtypes.includes(info.dtype))
    throw invalid(name, `has dtype "${info.dtype}", expected ${dtypes.join(" or ")}`);
  if (shape === null ? info.shape.length !== 2 : info.shape.join() !== shape.join())
    throw invalid(name, `has shape [${info.shape}], expected [${shape ?? "rows,columns"}]`);
  return info;
}

/** Requires inputs in the order of their groups: a config may claim it wrongly. */
function requireOrder(weights: WeightFiles, module: string, groupSize: number): void {
  const name = module + groupIndexSuffix;
  const file = weights.fileOf(name);
  if (file === undefined) return;
  const groups = new Int32Array(file.tensors.read(name).buffer);
  if (groups.every((group, input) => group === Math.floor(input / groupSize))) return;
  throw unsupported(
    name,
    "puts inputs into groups out of their order (desc_act), which is not supported",
    "desc_act false",
  );
}

function unsupported(name: string, reason: string, setting: string): RosaError {
  return new RosaError(
    "checkpoint_unsupported",
    `Cannot run checkpoint: tensor "${name}" ${reason}: use a repository with ${setting}, or the full-precision one with QUANTIZE=4`,
    { param: name },
  );
}

function invalid(name: string, reason: string): RosaError {
  return new RosaError("checkpoint_invalid", `Cannot open checkpoint: tensor "${name}" ${reason}`, {
    param: name,
  });
}
