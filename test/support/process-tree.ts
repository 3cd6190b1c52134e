/** Processes as the operating system lists them. */
import { execFileSync } from "node:child_process";

/** A process and all that descend from it. */
export function processTree(root: number): number[] {
  const rows = list("pid=,ppid=").map((row) => row.split(/\s+/).map(Number));
  const tree = [root];
  for (const parent of tree) {
    for (const [pid, ppid] of rows) if (ppid === parent && pid !== undefined) tree.push(pid);
  }
  return tree;
}

/** Those of the processes that still run; one that ended and was not reaped yet does not count. */
export function stillRunning(pids: readonly number[]): string[] {
  return list("pid=,stat=,args=").filter((row) => {
    const [pid, stat] = row.split(/\s+/);
    return pids.includes(Number(pid)) && stat?.startsWith("Z") === false;
  });
}

/** The processes of a group: command line and resident memory (bytes). */
export function processGroup(group: number): { args: string; residentBytes: number }[] {
  return list("pgid=,rss=,args=")
    .map((row) => /^(\d+) +(\d+) (.*)$/.exec(row))
    .filter((match) => Number(match?.[1]) === group)
    .map((match) => ({ args: match?.[3] ?? "", residentBytes: 1024 * Number(match?.[2]) }));
}

function list(columns: string): string[] {
  return execFileSync("ps", ["-ww", "-eo", columns], { encoding: "utf8" })
    .split("\n")
    .map((row) => row.trim())
    .filter((row) => row !== "");
}
