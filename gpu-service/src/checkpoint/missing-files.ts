/**
 * Explains a directory or hub model that lacks a file of a checkpoint, from the names of its files: one sentence with
 * the way out.
 */
import { RosaError } from "@rosa2/shared/errors";

const gguf = /\.gguf$/i;
const onnx = /\.onnx$|^onnx(\/|$)/i;
const pickled = /\.(bin|pt|pth|ckpt|h5|msgpack)$/i;
const isAdapter = (name: string) => name === "adapter_config.json";

/** Why there is no config.json among these files. */
export function missingConfig(names: readonly string[], place: string): RosaError {
  return foreignKind(names, place) ?? invalid(`config.json is not in "${place}"`, "config.json");
}

/** Why there are no weights to read among these files. */
export function missingWeights(names: readonly string[], place: string): RosaError {
  const kind = foreignKind(names, place);
  if (kind !== null) return kind;
  const foreign = names.find((name) => pickled.test(name));
  if (foreign !== undefined)
    return unsupported(
      foreign,
      `weight file "${foreign}" is not supported: save the model as safetensors (\`save_pretrained\` does)`,
    );
  return invalid(
    `neither model.safetensors nor model.safetensors.index.json is in "${place}"`,
    "model.safetensors",
  );
}

function foreignKind(names: readonly string[], place: string): RosaError | null {
  const adapter = names.find(isAdapter);
  if (adapter !== undefined)
    return unsupported(
      adapter,
      `"${place}" is a LoRA adapter: set MODEL to its base model and LORA to the adapter`,
    );
  const file = (pattern: RegExp) => names.find((name) => pattern.test(name));
  const packed = file(gguf);
  if (packed !== undefined)
    return unsupported(
      packed,
      `"${place}" holds GGUF weights ("${packed}"): use the model's original repository with safetensors files`,
    );
  const graph = file(onnx);
  if (graph !== undefined)
    return unsupported(
      graph,
      `"${place}" is an ONNX export ("${graph}"): use the model's original repository with safetensors files`,
    );
  return null;
}

function unsupported(param: string, reason: string): RosaError {
  return new RosaError("checkpoint_unsupported", `Cannot run checkpoint: ${reason}`, { param });
}

function invalid(reason: string, param: string): RosaError {
  return new RosaError("checkpoint_invalid", `Cannot open checkpoint: ${reason}`, { param });
}
