/**
 * Applies the migrations that a local database lacks, and then the statements of a file: what `wrangler d1 migrations
 * apply` and `d1 execute` do, in one process, and without the seconds that wrangler takes to load.
 *
 * Arguments: the folder of the databases, wrangler's configuration, and a file with one statement a line if there is one.
 */
import { readdirSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { convertV4MiniflareOptions, Miniflare } from "miniflare";
import { parse } from "smol-toml";
import { z } from "zod";

const configSchema = z.object({
  d1_databases: z.tuple([
    z.object({ binding: z.string(), database_id: z.string(), migrations_dir: z.string() }),
  ]),
});

const [databases = "", config = "", statements] = process.argv.slice(2);
const { binding, database_id, migrations_dir } = configSchema.parse(
  parse(readFileSync(config, "utf8")),
).d1_databases[0];

const miniflare = new Miniflare(
  convertV4MiniflareOptions({
    cf: false,
    resourcePersistencePath: join(databases, "v3"),
    modules: true,
    script: "export default {};",
    d1Databases: { [binding]: database_id },
  }),
);
try {
  const database = await miniflare.getD1Database(binding);
  await migrate(database, join(dirname(config), migrations_dir));
  if (statements !== undefined)
    await runAll(database, readFileSync(statements, "utf8").split("\n"));
} finally {
  await miniflare.dispose();
}

type Database = Awaited<ReturnType<Miniflare["getD1Database"]>>;

/** In the order of their names, each whole or not at all; noted where wrangler looks for them. */
async function migrate(database: Database, folder: string): Promise<void> {
  await database.exec(
    "CREATE TABLE IF NOT EXISTS d1_migrations(id INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT UNIQUE, applied_at TIMESTAMP DEFAULT CURRENT_TIMESTAMP NOT NULL)",
  );
  const { results } = await database.prepare("SELECT name FROM d1_migrations").all();
  const applied = new Set(results.map(({ name }) => name));
  const files = readdirSync(folder).filter((name) => name.endsWith(".sql") && !applied.has(name));
  for (const name of files.sort()) {
    const parts = readFileSync(join(folder, name), "utf8").split("--> statement-breakpoint");
    const noted = database.prepare("INSERT INTO d1_migrations (name) VALUES (?)").bind(name);
    await database.batch([...parts.map((part) => database.prepare(part)), noted]);
  }
}

async function runAll(database: Database, lines: readonly string[]): Promise<void> {
  const wanted = lines.filter((line) => line.trim() !== "");
  await database.batch(wanted.map((line) => database.prepare(line)));
}
