/** Reads of D1 from the replica nearest to the caller (its Sessions API), from the primary where the replica has nothing. */
import { type DrizzleD1Database, drizzle } from "drizzle-orm/d1";

/** What is read. A row made a moment ago may not have reached the replica, so nothing is believed of the primary alone. */
export async function readNearest<T>(
  db: D1Database,
  read: (db: DrizzleD1Database) => Promise<T | undefined>,
): Promise<T | undefined> {
  return (await read(at(db, "first-unconstrained"))) ?? (await read(at(db, "first-primary")));
}

/** The same for what may be a moment old. */
export async function readReplica<T>(
  db: D1Database,
  read: (db: DrizzleD1Database) => Promise<T>,
): Promise<T> {
  return await read(at(db, "first-unconstrained"));
}

function at(db: D1Database, constraint: "first-unconstrained" | "first-primary") {
  // Drizzle asks of a database only what a session has as well: prepare and batch.
  return drizzle(db.withSession(constraint) as unknown as D1Database);
}
