/**
 * Which files of a hub model the engine reads. What is never asked for can do no harm: no code, no pickle,
 * nothing from a subfolder, no second copy of the weights in another format.
 */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { RosaError } from "@rosa2/shared/errors";
import {
  noWeights,
  readWeightIndex,
  weightFileName,
  weightIndexName,
} from "../compiler/checkpoint.ts";
import type { HubFile, HubModel } from "./hub.ts";
import type { HubCache } from "./hub-cache.ts";

const descriptionNames = [
  "config.json",
  "generation_config.json",
  "tokenizer.json",
  "tokenizer_config.json",
  "special_tokens_map.json",
  "chat_template.jinja",
];
const requiredNames = ["config.json", "tokenizer.json"];
/** Far above any real one of these; they are parsed in memory. */
const descriptionBytesMax = 200_000_000;

/**
 * Fetches everything but the weights into `folder` and tells which weight files belong to it. Throws
 * `checkpoint_unsupported` or `checkpoint_invalid` when the model has not what the engine reads.
 */
export async function fetchDescription(
  model: HubModel,
  cache: HubCache,
  folder: string,
): Promise<HubFile[]> {
  for (const name of requiredNames) {
    if (!model.files.has(name))
      throw new RosaError(
        "checkpoint_unsupported",
        `Cannot run ${model.label}: it has no ${name}`,
        {
          param: name,
        },
      );
  }
  const single = model.files.get(weightFileName);
  const index = model.files.get(weightIndexName);
  if (!single && !index) throw noWeights([...model.files.keys()], model.label);

  const descriptions = descriptionNames.flatMap((name) => model.files.get(name) ?? []);
  if (!single && index) descriptions.push(index);
  for (const file of descriptions) {
    if (file.size > descriptionBytesMax)
      throw new RosaError(
        "checkpoint_invalid",
        `Cannot use ${model.label}: ${file.name} has ${file.size} bytes, ${descriptionBytesMax} at most`,
        { param: file.name },
      );
  }
  cache.blobs.requireSpace(descriptions);
  for (const file of descriptions) await cache.blobs.fetch(model, file);
  cache.place(descriptions, folder);
  return single ? [single] : shards(model, join(folder, weightIndexName));
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
