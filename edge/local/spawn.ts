/** Starts a rosa2 as a process of its own and waits until it answers; for the demo and the end-to-end tests. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { Failure } from "../../shared/command/failure.ts";
import { rootPath } from "./settings.ts";
import type { Running } from "./state.ts";

export interface Spawned extends Running {
  /** The API key of the local tenant. */
  key: string;
  child: ChildProcess;
  /** Ends it in order; resolves when it is gone. */
  stop(signal?: NodeJS.Signals): Promise<void>;
}

/** What `start.ts` sends its parent once it is ready. */
export type Ready = Running & { key: string };

/** Throws `Failure` with its output if it ends before it is ready. */
export async function spawnRosa(environment: Record<string, string>): Promise<Spawned> {
  const script = fileURLToPath(new URL("./start.ts", import.meta.url));
  const child = spawn(process.execPath, [script], {
    cwd: rootPath,
    env: { ...process.env, ...environment, PARENT_PID: String(process.pid) },
    stdio: ["ignore", "pipe", "pipe", "ipc"],
  });
  let printed = "";
  for (const stream of [child.stdout, child.stderr]) {
    stream?.setEncoding("utf8").on("data", (text: string) => {
      printed += text;
    });
  }
  const exited = once(child, "close");
  const [ready] = await Promise.race([
    once(child, "message"),
    exited.then(([code, signal]) => {
      throw new Failure(`Cannot start rosa2: it ended (${code ?? signal}).\n${printed.trimEnd()}`);
    }),
  ]);
  return {
    ...(ready as Ready),
    child,
    async stop(signal = "SIGTERM") {
      child.kill(signal);
      await exited;
    },
  };
}
