/** Installs llama.cpp's Node binding into the cache folder on demand, and keeps checkpoints in its format. */
import { execFile } from "node:child_process";
import { existsSync, mkdirSync, writeFileSync } from "node:fs";
import { basename, join } from "node:path";
import { pathToFileURL } from "node:url";
import { promisify } from "node:util";
import { openCheckpoint } from "../../../gpu-service/src/checkpoint/checkpoint.ts";
import type { Context } from "../figure.ts";
import { type GgufType, writeGguf } from "./gguf.ts";

const version = "3.22.1";
export const llamaName = `llama.cpp (node-llama-cpp ${version})`;
/** The binding's prebuilt files without GPU. */
const builds: Record<string, string> = {
  "linux-x64": "linux-x64",
  "linux-arm64": "linux-arm64",
  "darwin-x64": "mac-x64",
  "darwin-arm64": "mac-arm64-metal",
};

/** URL of the binding's module. Throws when it cannot be installed here. */
export async function llamaModule({ cache, say }: Context): Promise<string> {
  const folder = join(cache, "peers", `node-llama-cpp-${version}`);
  const module = join(folder, "node_modules/node-llama-cpp/dist/index.js");
  if (!existsSync(module)) {
    const build = builds[`${process.platform}-${process.arch}`];
    if (build === undefined) throw new Error(`there is no build for ${process.platform}`);
    say(`installing ${llamaName} into ${folder}`);
    mkdirSync(folder, { recursive: true });
    writeFileSync(join(folder, "package.json"), JSON.stringify({ private: true }));
    // Its optional packages are the builds for every platform and GPU, 700 MB of them.
    const packages = [`node-llama-cpp@${version}`, `@node-llama-cpp/${build}@${version}`];
    const flags = ["--omit=optional", "--ignore-scripts", "--no-audit", "--no-fund"];
    await promisify(execFile)("npm", ["install", ...flags, ...packages], { cwd: folder });
  }
  return pathToFileURL(module).href;
}

/** Path of the checkpoint in llama.cpp's format. */
export function ggufOf(directory: string, bits: 8 | 4 | null, { cache, say }: Context): string {
  const type: GgufType = bits === null ? "f32" : bits === 8 ? "q8_0" : "q4_0";
  const checkpoint = openCheckpoint(directory);
  const folder = join(cache, "gguf");
  const path = join(
    folder,
    `${basename(directory)}-${checkpoint.digest.slice(0, 12)}-${type}.gguf`,
  );
  if (!existsSync(path)) {
    say(`writing ${path}`);
    mkdirSync(folder, { recursive: true });
    writeGguf(checkpoint, type, path);
  }
  return path;
}
