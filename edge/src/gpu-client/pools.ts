/**
 * GPU services by region: which one a call goes to, and which one next after a failure. It knows no protocol.
 *
 * A caller always begins with the service nearest to its region, so a session finds its adapter where the last call
 * left it. A service that failed goes to the end of the order until its health is good again.
 */
import { RosaError } from "@rosa2/shared/errors";
import type { Region } from "../contract/sets.ts";
import { distance } from "../regions.ts";
import { isTransient } from "./failures.ts";

export interface Pool {
  /** Null when the setting names none. */
  region: Region | null;
  /** Base URL. */
  url: string;
}

/** How often a failed service is asked whether it is back. */
const askAgainMs = 5_000;

/** Services that failed and have not answered since, each with the time of its failure or of the latest health request. */
const failed = new Map<string, number>();

/** When each service last answered a call of this isolate. */
const answered = new Map<string, number>();

/** Nearest first. Services without a region come after the others, in the order of the setting. */
export function nearestFirst(pools: readonly Pool[], region: Region | null): Pool[] {
  if (pools.length === 1) return [...pools];
  const far = (pool: Pool) =>
    region === null || pool.region === null ? Math.PI : distance(region, pool.region);
  return [...pools].sort((a, b) => far(a) - far(b));
}

/**
 * The order in which a call tries them: failed services last. `isBack` asks such a service for its health; the call
 * does not wait for that.
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
  answered.set(url, Date.now());
}

/** Whether it has answered another call since then, so that it is merely busy. */
export function hasAnsweredSince({ url }: Pool, time: number): boolean {
  return (answered.get(url) ?? 0) > time;
}

/**
 * Notes a failure; true when another service may succeed. A full queue does not count against the service for later
 * calls.
 */
export function noteFailure({ url }: Pool, error: unknown): boolean {
  if (!isTransient(error)) return false;
  if (error instanceof RosaError && error.code !== "queue_full") failed.set(url, Date.now());
  return true;
}
