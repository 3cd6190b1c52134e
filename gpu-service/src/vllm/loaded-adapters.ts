/**
 * The adapters loaded in vLLM: writes their PEFT directories where vLLM reads them, loads them, and beyond a cap
 * unloads those used longest ago. One process keeps one such list, for the vLLM beside it.
 *
 * A name contains the adapter file's SHA-256, and the bytes were checked against it before. So a name always means the
 * same weights, and adapters left from before are used as they are.
 */
import { createHash, randomUUID } from "node:crypto";
import { existsSync, mkdirSync, readdirSync } from "node:fs";
import { mkdir, rename, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { RosaError } from "@rosa2/shared/errors";
import type { Logger } from "pino";
import { type VllmClient, VllmRefusal } from "./client.ts";

export interface LoadedAdaptersOptions {
  vllm: VllmClient;
  /** Folder that vLLM reads under the same path. */
  folder: string;
  /** Adapters loaded at a time; more only while all of them are in use. */
  adaptersMax: number;
  /** Files of the PEFT directory. Throws `adapter_invalid` if the bytes do not fit the model. */
  peftFiles(bytes: Uint8Array): Record<string, Uint8Array>;
  logger: Logger;
}

/** A loaded adapter that stays loaded until it is released. */
export interface Lease {
  /** vLLM's name for it. */
  name: string;
  release(): void;
  /** Called when vLLM no longer knows the name, after a restart. The files are still here. */
  forget(): void;
}

interface Loaded {
  users: number;
}

const namePattern = /^rosa2-[0-9a-f]{16}-[0-9a-f]{64}$/;

/** The tenant is part of the name: knowing a digest gives no right to the adapter. */
export function adapterName(tenant: string, digest: string): string {
  return `rosa2-${createHash("sha256").update(tenant).digest("hex").slice(0, 16)}-${digest}`;
}

export class LoadedAdapters {
  readonly #options: LoadedAdaptersOptions;
  /** By name, the one used longest ago first. */
  readonly #loaded = new Map<string, Loaded>();
  /** Loads and unloads under way, by name. */
  readonly #working = new Map<string, Promise<void>>();

  constructor(options: LoadedAdaptersOptions) {
    this.#options = options;
    mkdirSync(options.folder, { recursive: true });
  }

  /** Names that are loaded, the one used longest ago first. */
  get names(): string[] {
    return [...this.#loaded.keys()];
  }

  /** Takes over adapters that vLLM has from an earlier gateway, and removes all other files. */
  async adopt(served: readonly string[]): Promise<void> {
    for (const name of served) {
      if (!namePattern.test(name)) continue;
      if (existsSync(this.#pathOf(name))) this.#loaded.set(name, { users: 0 });
      else await this.#options.vllm.unloadAdapter(name);
    }
    for (const name of readdirSync(this.#options.folder)) {
      if (name.startsWith("rosa2-") && !this.#loaded.has(name)) await this.#remove(name);
    }
    await this.#makeRoom(0);
  }

  /**
   * Makes sure that vLLM has the adapter, and keeps it loaded until the lease is released.
   *
   * @throws RosaError `adapter_missing` if it is not here and no bytes came along, `adapter_invalid`.
   */
  async take(tenant: string, digest: string, bytes: Uint8Array | null): Promise<Lease> {
    const name = adapterName(tenant, digest);
    for (let work = this.#working.get(name); work; work = this.#working.get(name)) {
      await work.catch(() => {});
    }
    if (!this.#loaded.has(name)) await this.#alone(name, () => this.#load(name, digest, bytes));
    const loaded = this.#loaded.get(name) ?? { users: 0 };
    loaded.users++;
    // Set again, so that it is the last in order.
    this.#loaded.delete(name);
    this.#loaded.set(name, loaded);
    let held = true;
    return {
      name,
      release: () => {
        if (held) loaded.users--;
        held = false;
        if (this.#loaded.size > this.#options.adaptersMax) void this.#makeRoom(0);
      },
      forget: () => {
        // Another reply may have loaded it again meanwhile.
        if (this.#loaded.get(name) === loaded) this.#loaded.delete(name);
      },
    };
  }

  async #load(name: string, digest: string, bytes: Uint8Array | null): Promise<void> {
    const path = this.#pathOf(name);
    if (!existsSync(path)) {
      if (bytes === null) {
        throw new RosaError(
          "adapter_missing",
          `Adapter ${digest} is not here: send the request again with its file`,
          { param: "adapter" },
        );
      }
      await this.#write(path, this.#options.peftFiles(bytes));
    }
    await this.#makeRoom(1);
    try {
      await this.#options.vllm.loadAdapter(name, path);
    } catch (error) {
      if (!(error instanceof VllmRefusal)) throw error;
      if (!/already been loaded/.test(error.message)) {
        throw new RosaError("gpu_unavailable", `vLLM did not load ${path}: ${error.message}`);
      }
    }
    this.#loaded.set(name, { users: 0 });
  }

  /** Completely or not at all: vLLM never sees half a directory. */
  async #write(path: string, files: Record<string, Uint8Array>): Promise<void> {
    const unfinished = join(this.#options.folder, `rosa2-unfinished-${randomUUID()}`);
    await mkdir(unfinished);
    for (const [file, content] of Object.entries(files)) {
      await writeFile(join(unfinished, file), content);
    }
    await rename(unfinished, path);
  }

  /** Unloads unused adapters, oldest use first, until `more` fit under the cap. */
  async #makeRoom(more: number): Promise<void> {
    for (const [name, { users }] of [...this.#loaded]) {
      if (this.#loaded.size + more <= this.#options.adaptersMax) return;
      if (users > 0 || this.#working.has(name)) continue;
      this.#loaded.delete(name);
      await this.#alone(name, () => this.#unload(name)).catch((error: Error) =>
        this.#options.logger.error(`Cannot unload ${name}: ${error.message}`),
      );
    }
  }

  async #unload(name: string): Promise<void> {
    try {
      await this.#options.vllm.unloadAdapter(name);
    } catch (error) {
      // An adapter that vLLM no longer has counts as unloaded.
      if (!(error instanceof VllmRefusal && error.status === 404)) throw error;
    }
    await this.#remove(name);
  }

  async #remove(name: string): Promise<void> {
    await rm(this.#pathOf(name), { recursive: true, force: true });
  }

  #pathOf(name: string): string {
    return join(this.#options.folder, name);
  }

  /** One piece of work on a name at a time. */
  async #alone(name: string, work: () => Promise<void>): Promise<void> {
    const promise = work().finally(() => this.#working.delete(name));
    this.#working.set(name, promise);
    await promise;
  }
}
