/**
 * The state folder of a local rosa2: its lock, its secrets, and where a running one can be found.
 *
 * Two servers on one folder would damage its databases. So the lock is the operating system's, taken through SQLite: it
 * disappears with its process, however that ends. The contents of `state/` belong to the runtime.
 */
import { randomBytes } from "node:crypto";
import { existsSync, mkdirSync, readFileSync, renameSync, rmSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { setTimeout as sleep } from "node:timers/promises";
import { z } from "zod";
import { Failure } from "../../shared/command/failure.ts";
import { compactDatabases } from "./compact.ts";
import { PrivateFolder } from "./private-folder.ts";

const runningSchema = z.object({
  pid: z.number(),
  /** Base URLs of both services. */
  url: z.string(),
  gpuUrl: z.string(),
  /** Processes on the folder besides `pid`. */
  edgePid: z.number(),
  gpuPid: z.number(),
});
/** What a running rosa2 reports about itself. */
export type Running = z.infer<typeof runningSchema>;

const predecessorMs = 10_000;

export class StateFolder {
  readonly path: string;
  readonly #lock: DatabaseSync;

  private constructor(path: string, lock: DatabaseSync) {
    this.path = path;
    this.#lock = lock;
  }

  /** Makes the folder if necessary and locks it. Throws `Failure` while another rosa2 runs on it. */
  static async open(path: string): Promise<StateFolder> {
    mkdirSync(path, { recursive: true, mode: 0o700 });
    const lock = new DatabaseSync(join(path, "lock"));
    try {
      lock.exec("PRAGMA locking_mode = EXCLUSIVE; BEGIN EXCLUSIVE");
    } catch {
      lock.close();
      const running = readRunning(path);
      const which = running === null ? "" : ` (process ${running.pid}, ${running.url})`;
      throw new Failure(
        `Cannot start on ${path}: another rosa2 runs on it${which}. Stop it, or set ROSA2_STATE to another folder.`,
      );
    }
    const folder = new StateFolder(path, lock);
    await folder.#outlivePredecessor();
    folder.#turnLogs();
    return folder;
  }

  get databases(): string {
    return join(this.path, "state");
  }

  /** The edge's Worker, as the latest start runs it. */
  get worker(): string {
    return join(this.path, "worker");
  }

  get logs(): string {
    return join(this.path, "logs");
  }

  /** The secret between edge and GPU service, made at the first start. */
  gpuSecret(): string {
    return this.#secret("gpu-secret");
  }

  /** The secret that signs client tokens, likewise. */
  tokenSecret(): string {
    return this.#secret("token-secret");
  }

  /** Writes a file that only this user can read, whole or not at all; returns its path. */
  writePrivate(name: string, text: string): string {
    return new PrivateFolder(this.path).write(name, text);
  }

  readPrivate(name: string): string | null {
    return new PrivateFolder(this.path).read(name);
  }

  announce(running: Running): void {
    this.writePrivate("running.json", JSON.stringify(running));
  }

  /** Once both services have ended. */
  close(): void {
    if (existsSync(this.databases)) compactDatabases(this.databases);
    rmSync(join(this.path, "running.json"), { force: true });
    this.#lock.close();
  }

  #secret(name: string): string {
    const saved = readText(join(this.path, name));
    if (saved !== null) return saved;
    const secret = randomBytes(32).toString("hex");
    this.writePrivate(name, secret);
    return secret;
  }

  /** Each start writes new logs and keeps those of the one before. */
  #turnLogs(): void {
    const old = join(this.path, "logs.old");
    rmSync(old, { recursive: true, force: true });
    if (existsSync(this.logs)) renameSync(this.logs, old);
    mkdirSync(this.logs, { mode: 0o700 });
  }

  /** A killed start leaves its services running for a moment; both must be gone before others start here. */
  async #outlivePredecessor(): Promise<void> {
    const running = readRunning(this.path);
    if (running === null) return;
    const until = Date.now() + predecessorMs;
    while ([running.edgePid, running.gpuPid].some(isAlive) && Date.now() < until) await sleep(50);
    rmSync(join(this.path, "running.json"), { force: true });
  }
}

/** The rosa2 on a state folder, if its last start has not ended, or did not end cleanly. */
export function readRunning(path: string): Running | null {
  const text = readText(join(path, "running.json"));
  if (text === null) return null;
  const parsed = runningSchema.safeParse(JSON.parse(text));
  return parsed.success ? parsed.data : null;
}

/** The API key of the local tenant, once a start has made it. */
export function readApiKey(path: string): string | null {
  return readText(join(path, "api-key"));
}

function readText(file: string): string | null {
  try {
    return readFileSync(file, "utf8").trim();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return null;
    throw error;
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}
