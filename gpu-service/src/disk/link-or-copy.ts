/** Puts a file in a second place: linked where the file system can, otherwise copied. */
import { copyFileSync, linkSync, realpathSync } from "node:fs";

/** A hard link if both places are on one file system, otherwise a copy. Of a symbolic link its target is linked. */
export function linkOrCopy(from: string, to: string): void {
  try {
    linkSync(realpathSync(from), to);
  } catch {
    copyFileSync(from, to);
  }
}
