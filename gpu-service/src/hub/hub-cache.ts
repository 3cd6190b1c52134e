/**
 * Places of one hub model's files on this machine; it fetches nothing.
 *
 * Below `<cache>/hub/<organisation>--<name>`: `blobs` holds files by checksum, `snapshots/<commit>` their names (links;
 * there only when complete), `refs/<revision>` the last known commit of a branch or tag.
 */
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { onDisk } from "../disk/disk-errors.ts";
import { linkOrCopy } from "../disk/link-or-copy.ts";
import { Blobs } from "./blobs.ts";
import type { HubFile } from "./hub.ts";
import { isCommit, type ModelId } from "./model-id.ts";

export class HubCache {
  readonly blobs: Blobs;
  readonly #snapshots: string;
  readonly #refs: string;
  readonly #revision: string;

  constructor(cache: string, { name, revision }: ModelId) {
    const folder = join(cache, "hub", name.replace("/", "--"));
    this.blobs = new Blobs(join(folder, "blobs"));
    this.#snapshots = join(folder, "snapshots");
    this.#refs = join(folder, "refs");
    this.#revision = revision;
    onDisk(`make folders in "${folder}"`, () => {
      mkdirSync(this.#snapshots, { recursive: true });
      mkdirSync(this.#refs, { recursive: true });
    });
  }

  /** The directory of a commit, if all its files are here. */
  snapshot(commit: string): string | null {
    const directory = join(this.#snapshots, commit);
    return existsSync(directory) ? directory : null;
  }

  /** The revision's commit when a hub last answered. */
  lastCommit(): string | null {
    if (isCommit(this.#revision)) return this.#revision;
    const path = this.#refPath();
    const commit = existsSync(path) ? readFileSync(path, "utf8") : "";
    return isCommit(commit) ? commit : null;
  }

  remember(commit: string): void {
    if (commit === this.lastCommit()) return;
    onDisk("note the model's commit", () => {
      const part = `${this.#refPath()}.${process.pid}`;
      writeFileSync(part, commit);
      renameSync(part, this.#refPath());
    });
  }

  /** A new folder for collecting a snapshot; removed afterwards unless published. */
  async stage<T>(use: (staging: string) => Promise<T>): Promise<T> {
    const staging = onDisk("make a folder", () => mkdtempSync(join(this.#snapshots, ".new-")));
    try {
      return await use(staging);
    } finally {
      rmSync(staging, { recursive: true, force: true });
    }
  }

  /** Places fetched files in a folder under their names. */
  place(files: readonly HubFile[], folder: string): void {
    for (const file of files) {
      onDisk(`place "${file.name}"`, () =>
        linkOrCopy(this.blobs.path(file), join(folder, file.name)),
      );
    }
  }

  /** Makes a complete staging folder the commit's snapshot. */
  publish(staging: string, commit: string): string {
    const directory = join(this.#snapshots, commit);
    try {
      renameSync(staging, directory);
    } catch (error) {
      // Another process was faster, with the same files.
      if (!existsSync(directory)) throw error;
    }
    return directory;
  }

  #refPath(): string {
    return join(this.#refs, encodeURIComponent(this.#revision));
  }
}
