/** The database and the bucket of one environment: found or made, and the database's id written into wrangler.toml. */
import { readFileSync, writeFileSync } from "node:fs";
import { parse } from "smol-toml";
import { z } from "zod";
import { Failure } from "../../shared/command/failure.ts";
import { parseJson, type Wrangler } from "./wrangler.ts";

export interface Names {
  worker: string;
  database: string;
  /** As the configuration has it; a placeholder before the first deploy. */
  databaseId: string;
  bucket: string;
}

const environmentSchema = z.object({
  name: z.string().optional(),
  d1_databases: z.array(
    z.object({ binding: z.string(), database_name: z.string(), database_id: z.string() }),
  ),
  r2_buckets: z.array(z.object({ binding: z.string(), bucket_name: z.string() })),
});
const configSchema = z.object({ name: z.string(), env: z.record(z.string(), z.unknown()) });

/** What the configuration says of an environment. Throws `Failure` when something is missing. */
export function readNames(configPath: string, environment: string): Names {
  // Wrangler's own reader would take seconds to load.
  const config = configSchema.safeParse(parse(readFileSync(configPath, "utf8")));
  const found = environmentSchema.safeParse(config.data?.env[environment]);
  const database = found.data?.d1_databases.find(({ binding }) => binding === "DB");
  const bucket = found.data?.r2_buckets.find(({ binding }) => binding === "ADAPTERS");
  if (config.data === undefined || database === undefined || bucket === undefined) {
    throw new Failure(`${configPath}: [env.${environment}] needs a name, DB and ADAPTERS`);
  }
  return {
    worker: found.data?.name ?? `${config.data.name}-${environment}`,
    database: database.database_name,
    databaseId: database.database_id,
    bucket: bucket.bucket_name,
  };
}

/** The database's id, and whether it was made just now. */
export async function ensureDatabase(
  wrangler: Wrangler,
  name: string,
): Promise<{ id: string; made: boolean }> {
  const id = await findDatabase(wrangler, name);
  if (id !== undefined) return { id, made: false };
  await wrangler.run(["d1", "create", name]);
  // Its own output is for people; the list is for programs.
  const created = await findDatabase(wrangler, name);
  if (created === undefined) throw new Failure(`The database ${name} was made but is not listed`);
  return { id: created, made: true };
}

async function findDatabase(wrangler: Wrangler, name: string): Promise<string | undefined> {
  const list = await wrangler.run(["d1", "list", "--json"]);
  const databases = parseJson<{ uuid: string; name: string }[]>(list, "d1 list");
  return databases.find((database) => database.name === name)?.uuid;
}

/** Whether the bucket was made just now. */
export async function ensureBucket(wrangler: Wrangler, name: string): Promise<boolean> {
  // The list comes in pages, so one bucket is asked for.
  const info = await wrangler.try(["r2", "bucket", "info", name, "--json"]);
  if (info.code === 0) return false;
  const made = await wrangler.try(["r2", "bucket", "create", name]);
  if (made.code === 0) return true;
  throw new Failure(
    `Cannot find or make the bucket ${name}:\n${info.complaint}\n${made.complaint}`,
  );
}

/** Writes the id where the environment's database is configured; everything else stays as it is. */
export function writeDatabaseId(configPath: string, environment: string, id: string): void {
  const text = readFileSync(configPath, "utf8");
  const header = `[[env.${environment}.d1_databases]]`;
  const start = text.indexOf(header);
  const next = text.indexOf("\n[", start + header.length);
  const end = next === -1 ? text.length : next;
  const section = text.slice(start, end);
  const edited = section.replace(/^database_id = "[^"]*"/m, `database_id = "${id}"`);
  if (start === -1 || edited === section) {
    throw new Failure(`Cannot write ${id} into ${configPath}: no database_id under ${header}`);
  }
  writeFileSync(configPath, text.slice(0, start) + edited + text.slice(end));
}
