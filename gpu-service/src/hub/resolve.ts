/** Turns the setting `MODEL` into a checkpoint directory: a path is used as it is, a hub id is downloaded once. */
import { statSync } from "node:fs";
import { RosaError } from "@rosa2/shared/errors";
import { openConfig } from "../checkpoint/checkpoint.ts";
import { cacheDirectory } from "../disk/cache-directory.ts";
import { ChatTokenizer } from "../tokenizer/tokenizer.ts";
import { HubModel } from "./hub.ts";
import { HubCache } from "./hub-cache.ts";
import type { HubOptions } from "./hub-options.ts";
import { isCommit, type ModelId, parseModelId } from "./model-id.ts";
import type { DownloadReport } from "./progress.ts";
import { fetchDescription, requireFiles, weightFiles } from "./wanted.ts";

export interface ResolveOptions extends HubOptions {
  /** Folder for downloads; `cacheDirectory()` by default. */
  cache?: string;
  report?: DownloadReport;
}

export interface ResolvedModel {
  directory: string;
  /** `organisation/name` on the hub; null for a path. */
  id: string | null;
  /** Commit of the files; null for a path. */
  commit: string | null;
}

/**
 * A path that exists is used as it is. Anything else must be a hub id, `organisation/name[@revision]`; its files are
 * downloaded unless they are here, and each is checked against the hub's checksum. A commit that is here needs no
 * network. A branch or tag is looked up; if no hub answers, its last known commit is used.
 *
 * Throws `checkpoint_invalid` and `checkpoint_unsupported` for models that cannot run, `not_found`, `missing_key`,
 * `invalid_key` and `insufficient_scope` for refusals of the hub, `gpu_unavailable` for what may pass: no network, no
 * space.
 */
export async function resolveModel(
  nameOrPath: string,
  options: ResolveOptions,
): Promise<ResolvedModel> {
  const local = localModel(nameOrPath);
  if (local !== null) return { directory: local, id: null, commit: null };
  const id = requireModelId(nameOrPath);
  const cache = new HubCache(options.cache ?? cacheDirectory(), id);
  const found = await openHubModel(id, cache, options);
  if (typeof found === "string") return present(cache, id, found);
  const { commit } = found;
  if (cache.snapshot(commit) === null) await download(found, cache, options.report);
  cache.remember(commit);
  return present(cache, id, commit);
}

/** The path if that directory exists; null if nothing is there. */
export function localModel(nameOrPath: string): string | null {
  const stat = statSync(nameOrPath, { throwIfNoEntry: false });
  if (stat === undefined) return null;
  if (stat.isDirectory()) return nameOrPath;
  throw new RosaError("checkpoint_invalid", `MODEL="${nameOrPath}" is not a directory`, {
    param: "MODEL",
  });
}

export function requireModelId(name: string): ModelId {
  const id = parseModelId(name);
  if (id !== null) return id;
  throw new RosaError(
    "checkpoint_invalid",
    `MODEL="${name}" is not a directory and not a model id (organisation/name or organisation/name@revision)`,
    { param: "MODEL" },
  );
}

/** The model on the hub, or a commit that needs no question. */
export async function openHubModel(
  id: ModelId,
  cache: HubCache,
  options: ResolveOptions,
): Promise<HubModel | string> {
  const known = cache.lastCommit();
  const usable = known !== null && cache.snapshot(known) !== null ? known : null;
  if (usable !== null && isCommit(id.revision)) return usable;
  try {
    return await HubModel.open(id, options);
  } catch (error) {
    if (usable === null || !(error instanceof RosaError) || error.code !== "gpu_unavailable")
      throw error;
    options.report?.note(`${error.message}; using commit ${usable}, which is here`);
    return usable;
  }
}

async function download(
  model: HubModel,
  cache: HubCache,
  report: DownloadReport | undefined,
): Promise<void> {
  requireFiles(model);
  await cache.stage(async (staging) => {
    await fetchDescription(model, cache, staging);
    const weights = weightFiles(model, staging);
    // Gigabytes are not worth fetching for a model that cannot run.
    const { eosIds, vocabSize } = openConfig(staging);
    ChatTokenizer.load(staging, eosIds, vocabSize);
    cache.blobs.requireSpace(weights);
    report?.start(
      model.label,
      weights.reduce((sum, { size }) => sum + size, 0),
    );
    try {
      for (const file of weights) await cache.blobs.fetch(model, file, report);
    } finally {
      report?.stop();
    }
    cache.place(weights, staging);
    cache.publish(staging, model.commit);
  });
}

function present(cache: HubCache, { name }: ModelId, commit: string): ResolvedModel {
  return { directory: cache.snapshot(commit)!, id: name, commit };
}
