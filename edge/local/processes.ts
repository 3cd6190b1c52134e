/**
 * The processes of a local rosa2: each leads a group of its own, writes to a log file, and ends with the start.
 *
 * A terminal's Ctrl-C reaches only the start itself, which then ends the others in order.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { closeSync, openSync, readFileSync } from "node:fs";
import { basename, join } from "node:path";
import { fileURLToPath } from "node:url";
import { graceMs, signalGroup } from "./groups.ts";
import { rootPath } from "./settings.ts";

export interface Command {
  /** Name of its log file, without the ending. */
  name: string;
  /** Arguments of Node: a script, then the script's own. */
  args: readonly string[];
  env: Record<string, string>;
}

export interface Service {
  readonly pid: number;
  /** Resolves at its end with the exit code, or the name of the signal that ended it. */
  readonly ended: Promise<number | NodeJS.Signals>;
  /** Kills it and everything it has started, at once. */
  kill(): void;
}

const logLinesShown = 25;

export class Processes {
  readonly #logs: string;
  readonly #watchdog: ChildProcess;
  readonly #running = new Map<number, Promise<unknown>>();
  #stopping = false;

  constructor(logs: string) {
    this.#logs = logs;
    const script = fileURLToPath(new URL("./watchdog.ts", import.meta.url));
    this.#watchdog = spawn(process.execPath, [script], {
      detached: true,
      stdio: ["pipe", "ignore", "inherit"],
    });
    // Without its watchdog a start still ends its own services; only a killed start would leave them.
    this.#watchdog.stdin?.on("error", () => {});
  }

  /** Starts a process; throws once all are being stopped. */
  start({ name, args, env }: Command): Service {
    if (this.#stopping) throw new Error(`Cannot start ${name}: everything is being stopped`);
    const log = openSync(join(this.#logs, `${name}.log`), "a", 0o600);
    const child = spawn(process.execPath, args, {
      cwd: rootPath,
      detached: true,
      stdio: ["ignore", log, log],
      env: { ...process.env, NO_COLOR: "1", FORCE_COLOR: undefined, ...env },
    });
    closeSync(log);
    const { pid } = child;
    if (pid === undefined) throw new Error(`Cannot start ${args.join(" ")}`);
    this.#watch("+", pid);
    const ended = once(child, "exit").then(([code, signal]) => {
      // Processes that its leader left behind end with it.
      signalGroup(pid, "SIGKILL");
      this.#watch("-", pid);
      this.#running.delete(pid);
      return (code ?? signal) as number | NodeJS.Signals;
    });
    this.#running.set(pid, ended);
    return { pid, ended, kill: () => signalGroup(pid, "SIGKILL") };
  }

  /** Asks every process to end, and kills the remaining ones after a grace period. */
  async stopAll(): Promise<void> {
    this.#stopping = true;
    const groups = [...this.#running.keys()];
    for (const pid of groups) signalLeader(pid);
    const kill = setTimeout(() => this.killAll(), graceMs);
    await Promise.all(this.#running.values());
    clearTimeout(kill);
    this.#watchdog.stdin?.end();
  }

  killAll(): void {
    for (const pid of this.#running.keys()) signalGroup(pid, "SIGKILL");
  }

  /** The last lines of a log, for a message about its process. */
  tail(name: string): string {
    const file = join(this.#logs, `${name}.log`);
    const lines = readFileSync(file, "utf8").trimEnd().split("\n").slice(-logLinesShown);
    return `The end of ${basename(file)}:\n${lines.map((line) => `  ${readable(line)}`).join("\n")}`;
  }

  #watch(sign: "+" | "-", pid: number): void {
    this.#watchdog.stdin?.write(`${sign}${pid}\n`);
  }
}

/** The message of a structured log line; other lines unchanged. */
function readable(line: string): string {
  try {
    const { msg, err } = JSON.parse(line) as { msg?: string; err?: { message: string } };
    return [msg ?? line, err?.message].filter(Boolean).join(": ");
  } catch {
    return line;
  }
}

/** The leader alone: wrangler tells its own children. */
function signalLeader(pid: number): void {
  try {
    process.kill(pid, "SIGTERM");
  } catch {
    // It ended just now.
  }
}
