/** Turns the setting `LORA` into a PEFT directory: a path is used as it is, a hub id is downloaded once. */
import { RosaError } from "@rosa2/shared/errors";
import { loraConfigName, loraWeightsName } from "../checkpoint/base-lora.ts";
import { cacheDirectory } from "../disk/cache-directory.ts";
import type { HubModel } from "./hub.ts";
import { HubCache } from "./hub-cache.ts";
import { localModel, openHubModel, type ResolveOptions, requireModelId } from "./resolve.ts";

/** Throws as `resolveModel` does. */
export async function resolveLora(nameOrPath: string, options: ResolveOptions): Promise<string> {
  const local = localModel(nameOrPath);
  if (local !== null) return local;
  const id = requireModelId(nameOrPath);
  const cache = new HubCache(options.cache ?? cacheDirectory(), id);
  const found = await openHubModel(id, cache, options);
  if (typeof found === "string") return cache.snapshot(found)!;
  if (cache.snapshot(found.commit) === null) await download(found, cache);
  cache.remember(found.commit);
  return cache.snapshot(found.commit)!;
}

async function download(lora: HubModel, cache: HubCache): Promise<void> {
  const files = [loraConfigName, loraWeightsName].map((name) => {
    const file = lora.files.get(name);
    if (file !== undefined) return file;
    throw new RosaError(
      "checkpoint_invalid",
      `Cannot use ${lora.label} as LORA: it has no ${name}`,
      {
        param: name,
      },
    );
  });
  cache.blobs.requireSpace(files);
  await cache.stage(async (staging) => {
    for (const file of files) await cache.blobs.fetch(lora, file);
    cache.place(files, staging);
    cache.publish(staging, lora.commit);
  });
}
