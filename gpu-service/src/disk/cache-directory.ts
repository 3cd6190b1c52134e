/** The directory for files that can be made or fetched again. */
import { homedir } from "node:os";
import { join } from "node:path";

/** `ROSA2_CACHE`, else `~/.cache/rosa2`. */
export function cacheDirectory(): string {
  return process.env.ROSA2_CACHE ?? join(homedir(), ".cache", "rosa2");
}
