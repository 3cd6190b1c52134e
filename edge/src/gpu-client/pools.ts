/**
 * GPU services by region: which of them a call goes to, and which one next when it fails. It knows no protocol.
 *
 * A caller always begins with the service nearest to its region, so a session meets its adapter where it left it.
 * One that failed is passed over until its health says that it is back.
 */
import { RosaError } from "@rosa2/shared/errors";
import type { Region } from "../contract/sets.ts";
import { distance } from "../regions.ts";
import { isTransient } from "./failures.ts";

export interface Pool {
  /** Null: nobody said. */
  region: Region | null;
  /** Base URL. */
  url: string;
}

/** How often one that is passed over is asked whether it is back. */
const askAgainMs = 5_000;

/** The services that failed and were not heard of since, with when they were asked last. */
const failed = new Map<string, number>();

/** Nearest first; those without a region after the others, in the order of the setting. */
export function nearestFirst(pools: readonly Pool[], region: Region | null): Pool[] {
  const far = (pool: Pool) =>
    region === null || pool.region === null ? Math.PI : distance(region, pool.region);
  return [...pools].sort((a, b) => far(a) - far(b));
}

/**
 * In the order in which a call tries them: those that failed last come last. `isBack` asks such a service for its
 * health, behind the call.
 */
export function inOrder(pools: readonly Pool[], isBack: (pool: Pool) => Promise<boolean>): Pool[] {
  if (pools.length === 1) return [...pools];
  const now = Date.now();
  for (const pool of pools) {
    const askedAt = failed.get(pool.url);
    if (askedAt === undefined || askedAt + askAgainMs > now) continue;
    failed.set(pool.url, now);
    isBack(pool).then(
      (back) => back && noteAnswer(pool),
      () => {},
    );
  }
  const isDown = ({ url }: Pool) => failed.has(url);
  return [...pools.filter((pool) => !isDown(pool)), ...pools.filter(isDown)];
}

export function noteAnswer({ url }: Pool): void {
  failed.delete(url);
}

/** Notes a failure, and tells whether another service may do better. A full queue is no reason to pass it over later. */
export function noteFailure({ url }: Pool, error: unknown): boolean {
  if (!isTransient(error)) return false;
  if (error instanceof RosaError && error.code !== "queue_full") failed.set(url, Date.now());
  return true;
}
