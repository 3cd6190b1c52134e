/**
 * Adapter files: safetensors with the B matrices of one generation in fp16. The metadata names what the file fits: the
 * base model's digest, the rank, the basis of the frozen A, the parent generation.
 */
import { createHash } from "node:crypto";
import { RosaError } from "@rosa2/shared/errors";
import type { ModelConfig } from "../checkpoint/checkpoint.ts";
import { openSafetensors } from "../checkpoint/safetensors.ts";
import { toFloat16 } from "../checkpoint/tensor-types.ts";
import { encodeSafetensors } from "../checkpoint/write-safetensors.ts";
import type { AdapterWeights } from "../language-model.ts";
import { basisId } from "../lora/basis.ts";
import { loraLength, loraSites } from "../lora/sites.ts";

/** The model an adapter belongs to. */
export interface AdapterBase {
  config: ModelConfig;
  digest: string;
}

const format = "rosa2-adapter-1";

/** Rounds B in place to fp16, as the file holds it: what is measured is then what is served. */
export function roundToFile(B: Float32Array): void {
  for (let i = 0; i < B.length; i++) B[i] = Math.f16round(B[i]!);
}

/** The file's bytes and digest. The same numbers and parent give the same bytes. */
export function writeAdapter(
  base: AdapterBase,
  { rank, B, parent }: { rank: number; B: Float32Array; parent: string | null },
): { bytes: Uint8Array; digest: string } {
  let offset = 0;
  const tensors = loraSites(base.config).map(({ module, out }) => {
    const part = B.subarray(offset, offset + out * rank);
    offset += out * rank;
    const half = toFloat16(part);
    const data = new Uint8Array(half.buffer, half.byteOffset, half.byteLength);
    return { name: `${module}.lora_B`, dtype: "F16" as const, shape: [out, rank], data };
  });
  const bytes = encodeSafetensors(tensors, {
    format,
    model: base.digest,
    rank: String(rank),
    basis: basisId,
    parent: parent ?? "",
  });
  return { bytes, digest: digestOf(bytes) };
}

/**
 * Reads an adapter file for this base model. Throws `adapter_invalid` when it is damaged, made for another
 * model or basis, or does not have exactly the tensors of its rank.
 */
export function readAdapter(base: AdapterBase, bytes: Uint8Array): AdapterWeights {
  const file = openSafetensors(bytes, { code: "adapter_invalid" });
  const { metadata } = file;
  const expect = (key: string, value: string) => {
    if (metadata[key] !== value) {
      throw invalid(`its ${key} is ${JSON.stringify(metadata[key] ?? null)}, expected "${value}"`);
    }
  };
  expect("format", format);
  expect("model", base.digest);
  expect("basis", basisId);
  const rank = Number(metadata.rank);
  if (!Number.isInteger(rank) || rank < 1 || rank > 64)
    throw invalid(`its rank is ${metadata.rank}`);
  const sites = loraSites(base.config);
  if (file.names.length !== sites.length) {
    throw invalid(`it has ${file.names.length} tensors, expected ${sites.length}`);
  }
  const B = new Float32Array(loraLength(base.config, rank));
  let offset = 0;
  for (const { module, out } of sites) {
    const name = `${module}.lora_B`;
    if (!file.names.includes(name)) throw invalid(`tensor "${name}" is missing`);
    const { dtype, shape } = file.info(name);
    if (dtype !== "F16" || shape.join() !== `${out},${rank}`) {
      throw invalid(`tensor "${name}" is ${dtype} [${shape}], expected F16 [${out},${rank}]`);
    }
    B.set(file.readFloat32(name), offset);
    offset += out * rank;
  }
  if (!B.every(Number.isFinite)) throw invalid("it holds numbers that are not finite");
  return { digest: digestOf(bytes), rank, B };
}

function digestOf(bytes: Uint8Array): string {
  return createHash("sha256").update(bytes).digest("hex");
}

function invalid(reason: string): RosaError {
  return new RosaError("adapter_invalid", `Cannot use adapter: ${reason}`, { param: "adapter" });
}
