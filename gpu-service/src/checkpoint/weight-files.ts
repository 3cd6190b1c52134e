/** Opens the weight files of a checkpoint directory. It knows names and bytes, no model. */
import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { RosaError } from "@rosa2/shared/errors";
import { z } from "zod";
import { parse } from "./config-errors.ts";
import { readJson } from "./json.ts";
import { missingWeights } from "./missing-files.ts";
import { openSafetensors, type TensorFile } from "./safetensors.ts";

/** The single weight file, which is preferred, and the index of a checkpoint in several files. */
export const weightFileName = "model.safetensors";
export const weightIndexName = "model.safetensors.index.json";
/** A plain name: an index cannot point outside its directory. */
const shardName = z.string().regex(/^[A-Za-z0-9][\w.-]*\.safetensors$/, "is not a plain file name");
const indexSchema = z.object({ weight_map: z.record(z.string(), shardName) });

/** Which file holds which tensor, from the JSON of an index. Throws `checkpoint_invalid`. */
export function readWeightIndex(json: unknown): Record<string, string> {
  return parse(weightIndexName, indexSchema, json).weight_map;
}

export interface WeightFile {
  path: string;
  tensors: TensorFile;
}

export interface WeightFiles {
  files: readonly WeightFile[];
  /** The file that holds a tensor; undefined where none does. */
  fileOf(name: string): WeightFile | undefined;
  /** Why an index's tensor may be missing; null for a tensor that no index lists. */
  reasonOf(name: string): string | null;
}

/**
 * Opens the files that an index names. What they hold counts, so outdated entries do no harm. Throws
 * `checkpoint_invalid` for files that are missing or cannot be read.
 */
export function openWeightFiles(directory: string): WeightFiles {
  const open = (name: string): WeightFile => {
    const path = join(directory, name);
    return { path, tensors: openSafetensors(path) };
  };
  const names = existsSync(directory) ? readdirSync(directory) : [];
  if (names.includes(weightFileName)) return found([open(weightFileName)], {});
  if (!names.includes(weightIndexName)) throw missingWeights(names, directory);
  const index = readWeightIndex(readJson(directory, weightIndexName));
  const shards = [...new Set(Object.values(index))].sort();
  const missing = shards.filter((name) => !names.includes(name));
  if (missing.length === shards.length)
    throw new RosaError(
      "checkpoint_invalid",
      `Cannot open checkpoint: weight file "${missing[0]}" is missing`,
      { param: missing[0]! },
    );
  const present = shards.filter((name) => names.includes(name));
  return found(present.map(open), index, new Set(missing));
}

function found(
  files: WeightFile[],
  index: Record<string, string>,
  missing: ReadonlySet<string> = new Set(),
): WeightFiles {
  const fileOf = new Map(files.flatMap((file) => file.tensors.names.map((name) => [name, file])));
  return {
    files,
    fileOf: (name) => fileOf.get(name),
    reasonOf: (name) => {
      const shard = Object.hasOwn(index, name) ? index[name]! : null;
      if (shard === null) return null;
      return missing.has(shard)
        ? `weight file "${shard}" is missing, where the index puts tensor "${name}"`
        : `tensor "${name}" is not in "${shard}", where the index puts it`;
    },
  };
}
