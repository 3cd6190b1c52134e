/** Bounds the requests in flight, in all and per tenant. It does not know what they do. */
import { RosaError } from "@rosa2/shared/errors";

export interface AdmissionLimits {
  /** Replies in service at once. */
  rowsMax: number;
  /** Replies waiting beyond those. */
  queueMax: number;
  /** Waiting replies of one tenant. */
  tenantQueueMax: number;
  /** Scores, updates and exports in flight; one tenant has at most half of the places. */
  backgroundMax: number;
}

type Kind = "generate" | "sample" | "adapt" | "score" | "export";

/** Places taken, in all and by tenant. */
interface Pool {
  count: number;
  of: Map<string, number>;
}

const retryAfterMaxS = 30;

export class Admission {
  readonly #limits: AdmissionLimits;
  readonly #now: () => number;
  readonly #replies: Pool = { count: 0, of: new Map() };
  readonly #background: Pool = { count: 0, of: new Map() };
  /** Running mean of a reply's time, waiting included. */
  #replyMs = 0;
  #idle: (() => void) | null = null;

  constructor(limits: AdmissionLimits, now: () => number = () => performance.now()) {
    this.#limits = limits;
    this.#now = now;
  }

  get inFlight(): number {
    return this.#replies.count + this.#background.count;
  }

  /**
   * Takes one place, or one for each of several replies, and returns a function that gives it back. Throws `queue_full`
   * with a time to retry after.
   */
  enter(kind: Kind, tenant: string, places = 1): () => void {
    const { rowsMax, queueMax, tenantQueueMax, backgroundMax } = this.#limits;
    const isReply = kind === "generate" || kind === "sample";
    const pool = isReply ? this.#replies : this.#background;
    const what = isReply ? "replies" : "scores, updates and exports";
    const max = isReply ? rowsMax + queueMax : backgroundMax;
    // The last places are kept for tenants that hold few.
    const tenantMax = isReply
      ? rowsMax + tenantQueueMax
      : Math.max(1, Math.ceil(backgroundMax / 2));
    const own = pool.of.get(tenant) ?? 0;
    if (pool.count + places > max) throw this.#full(`${pool.count} ${what} are in flight`);
    if (own + places > tenantMax) {
      throw this.#full(`${own} ${what} of this tenant are in flight`);
    }
    pool.count += places;
    pool.of.set(tenant, own + places);
    const enteredAt = this.#now();
    return this.#once(() => {
      pool.count -= places;
      const left = (pool.of.get(tenant) ?? places) - places;
      if (left > 0) pool.of.set(tenant, left);
      else pool.of.delete(tenant);
      if (isReply) this.#replyMs += (this.#now() - enteredAt - this.#replyMs) / 16;
    });
  }

  /** Resolves when nothing is in flight, or after `timeoutMs`. */
  async idle(timeoutMs: number): Promise<void> {
    if (this.inFlight === 0) return;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#idle = resolve;
    const timer = setTimeout(resolve, timeoutMs);
    await promise;
    clearTimeout(timer);
  }

  #once(leave: () => void): () => void {
    let left = false;
    return () => {
      if (left) return;
      left = true;
      leave();
      if (this.inFlight === 0) this.#idle?.();
    };
  }

  /** The error's retry time is about the time in which one place becomes free. */
  #full(what: string): RosaError {
    const seconds = Math.ceil(this.#replyMs / 1000 / this.#limits.rowsMax);
    return new RosaError("queue_full", `Cannot take more work: ${what}`, {
      retryAfterS: Math.min(Math.max(seconds, 1), retryAfterMaxS),
    });
  }
}
