/**
 * Rewrites the databases of a rosa2 that has ended, so that no file contains deleted text: SQLite leaves it in free
 * space and in the write-ahead log, and the runtime has no `secure_delete`.
 */
import { readdirSync, statSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";

/** A larger database is left as it is: stopping should not take long. */
const bytesMax = 256 * 2 ** 20;

/** Rewrites every database under a folder that was written since the last time; none may be open. */
export function compactDatabases(folder: string): void {
  for (const name of readdirSync(folder, { recursive: true, encoding: "utf8" })) {
    const path = join(folder, name);
    if (!name.endsWith(".sqlite") || sizeOf(`${path}-wal`) === 0) continue;
    if (sizeOf(path) + sizeOf(`${path}-wal`) > bytesMax) continue;
    const database = new DatabaseSync(path);
    try {
      database.exec("PRAGMA wal_checkpoint(TRUNCATE); VACUUM; PRAGMA wal_checkpoint(TRUNCATE)");
    } catch {
      // A damaged database is left as it is. The next start reports what is wrong with it.
    } finally {
      database.close();
    }
  }
}

function sizeOf(path: string): number {
  return statSync(path, { throwIfNoEntry: false })?.size ?? 0;
}
