/**
 * Copies accounts and adapters of a deployment to a folder, and back: D1 as SQL, R2 file by file.
 *
 *   node edge/deploy/backup.ts save    <folder> [--env production]
 *   node edge/deploy/backup.ts restore <folder> [--env production]     into an empty database
 *
 * Sessions live in their Durable Objects, which only the platform copies (30 days of point-in-time recovery).
 */
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readdirSync, readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { parseArgs } from "node:util";
import { Failure } from "../local/failure.ts";
import { rootPath } from "../local/settings.ts";
import { readNames } from "./resources.ts";
import { Wrangler } from "./wrangler.ts";

interface Place {
  wrangler: Wrangler;
  bucket: string;
}

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
  const place: Place = {
    wrangler: new Wrangler({ configPath, environment }),
    bucket: readNames(configPath, environment).bucket,
  };
  const count = await (verb === "save" ? save : restore)(place, resolve(folder));
  console.log(`${verb === "save" ? "Saved" : "Restored"} the accounts and ${count} adapters`);
}

/** Returns the number of adapters. A file that is there already is whole, so a save can be repeated. */
async function save({ wrangler, bucket }: Place, folder: string): Promise<number> {
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  // Adapters after accounts: every adapter that the accounts name was written before them.
  const output = join(folder, sqlFile);
  const tables = await wrangler.query<{ name: string }>(
    "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite%' AND name NOT LIKE 'd1%' AND name NOT LIKE '_cf%'",
  );
  // Rows alone: tables that refer to each other cannot be filled in the order of a full export.
  await wrangler.run([
    ...["d1", "export", "DB", "--remote", "--skip-confirmation", "--no-schema"],
    ...tables.flatMap(({ name }) => ["--table", name]),
    ...["--output", output],
  ]);
  const rows = await wrangler.query<{ tenant_id: string; digest: string }>(
    "SELECT DISTINCT tenant_id, digest FROM adapter_refs WHERE erasing = 0",
  );
  for (const { tenant_id: tenant, digest } of rows) {
    const file = join(folder, "adapters", tenant, digest);
    if (existsSync(file) && sha256(file) === digest) continue;
    mkdirSync(join(folder, "adapters", tenant), { recursive: true });
    const path = `${bucket}/adapters/${tenant}/${digest}`;
    await wrangler.run(["r2", "object", "get", path, "--file", file, "--remote"]);
    requireDigest(file, digest);
  }
  return rows.length;
}

/** Returns the number of adapters. Throws before any row is written when the database holds accounts. */
async function restore({ wrangler, bucket }: Place, folder: string): Promise<number> {
  await wrangler.run(["d1", "migrations", "apply", "DB", "--remote"]);
  const [row] = await wrangler.query<{ n: number }>("SELECT count(*) AS n FROM tenants");
  if (row?.n !== 0) throw new Failure("The database is not empty: restore into a new one");
  const root = join(folder, "adapters");
  const files = existsSync(root)
    ? readdirSync(root).flatMap((tenant) =>
        readdirSync(join(root, tenant)).map((digest) => ({ tenant, digest })),
      )
    : [];
  for (const { tenant, digest } of files) requireDigest(join(root, tenant, digest), digest);
  for (const { tenant, digest } of files) {
    const path = `${bucket}/adapters/${tenant}/${digest}`;
    const file = join(root, tenant, digest);
    await wrangler.run(["r2", "object", "put", path, "--file", file, "--remote"]);
  }
  // Accounts last: what they name is there by then.
  const sql = join(folder, sqlFile);
  await wrangler.run(["d1", "execute", "DB", "--yes", "--file", sql, "--remote"]);
  return files.length;
}

function requireDigest(file: string, digest: string): void {
  const found = sha256(file);
  if (found !== digest) throw new Failure(`${file} has SHA-256 ${found}: the copy is damaged`);
}

function sha256(file: string): string {
  return createHash("sha256").update(readFileSync(file)).digest("hex");
}
