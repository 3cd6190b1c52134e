/**
 * Files of one model, stored by checksum: downloaded once, resumed where they stopped, and visible only when every byte
 * is checked. It knows neither revisions nor what the files mean.
 *
 * A file being received is `<checksum>.<owner>.part`. A process that continues another one's part renames it first, so
 * two processes never write to one file. A part counts as abandoned if its owner is gone or has not written for a
 * while.
 */
import { createHash, type Hash } from "node:crypto";
import {
  createReadStream,
  existsSync,
  mkdirSync,
  readdirSync,
  renameSync,
  rmSync,
  statfsSync,
  statSync,
} from "node:fs";
import { type FileHandle, open } from "node:fs/promises";
import { join } from "node:path";
import { RosaError } from "@rosa2/shared/errors";
import { noSpace, onDisk } from "../disk/disk-errors.ts";
import { isLeft, owner } from "../disk/parts.ts";
import type { Checksum, HubFile, HubModel } from "./hub.ts";
import type { DownloadReport } from "./progress.ts";

const writeBytes = 1_048_576;

/** Where bytes found and received are reported. */
type Progress = Pick<DownloadReport, "found" | "received"> | undefined;

export class Blobs {
  readonly #folder: string;

  constructor(folder: string) {
    this.#folder = folder;
    onDisk(`make folder "${folder}"`, () => mkdirSync(folder, { recursive: true }));
  }

  path({ checksum }: HubFile): string {
    return join(this.#folder, checksum.hex);
  }

  /** Missing bytes of these files; parts count as present. */
  missingBytes(files: readonly HubFile[]): number {
    const missing = files.filter((file) => !existsSync(this.path(file)));
    return missing.reduce((sum, file) => sum + file.size - this.#partBytes(file), 0);
  }

  /** Throws `gpu_unavailable` if the files do not fit on the disk. */
  requireSpace(files: readonly HubFile[]): void {
    const needed = this.missingBytes(files);
    const { bavail, bsize } = statfsSync(this.#folder);
    const free = bavail * bsize;
    if (needed > free)
      throw noSpace(`${needed} bytes are needed in "${this.#folder}", ${free} are free`);
  }

  /**
   * Fetches the file unless it is complete here. Throws the hub's refusals, `checkpoint_invalid` if the bytes are not
   * those promised (they are removed), `gpu_unavailable` if the disk is full.
   */
  async fetch(model: HubModel, file: HubFile, progress?: Progress): Promise<void> {
    const path = this.path(file);
    if (existsSync(path)) return progress?.found(file.size);
    const part = `${path}.${owner}.part`;
    const isResumed = this.#adoptPart(file, part);
    try {
      await this.#receive(model, file, part, progress);
    } catch (error) {
      // A part from an earlier run may be the broken one, so once more from the beginning.
      if (!isResumed || !(error instanceof RosaError && error.code === "checkpoint_invalid"))
        throw error;
      await this.#receive(model, file, part, progress);
    }
    onDisk(`keep "${file.name}"`, () => renameSync(part, path));
    for (const left of this.#parts(file)) if (isLeft(left.path)) rmSync(left.path, { force: true });
  }

  async #receive(model: HubModel, file: HubFile, part: string, progress?: Progress): Promise<void> {
    const hash = startHash(file);
    let done = 0;
    const count = (chunk: Uint8Array) => {
      hash.update(chunk);
      done += chunk.length;
    };
    const there = statSync(part, { throwIfNoEntry: false })?.size ?? 0;
    if (there > 0)
      for await (const chunk of createReadStream(part, { end: there - 1 })) count(chunk);
    progress?.found(done);
    const drop = (reason: string): RosaError => {
      rmSync(part, { force: true });
      progress?.found(-done);
      return new RosaError(
        "checkpoint_invalid",
        `Cannot use "${file.name}" of ${model.label}: ${reason}; it was removed`,
        { param: "MODEL" },
      );
    };

    const handle = await onDisk(`open "${part}"`, () => open(part, "a"));
    const writer = new Writer(handle, part);
    try {
      await model.persist(async (advance) => {
        if (done >= file.size) return;
        try {
          await model.receive(file, done, async (chunk) => {
            if (done + chunk.length > file.size)
              throw drop(`more than the promised ${file.size} bytes arrive`);
            count(chunk);
            progress?.received(chunk.length);
            advance();
            await writer.add(chunk);
          });
        } finally {
          await writer.flush();
        }
        if (done < file.size) throw model.cutOff(file, done);
      });
      await onDisk(`write "${part}"`, () => handle.sync());
    } finally {
      await handle.close();
    }
    const got = hash.digest("hex");
    const { algorithm, hex } = file.checksum;
    if (got !== hex) throw drop(`its ${label(algorithm)} is ${got}, expected ${hex}`);
  }

  /** Takes over the longest abandoned part, if there is one. */
  #adoptPart(file: HubFile, part: string): boolean {
    const left = this.#parts(file)
      .filter(({ path, bytes }) => bytes <= file.size && isLeft(path))
      .sort((a, b) => b.bytes - a.bytes);
    for (const { path, bytes } of left) {
      try {
        renameSync(path, part);
        return bytes > 0;
      } catch {
        // Another process was faster.
      }
    }
    rmSync(part, { force: true });
    return false;
  }

  #partBytes(file: HubFile): number {
    const sizes = this.#parts(file).map(({ bytes }) => Math.min(bytes, file.size));
    return Math.max(0, ...sizes);
  }

  #parts({ checksum }: HubFile): { path: string; bytes: number }[] {
    return readdirSync(this.#folder)
      .filter((name) => name.startsWith(`${checksum.hex}.`) && name.endsWith(".part"))
      .map((name) => join(this.#folder, name))
      .flatMap((path) => {
        const stat = statSync(path, { throwIfNoEntry: false });
        return stat ? [{ path, bytes: stat.size }] : [];
      });
  }
}

function startHash({ checksum, size }: HubFile): Hash {
  if (checksum.algorithm === "sha256") return createHash("sha256");
  return createHash("sha1").update(`blob ${size}\0`);
}

function label(algorithm: Checksum["algorithm"]): string {
  return algorithm === "sha256" ? "SHA-256" : "git checksum";
}

/** Collects arriving chunks: a write for each small chunk would take longer than the network. */
class Writer {
  readonly #handle: FileHandle;
  readonly #path: string;
  #waiting: Uint8Array[] = [];
  #waitingBytes = 0;

  constructor(handle: FileHandle, path: string) {
    this.#handle = handle;
    this.#path = path;
  }

  async add(chunk: Uint8Array): Promise<void> {
    this.#waiting.push(chunk);
    this.#waitingBytes += chunk.length;
    if (this.#waitingBytes >= writeBytes) await this.flush();
  }

  async flush(): Promise<void> {
    const bytes = Buffer.concat(this.#waiting);
    this.#waiting = [];
    this.#waitingBytes = 0;
    for (let written = 0; written < bytes.length; ) {
      const { bytesWritten } = await onDisk(`write "${this.#path}"`, () =>
        this.#handle.write(bytes, written),
      );
      written += bytesWritten;
    }
  }
}
