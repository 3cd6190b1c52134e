/** Checks a model given by path or hub id; fetches only what the check reads. */

import type { ModelSettings } from "../config.ts";
import { cacheDirectory } from "../disk/cache-directory.ts";
import { withHeaders } from "../hub/headers.ts";
import { HubCache } from "../hub/hub-cache.ts";
import { localModel, openHubModel, type ResolveOptions, requireModelId } from "../hub/resolve.ts";
import { checkModel, type ModelReport, problemOf } from "./check.ts";

export interface CheckedModel extends ModelReport {
  /** The model as the command line names it. */
  model: string;
  /** Of the hub's files; null for a path. */
  commit: string | null;
  /** Bytes still to be downloaded; null for a path, or where they cannot be told. */
  download_bytes: number | null;
}

/** Expected failures, refusals of the hub included, become problems of the report. */
export async function checkNamedModel(
  nameOrPath: string,
  settings: ModelSettings,
  options: ResolveOptions,
): Promise<CheckedModel> {
  const named = { model: nameOrPath, commit: null, download_bytes: null };
  try {
    const local = localModel(nameOrPath);
    if (local !== null) return { ...named, ...checkModel(local, settings) };
    const id = requireModelId(nameOrPath);
    const cache = new HubCache(options.cache ?? cacheDirectory(), id);
    const found = await openHubModel(id, cache, options);
    const commit = typeof found === "string" ? found : found.commit;
    const snapshot = cache.snapshot(commit);
    if (snapshot !== null || typeof found === "string")
      return { ...named, commit, download_bytes: 0, ...checkModel(snapshot!, settings) };
    return await withHeaders(found, cache, (folder, weights) => ({
      ...named,
      commit,
      download_bytes: weights instanceof Error ? null : cache.blobs.missingBytes(weights),
      ...checkModel(folder, settings, weights instanceof Error ? weights : null),
    }));
  } catch (error) {
    return {
      ...named,
      runs: false,
      problems: [problemOf(error)],
      warnings: [],
      architecture: null,
      weights: null,
      tokenizer: null,
      memory: null,
      adapter: null,
    };
  }
}
