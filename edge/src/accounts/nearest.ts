/** Reads D1 from the replica nearest to the caller (its Sessions API), or from the primary if the replica has no row. */
import { type DrizzleD1Database, drizzle } from "drizzle-orm/d1";

/** Reads a row. A new row may not have reached the replica, so only the primary can say that there is none. */
export async function readNearest<T>(
  db: D1Database,
  read: (db: DrizzleD1Database) => Promise<T | undefined>,
): Promise<T | undefined> {
  return (await read(at(db, "first-unconstrained"))) ?? (await read(at(db, "first-primary")));
}

/** Reads from the replica alone, for data that may be a moment old. */
export async function readReplica<T>(
  db: D1Database,
  read: (db: DrizzleD1Database) => Promise<T>,
): Promise<T> {
  return await read(at(db, "first-unconstrained"));
}

function at(db: D1Database, constraint: "first-unconstrained" | "first-primary") {
  // Drizzle needs only `prepare` and `batch` of a database, which a session also has.
  return drizzle(db.withSession(constraint) as unknown as D1Database);
}
