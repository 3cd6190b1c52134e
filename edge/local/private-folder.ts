/** A folder of small files that only this user can read. It knows no names. */
import { mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";

export class PrivateFolder {
  readonly path: string;

  constructor(path: string) {
    mkdirSync(path, { recursive: true, mode: 0o700 });
    this.path = path;
  }

  read(name: string): string | null {
    try {
      return readFileSync(join(this.path, name), "utf8").trim();
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === "ENOENT") return null;
      throw error;
    }
  }

  /** Writes a file completely or not at all; returns its path. */
  write(name: string, text: string): string {
    const file = join(this.path, name);
    const draft = `${file}.draft`;
    // The mode only counts for new files.
    rmSync(draft, { force: true });
    writeFileSync(draft, `${text}\n`, { mode: 0o600 });
    renameSync(draft, file);
    return file;
  }

  remove(name: string): void {
    rmSync(join(this.path, name), { force: true });
  }
}
