/** SQL statements that are built once for each database: building one takes longer than running it. */
import type { DrizzleSqliteDODatabase } from "drizzle-orm/durable-sqlite";

/** Gives a database's own statement, which `build` makes at its first use. */
export function statement<T>(
  build: (db: DrizzleSqliteDODatabase) => T,
): (db: DrizzleSqliteDODatabase) => T {
  const built = new WeakMap<DrizzleSqliteDODatabase, T>();
  return (db) => {
    const known = built.get(db);
    if (known !== undefined) return known;
    const made = build(db);
    built.set(db, made);
    return made;
  };
}
