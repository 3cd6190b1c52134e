/**
 * A hub model without its weights: a folder with its small files, and weight files with their real header and a hole
 * instead of the data. Everything that opens a checkpoint can open it.
 */
import { mkdtempSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { formatHeaderBytesMax } from "../checkpoint/safetensors.ts";
import { headerPrefixBytes } from "../checkpoint/tensor-types.ts";
import { onDisk } from "../disk/disk-errors.ts";
import type { HubFile, HubModel } from "./hub.ts";
import type { HubCache } from "./hub-cache.ts";
import { fetchDescription, weightFiles } from "./wanted.ts";

/**
 * Calls `use` with the folder, which is removed afterwards. If the weight files cannot be listed or read, the folder
 * lacks them and `use` gets the reason.
 */
export async function withHeaders<T>(
  model: HubModel,
  cache: HubCache,
  use: (folder: string, weights: HubFile[] | Error) => T,
): Promise<T> {
  const folder = mkdtempSync(join(tmpdir(), "rosa2-headers-"));
  try {
    await fetchDescription(model, cache, folder);
    const weights = await fetchWeightHeaders(model, folder).catch((error: Error) => error);
    return use(folder, weights);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

async function fetchWeightHeaders(model: HubModel, folder: string): Promise<HubFile[]> {
  const files = weightFiles(model, folder);
  for (const file of files) {
    const header = await fetchHeader(model, file);
    const path = join(folder, file.name);
    onDisk(`write the header of "${file.name}"`, () => {
      writeFileSync(path, header);
      truncateSync(path, file.size);
    });
  }
  return files;
}

/** The beginning of the file: enough to tell what it holds, or what is wrong. */
async function fetchHeader(model: HubModel, file: HubFile): Promise<Uint8Array> {
  if (file.size < headerPrefixBytes) return model.read(file, 0, file.size);
  const prefix = await model.read(file, 0, headerPrefixBytes);
  const declared = new DataView(prefix.buffer).getBigUint64(0, true);
  const end = headerPrefixBytes + Number(declared);
  if (declared > BigInt(formatHeaderBytesMax) || end > file.size) return prefix;
  const rest = await model.read(file, headerPrefixBytes, end);
  return Buffer.concat([prefix, rest]);
}
