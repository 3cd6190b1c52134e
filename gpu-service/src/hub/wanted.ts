/**
 * Which files of a hub model the engine reads. Files that are never requested can do no harm: no code, no pickle,
 * nothing from a subfolder, no second copy of the weights in another format.
 */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { RosaError } from "@rosa2/shared/errors";
import { missingConfig, missingWeights } from "../checkpoint/missing-files.ts";
import { readWeightIndex, weightFileName, weightIndexName } from "../checkpoint/weight-files.ts";
import { missingTokenizer } from "../tokenizer/missing-tokenizer.ts";
import type { HubFile, HubModel } from "./hub.ts";
import type { HubCache } from "./hub-cache.ts";

const descriptionNames = [
  "config.json",
  "generation_config.json",
  "tokenizer.json",
  "tokenizer_config.json",
  "special_tokens_map.json",
  "chat_template.jinja",
  weightIndexName,
];
/** Files that this project keeps beside its own models' weights. */
const extraNames = ["anchors.safetensors"];
/** Far above any real size; these files are parsed in memory. */
const descriptionBytesMax = 200_000_000;

/** Throws `checkpoint_unsupported` or `checkpoint_invalid` if files are missing that the engine needs. */
export function requireFiles(model: HubModel): void {
  const names = [...model.files.keys()];
  if (!model.files.has("config.json")) throw missingConfig(names, model.label);
  if (!model.files.has("tokenizer.json")) throw missingTokenizer(names, model.label);
  if (!model.files.has(weightFileName) && !model.files.has(weightIndexName))
    throw missingWeights(names, model.label);
}

/** Fetches everything except the weights, as far as it exists, into `folder`. */
export async function fetchDescription(
  model: HubModel,
  cache: HubCache,
  folder: string,
): Promise<void> {
  const files = descriptionNames.flatMap((name) => model.files.get(name) ?? []);
  for (const file of files) {
    if (file.size > descriptionBytesMax)
      throw new RosaError(
        "checkpoint_invalid",
        `Cannot use ${model.label}: ${file.name} has ${file.size} bytes, ${descriptionBytesMax} at most`,
        { param: file.name },
      );
  }
  cache.blobs.requireSpace(files);
  for (const file of files) await cache.blobs.fetch(model, file);
  cache.place(files, folder);
}

/** The model's weight files, once its description is in `folder`. */
export function weightFiles(model: HubModel, folder: string): HubFile[] {
  requireFiles(model);
  const single = model.files.get(weightFileName);
  const weights = single ? [single] : shards(model, join(folder, weightIndexName));
  return [...weights, ...extraNames.flatMap((name) => model.files.get(name) ?? [])];
}

function shards(model: HubModel, indexPath: string): HubFile[] {
  let json: unknown;
  try {
    json = JSON.parse(readFileSync(indexPath, "utf8"));
  } catch (cause) {
    throw new RosaError(
      "checkpoint_invalid",
      `Cannot read ${weightIndexName} of ${model.label}: ${(cause as Error).message}`,
      { param: weightIndexName, cause },
    );
  }
  const names = [...new Set(Object.values(readWeightIndex(json)))].sort();
  return names.map((name) => {
    const file = model.files.get(name);
    if (file) return file;
    throw new RosaError(
      "checkpoint_invalid",
      `Cannot use ${model.label}: weight file "${name}" is missing`,
      { param: name },
    );
  });
}
