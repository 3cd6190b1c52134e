/** Where peers, random checkpoints and converted weights are kept between runs; git ignores it. */
import { mkdirSync } from "node:fs";
import { join } from "node:path";

/** `BENCH_CACHE`, else `.cache` in the repository. */
export function cacheFolder(): string {
  const folder = process.env.BENCH_CACHE ?? join(import.meta.dirname, "../../../.cache");
  mkdirSync(folder, { recursive: true });
  return folder;
}
