/** SHA-256 of a checkpoint's files. Large files are hashed once; the hash is kept until a file changes. */
import { createHash } from "node:crypto";
import {
  closeSync,
  mkdirSync,
  openSync,
  readFileSync,
  readSync,
  realpathSync,
  renameSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { basename, dirname, join } from "node:path";
import { cacheDirectory } from "../disk/cache-directory.ts";
import { owner } from "../disk/parts.ts";

/** Smaller files are hashed every time: that takes a tenth of a second. */
const rememberedBytesMin = 128 * 1_048_576;

/** Hash over names, sizes and contents of the files, in this order. */
export function digestFiles(paths: readonly string[]): string {
  const bytes = paths.reduce((sum, path) => sum + statSync(path).size, 0);
  if (bytes < rememberedBytesMin) return hashFiles(paths);
  const note = join(cacheDirectory(), "digests", identityOf(paths));
  const known = recall(note);
  if (known !== null) return known;
  const digest = hashFiles(paths);
  remember(note, digest);
  return digest;
}

/** A few megabytes at a time. */
function hashFiles(paths: readonly string[]): string {
  const hash = createHash("sha256");
  const chunk = new Uint8Array(4 * 1_048_576);
  for (const path of paths) {
    hash.update(`${basename(path)}\0${statSync(path).size}\0`);
    const descriptor = openSync(path, "r");
    try {
      for (let got = 1; got > 0; ) {
        got = readSync(descriptor, chunk, 0, chunk.length, null);
        hash.update(chunk.subarray(0, got));
      }
    } finally {
      closeSync(descriptor);
    }
  }
  return hash.digest("hex");
}

/**
 * Changes with every write, unless the writer sets the modification time back. The change time would reveal that too,
 * but each start makes a link to the file, and a link changes it.
 */
function identityOf(paths: readonly string[]): string {
  const hash = createHash("sha256");
  for (const path of paths) {
    const { dev, ino, size, mtimeNs } = statSync(path, { bigint: true });
    hash.update(`${[basename(path), realpathSync(path), dev, ino, size, mtimeNs].join("\0")}\0`);
  }
  return hash.digest("hex");
}

function recall(note: string): string | null {
  try {
    const digest = readFileSync(note, "utf8");
    return /^[0-9a-f]{64}$/.test(digest) ? digest : null;
  } catch {
    return null;
  }
}

/** Where nothing can be written, the next start hashes again. */
function remember(note: string, digest: string): void {
  const part = `${note}.${owner}.part`;
  try {
    mkdirSync(dirname(note), { recursive: true });
    writeFileSync(part, digest);
    renameSync(part, note);
  } catch {}
}
