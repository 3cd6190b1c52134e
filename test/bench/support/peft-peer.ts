/** PyTorch and peft in a process of their own, installed into the cache folder on demand; never a dependency. */
import { type ChildProcess, execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import type { Pass } from "../contenders/engine.ts";
import type { Context } from "../figure.ts";
import type { TokenRows } from "./contender.ts";

const versions = { torch: "2.13.0", transformers: "5.18.0", peft: "0.21.0" };
export const peftName = `PyTorch ${versions.torch} with peft ${versions.peft}`;
const script = fileURLToPath(new URL("../contenders/torch-peft.py", import.meta.url));

/** What `contenders/torch-peft.py` answers. */
interface PeftMethods {
  /** `adapter` is the folder of a PEFT adapter, whose A is used. */
  load(request: { directory: string; adapter: string; threads: number }): null;
  /** Each row's S; writes ∂S/∂B [rows, D] to `path` as fp32. */
  gradients(request: { rows: TokenRows; path: string }): number[];
  /** Milliseconds of one update from B = 0, with these passes. */
  update(request: { rows: TokenRows; passes: readonly Pass[] }): number;
}

/** Path of a Python that has the packages, from the index that pip is set up with. Throws when it cannot be had. */
export async function peftPython({ cache, say }: Context): Promise<string> {
  const pinned = Object.entries(versions).map(([name, version]) => `${name}==${version}`);
  const folder = join(cache, "peers", pinned.join("-").replaceAll("==", "-"));
  const python = join(folder, "bin", "python");
  const installed = join(folder, "installed");
  if (!existsSync(installed)) {
    say(`installing ${pinned.join(", ")} into ${folder}`);
    rmSync(folder, { recursive: true, force: true });
    const run = promisify(execFile);
    await run("python3", ["-m", "venv", folder]);
    await run(python, ["-m", "pip", "install", "--quiet", ...pinned], { maxBuffer: 1 << 24 });
    writeFileSync(installed, "");
  }
  return python;
}

export class PeftPeer {
  readonly #child: ChildProcess;
  readonly #lines: AsyncIterator<string>;

  constructor(python: string) {
    const child = spawn(python, [script], {
      stdio: ["pipe", "pipe", "inherit"],
      env: { ...process.env, HF_HUB_OFFLINE: "1", TQDM_DISABLE: "1" },
    });
    this.#child = child;
    this.#lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  }

  /** One call at a time. */
  async call<K extends keyof PeftMethods>(
    method: K,
    request: Parameters<PeftMethods[K]>[0],
  ): Promise<ReturnType<PeftMethods[K]>> {
    this.#child.stdin?.write(`${JSON.stringify({ method, arguments: request })}\n`);
    const { value, done } = await this.#lines.next();
    if (done) throw new Error(`The peft process ended with ${this.#child.exitCode}`);
    const { result, error } = JSON.parse(value);
    if (error !== undefined) throw new Error(error);
    return result;
  }

  async stop(): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return;
    const ended = once(this.#child, "exit");
    this.#child.kill("SIGKILL");
    await ended;
  }
}
