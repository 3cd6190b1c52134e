/**
 * Records which tables a state folder was made with. Nothing is released, so changed tables have no migration: state of
 * another version is refused, with the command that sets it aside.
 */
import { createHash } from "node:crypto";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join, relative } from "node:path";
import { Failure } from "../../shared/command/failure.ts";
import { rootPath } from "./settings.ts";
import type { StateFolder } from "./state.ts";

const stampName = "schema.sha256";

/** Throws `Failure` if the folder's databases have other tables than these sources. */
export function refuseOtherTables(state: StateFolder): void {
  const current = digestOfTables();
  if (existsSync(state.databases) && state.readPrivate(stampName) !== current) {
    const aside = `${state.databases}-${new Date().toISOString().slice(0, 19).replaceAll(":", "")}`;
    throw new Failure(
      [
        `Cannot start on ${state.path}: its sessions were stored by another version of rosa2, with other tables.`,
        "Set them aside and start again; the key stays the same:",
        `  mv ${shown(state.databases)} ${shown(aside)}`,
      ].join("\n"),
    );
  }
  state.writePrivate(stampName, current);
}

/** The tables of every database come from `migrations/`. */
function digestOfTables(): string {
  const folder = join(rootPath, "migrations");
  const files = readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && entry.name.endsWith(".sql"))
    .map((entry) => join(entry.parentPath, entry.name))
    .sort();
  const hash = createHash("sha256");
  for (const file of files) hash.update(`${relative(folder, file)}\n`).update(readFileSync(file));
  return hash.digest("hex");
}

function shown(path: string): string {
  const near = relative(process.cwd(), path);
  const text = near.startsWith("..") ? path : near;
  return /^[\w./-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`;
}
