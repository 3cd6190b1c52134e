/** Incomplete files, `<name>.<owner>.part`: who owns one, and whether the owner still writes it. */
import { statSync } from "node:fs";
import { hostname } from "node:os";

/** A part counts as abandoned after this long, if its owner cannot be checked. */
const partLeftMs = 60_000;

/** This process, as the owner of its parts. */
export const owner = `${hostname().replace(/[^\w-]/g, "_")}-${process.pid}`;

/** Whether the part's owner is this process, is gone, or has not written for a while. */
export function isLeft(part: string): boolean {
  const [host, pid] = part.match(/\.([\w-]+)-(\d+)\.part$/)?.slice(1) ?? [];
  if (`${host}-${pid}` === owner) return true;
  if (owner.startsWith(`${host}-`) && !isAlive(Number(pid))) return true;
  const stat = statSync(part, { throwIfNoEntry: false });
  return stat !== undefined && Date.now() - stat.mtimeMs > partLeftMs;
}

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "EPERM";
  }
}
