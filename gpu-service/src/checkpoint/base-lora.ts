/**
 * A team's own LoRA, in PEFT's files, merged into a checkpoint while its tensors are read: W + s·B·A. It knows files
 * and names. Session adapters are separate.
 */
import { createHash } from "node:crypto";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { RosaError } from "@rosa2/shared/errors";
import { z } from "zod";
import { type Checkpoint, type LoraDelta, tensorShapes } from "./checkpoint.ts";
import { parse } from "./config-errors.ts";
import { digestFiles } from "./digest.ts";
import { readJson } from "./json.ts";
import { openSafetensors, type TensorFile } from "./safetensors.ts";
import { partsOf } from "./tensor-names.ts";

export const loraConfigName = "adapter_config.json";
export const loraWeightsName = "adapter_model.safetensors";

const off = [false, null, undefined, 0];
const settingsSchema = z.looseObject({
  peft_type: z.string(),
  lora_alpha: z.number().default(8),
  use_rslora: z.boolean().nullish(),
  alpha_pattern: z.record(z.string(), z.number()).nullish(),
  bias: z.string().nullish(),
  modules_to_save: z.array(z.string()).nullish(),
});
type Settings = z.infer<typeof settingsSchema>;
/** Settings under which the two matrices mean something else. */
const foreignSettings = [
  "use_dora",
  "fan_in_fan_out",
  "lora_bias",
  "layer_replication",
  "use_qalora",
];

/**
 * The checkpoint with the LoRA in `directory` merged in; its digest says so. Throws `checkpoint_unsupported` naming the
 * setting or tensor that cannot be merged, and `checkpoint_invalid` for files that do not fit.
 */
export function mergeLora(checkpoint: Checkpoint, directory: string, name: string): Checkpoint {
  const { integers } = checkpoint.config;
  if (integers !== null)
    throw refuse(
      "checkpoint_unsupported",
      "LORA",
      `the model's weights are ${integers.bits}-bit integers (${integers.method}), which cannot hold the sum: set MODEL to its full-precision repository`,
    );
  for (const file of [loraConfigName, loraWeightsName])
    if (!existsSync(join(directory, file)))
      throw refuse("checkpoint_invalid", file, `${file} is not in "${directory}"`);
  const settings = readSettings(directory);
  const path = join(directory, loraWeightsName);
  const deltas = readDeltas(checkpoint, openSafetensors(path), settings);
  let digest: string | undefined;
  return {
    ...checkpoint,
    get digest() {
      const own = digestFiles([join(directory, loraConfigName), path]);
      digest ??= createHash("sha256").update(`${checkpoint.digest}\0lora\0${own}`).digest("hex");
      return digest;
    },
    lora: { name, deltas },
    tensor: (tensor, part) => {
      const values = checkpoint.tensor(tensor, part);
      const delta = deltas.get(tensor.replace(/\.weight$/, ""));
      if (delta !== undefined) addProduct(values, part?.start ?? 0, delta);
      return values;
    },
  };
}

function readSettings(directory: string): Settings {
  const settings = parse(loraConfigName, settingsSchema, readJson(directory, loraConfigName));
  const unsupported = (field: string, value: unknown) =>
    refuse("checkpoint_unsupported", field, `${field} ${JSON.stringify(value)} is not supported`);
  if (settings.peft_type !== "LORA") throw unsupported("peft_type", settings.peft_type);
  if ((settings.bias ?? "none") !== "none") throw unsupported("bias", settings.bias);
  if ((settings.modules_to_save ?? []).length > 0)
    throw unsupported("modules_to_save", settings.modules_to_save);
  for (const field of foreignSettings)
    if (!off.includes(settings[field] as never)) throw unsupported(field, settings[field]);
  return settings;
}

/** Where another model's class keeps the decoder. */
const decoderPaths = /^(?:model\.language_model|language_model\.model|model)\./;

function readDeltas(
  { config }: Checkpoint,
  file: TensorFile,
  settings: Settings,
): Map<string, LoraDelta> {
  const unread = new Set(file.names);
  /** Names in the file by module of the model's class and by matrix. */
  const named = new Map(
    file.names.map((name) => {
      const match = /^(?:base_model\.model\.)?(.*)\.(lora_[AB])(?:\.[^.]+)?\.weight$/.exec(name);
      if (match === null) return [name, name];
      const [, path = "", matrix] = match;
      return [`${path.replace(decoderPaths, "model.")} ${matrix}`, name];
    }),
  );
  const deltas = new Map<string, LoraDelta>();
  for (const [tensor, shape] of tensorShapes(config)) {
    const [part] = partsOf(config, tensor);
    const module = part!.name.replace(/\.weight$/, "");
    const [a, b] = [named.get(`${module} lora_A`), named.get(`${module} lora_B`)];
    if (a === undefined || b === undefined || shape.length !== 2) continue;
    const outside = part!.rows ?? { start: 0, count: shape[0]!, of: shape[0]! };
    deltas.set(
      tensor.replace(/\.weight$/, ""),
      readDelta(file, { a, b }, module, settings, { rows: outside, width: shape[1]! }),
    );
    unread.delete(a);
    unread.delete(b);
  }
  const [foreign] = unread;
  if (foreign !== undefined)
    throw refuse(
      "checkpoint_unsupported",
      foreign,
      `tensor "${foreign}" belongs to no linear layer of this model`,
    );
  return deltas;
}

function readDelta(
  file: TensorFile,
  { a, b }: { a: string; b: string },
  module: string,
  settings: Settings,
  { rows, width }: { rows: { start: number; count: number; of: number }; width: number },
): LoraDelta {
  const rank = file.info(a).shape[0] ?? 0;
  const expected: [string, number[]][] = [
    [a, [rank, width]],
    [b, [rows.of, rank]],
  ];
  for (const [name, shape] of expected)
    if (file.info(name).shape.join() !== shape.join())
      throw refuse(
        "checkpoint_invalid",
        name,
        `tensor "${name}" has shape [${file.info(name).shape}], expected [${shape}]`,
      );
  const pattern = Object.entries(settings.alpha_pattern ?? {}).find(([key]) =>
    module.endsWith(key),
  );
  const alpha = pattern?.[1] ?? settings.lora_alpha;
  const scale = alpha / (settings.use_rslora ? Math.sqrt(rank) : rank);
  const B = file.readFloat32(b, { start: rows.start * rank, count: rows.count * rank });
  return { rank, A: file.readFloat32(a), B: B.map((value) => value * scale) };
}

/** Adds B·A to the elements of a matrix that begin at `start`, in row-major order. */
function addProduct(values: Float32Array, start: number, { rank, A, B }: LoraDelta): void {
  const width = A.length / rank;
  for (let done = 0; done < values.length; ) {
    const row = Math.floor((start + done) / width);
    const from = start + done - row * width;
    const count = Math.min(width - from, values.length - done);
    for (let r = 0; r < rank; r++) {
      const factor = B[row * rank + r]!;
      if (factor === 0) continue;
      const offset = r * width + from;
      for (let i = 0; i < count; i++) values[done + i]! += factor * A[offset + i]!;
    }
    done += count;
  }
}

function refuse(
  code: "checkpoint_unsupported" | "checkpoint_invalid",
  param: string,
  reason: string,
): RosaError {
  return new RosaError(code, `Cannot merge LORA: ${reason}`, { param });
}
