/**
 * Copies tenants and keys of a deployment to a folder, and back: D1 as SQL.
 *
 *   node edge/deploy/backup.ts save    <folder> [--env production]
 *   node edge/deploy/backup.ts restore <folder> [--env production]     into an empty database
 *
 * Sessions and accounts live in their Durable Objects, which only the platform copies (30 days of point-in-time
 * recovery); which adapter files there are is known to them alone, so the bucket is copied whole or not at all.
 */
import { mkdirSync } from "node:fs";
import { join, resolve } from "node:path";
import { parseArgs } from "node:util";
import { Failure } from "../../shared/command/failure.ts";
import { rootPath } from "../local/settings.ts";
import { Wrangler } from "./wrangler.ts";

const sqlFile = "accounts.sql";

try {
  await main();
} catch (error) {
  if (!(error instanceof Failure)) throw error;
  console.error(error.message);
  process.exitCode = 1;
}

async function main(): Promise<void> {
  const option = { type: "string" } as const;
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: { env: option, config: option },
  });
  const [verb, folder] = positionals;
  if (folder === undefined || (verb !== "save" && verb !== "restore")) {
    throw new Failure("Usage: backup.ts save|restore <folder> [--env <name>]");
  }
  const configPath = resolve(rootPath, values.config ?? "wrangler.toml");
  const environment = values.env ?? "production";
  const wrangler = new Wrangler({ configPath, environment });
  await (verb === "save" ? save : restore)(wrangler, resolve(folder));
  console.log(`${verb === "save" ? "Saved" : "Restored"} tenants and keys`);
}

/** Saving again overwrites the copy before. */
async function save(wrangler: Wrangler, folder: string): Promise<void> {
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const tables = await wrangler.query<{ name: string }>(
    "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite%' AND name NOT LIKE 'd1%' AND name NOT LIKE '_cf%'",
  );
  // Rows alone: tables that refer to each other cannot be filled in the order of a full export.
  await wrangler.run([
    ...["d1", "export", "DB", "--remote", "--skip-confirmation", "--no-schema"],
    ...tables.flatMap(({ name }) => ["--table", name]),
    ...["--output", join(folder, sqlFile)],
  ]);
}

/** Throws before any row is written when the database holds accounts. */
async function restore(wrangler: Wrangler, folder: string): Promise<void> {
  await wrangler.run(["d1", "migrations", "apply", "DB", "--remote"]);
  const [row] = await wrangler.query<{ n: number }>("SELECT count(*) AS n FROM tenants");
  if (row?.n !== 0) throw new Failure("The database is not empty: restore into a new one");
  const sql = join(folder, sqlFile);
  await wrangler.run(["d1", "execute", "DB", "--yes", "--file", sql, "--remote"]);
}
