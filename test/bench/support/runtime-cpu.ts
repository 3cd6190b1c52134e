/** CPU time of the local runtime, as the system counts it. */
import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";

/** CPU milliseconds that the runtimes of a process group have taken so far. */
export function runtimeCpuMs(group: number): number {
  const rows = execFileSync("ps", ["-eo", "pid=,pgid=,comm="], { encoding: "utf8" });
  const pids = rows
    .split("\n")
    .map((row) => row.trim().split(/\s+/))
    .filter(([, of, name]) => Number(of) === group && name === "workerd")
    .map(([pid]) => pid);
  // Of /proc/<pid>/stat, behind the name in brackets: user and system time in hundredths of a second.
  const ticks = pids.flatMap((pid) => {
    const fields = readFileSync(`/proc/${pid}/stat`, "utf8").split(") ").at(-1)?.split(" ") ?? [];
    return [Number(fields[11]), Number(fields[12])];
  });
  return ticks.reduce((sum, n) => sum + n, 0) * 10;
}
