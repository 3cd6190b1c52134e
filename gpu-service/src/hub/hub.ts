/**
 * A model on a Hugging Face hub: its files with checksums, and their bytes. It decides neither which files are wanted
 * nor where they go.
 *
 * Everything a hub says is checked: only plain names in the top folder count, whatever else is listed.
 */
import { downloadFile, listFiles, modelInfo } from "@huggingface/hub";
import { RosaError } from "@rosa2/shared/errors";
import { z } from "zod";
import { refusal, refusals, strictFetch, withRetries } from "./hub-errors.ts";
import type { HubOptions } from "./hub-options.ts";
import type { ModelId } from "./model-id.ts";

/** How the bytes are checked: LFS files by SHA-256, others by git's own SHA-1. */
export interface Checksum {
  algorithm: "sha256" | "git-sha1";
  hex: string;
}

export interface HubFile {
  name: string;
  size: number;
  checksum: Checksum;
}

const idleTimeoutDefaultMs = 30_000;
const listedMax = 20_000;

const plainName = /^[A-Za-z0-9][\w.-]{0,199}$/;
const entrySchema = z.object({
  type: z.literal("file"),
  path: z.string().regex(plainName),
  size: z.number().int().nonnegative(),
  oid: z.string().regex(/^[0-9a-f]{40}$/),
  lfs: z
    .object({
      oid: z.string().regex(/^[0-9a-f]{64}$/),
      size: z.number().int().nonnegative(),
    })
    .nullish(),
});

export class HubModel {
  readonly id: ModelId;
  readonly commit: string;
  /** Files of the top folder by name. */
  readonly files: ReadonlyMap<string, HubFile>;
  readonly #options: HubOptions;

  private constructor(
    id: ModelId,
    commit: string,
    files: Map<string, HubFile>,
    options: HubOptions,
  ) {
    this.id = id;
    this.commit = commit;
    this.files = files;
    this.#options = options;
  }

  /**
   * Asks the hub for the revision's commit and files. Throws `not_found`, `missing_key`, `invalid_key`,
   * `insufficient_scope`, and `gpu_unavailable` if the hub does not answer.
   */
  static async open(id: ModelId, options: HubOptions): Promise<HubModel> {
    const { name, revision } = id;
    if (options.token?.startsWith("hf_") === false)
      throw new RosaError("invalid_key", 'HF_TOKEN does not begin with "hf_"', {
        param: "HF_TOKEN",
      });
    const access = {
      hubUrl: options.endpoint,
      ...(options.token === undefined ? {} : { accessToken: options.token }),
    };
    return withRetries(options, () =>
      refusals(id, options, async () => {
        const signal = AbortSignal.timeout(options.idleTimeoutMs ?? idleTimeoutDefaultMs);
        const bounded = { ...access, fetch: strictFetch(signal) };
        const info = await modelInfo({ ...bounded, name, revision, additionalFields: ["sha"] });
        const commit = z.string().regex(/^[0-9a-f]{40}$/);
        const sha = commit.parse(info.sha);
        const files = new Map<string, HubFile>();
        let listed = 0;
        for await (const entry of listFiles({ ...bounded, repo: repoOf(id), revision: sha })) {
          if (++listed > listedMax)
            throw new RosaError(
              "checkpoint_invalid",
              `Cannot take model "${name}": too many files`,
            );
          const file = readEntry(entry);
          if (file) files.set(file.name, file);
        }
        return new HubModel(id, sha, files, options);
      }),
    );
  }

  get label(): string {
    return `${this.id.name}@${this.id.revision}`;
  }

  get idleTimeoutMs(): number {
    return this.#options.idleTimeoutMs ?? idleTimeoutDefaultMs;
  }

  /** The file's bytes from `start` to `end`, in memory. */
  async read(file: HubFile, start: number, end: number): Promise<Uint8Array<ArrayBuffer>> {
    return withRetries(this.#options, () =>
      refusals(this.id, this.#options, async () => {
        const signal = AbortSignal.timeout(this.idleTimeoutMs);
        const blob = await this.#blob(file, strictFetch(signal));
        const bytes = new Uint8Array(await blob.slice(start, end).arrayBuffer());
        if (bytes.length !== end - start)
          throw new Error(`it sent ${bytes.length} bytes of "${file.name}" for ${end - start}`);
        return bytes;
      }),
    );
  }

  /**
   * Calls `take` with the file's bytes from `start` on as they arrive. A lost or idle connection is a `Retryable`
   * error: `retry` with a later start.
   */
  async receive(
    file: HubFile,
    start: number,
    take: (chunk: Uint8Array) => Promise<void>,
  ): Promise<void> {
    await refusals(this.id, this.#options, async () => {
      const attempt = new AbortController();
      const { idleTimeoutMs } = this;
      const idle = setTimeout(
        () => attempt.abort(new Error(`nothing arrived for ${idleTimeoutMs} ms`)),
        idleTimeoutMs,
      );
      // The library's stream keeps only the message of what its fetch throws.
      let refused: unknown;
      const recording: typeof fetch = async (input, init) => {
        try {
          return await strictFetch(attempt.signal)(input, init);
        } catch (error) {
          refused = error;
          throw error;
        }
      };
      try {
        const blob = await this.#blob(file, recording);
        for await (const chunk of blob.slice(start).stream()) {
          idle.refresh();
          await take(chunk);
        }
      } catch (error) {
        throw attempt.signal.aborted ? attempt.signal.reason : (refused ?? error);
      } finally {
        clearTimeout(idle);
        attempt.abort();
      }
    });
  }

  /** The error to throw inside `persist` for a transfer that ended early without an error. */
  cutOff(file: HubFile, got: number): Error {
    const reason = new Error(`the connection ended after ${got} of ${file.size} bytes`);
    return refusal(this.id, this.#options, reason);
  }

  /** Repeats `attempt` until it succeeds; calling `advance` restarts the count of failures. */
  async persist(attempt: (advance: () => void) => Promise<void>): Promise<void> {
    await withRetries(this.#options, attempt);
  }

  async #blob(file: HubFile, fetch_: typeof fetch): Promise<Blob> {
    const { endpoint, token } = this.#options;
    const blob = await downloadFile({
      repo: repoOf(this.id),
      path: file.name,
      revision: this.commit,
      hubUrl: endpoint,
      fetch: fetch_,
      // One kind of transfer for all hubs and files: HTTP with ranges.
      xet: false,
      downloadInfo: {
        size: file.size,
        etag: file.checksum.hex,
        url: `${endpoint}/${this.id.name}/resolve/${this.commit}/${file.name}`,
      },
      ...(token === undefined ? {} : { accessToken: token }),
    });
    if (blob === null) throw new Error(`it no longer has "${file.name}"`);
    return blob;
  }
}

function readEntry(entry: unknown): HubFile | null {
  const parsed = entrySchema.safeParse(entry);
  if (!parsed.success) return null;
  const { path, size, oid, lfs } = parsed.data;
  return lfs
    ? { name: path, size: lfs.size, checksum: { algorithm: "sha256", hex: lfs.oid } }
    : { name: path, size, checksum: { algorithm: "git-sha1", hex: oid } };
}

function repoOf({ name }: ModelId): { type: "model"; name: string } {
  return { type: "model", name };
}
