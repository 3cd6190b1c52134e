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

const retryAfterMaxS = 30;

export class Admission {
  readonly #limits: AdmissionLimits;
  readonly #now: () => number;
  #replies = 0;
  #background = 0;
  readonly #repliesOf = new Map<string, number>();
  readonly #backgroundOf = new Map<string, number>();
  /** Running mean of a reply's time, waiting included. */
  #replyMs = 0;
  #idle: (() => void) | null = null;

  constructor(limits: AdmissionLimits, now: () => number = () => performance.now()) {
    this.#limits = limits;
    this.#now = now;
  }

  get inFlight(): number {
    return this.#replies + this.#background;
  }

  /**
   * Takes one place, or one for each of several replies, and returns a function that gives it back. Throws `queue_full`
   * with a time to retry after.
   */
  enter(kind: Kind, tenant: string, replies = 1): () => void {
    const { rowsMax, queueMax, tenantQueueMax, backgroundMax } = this.#limits;
    if (kind !== "generate" && kind !== "sample") {
      if (this.#background >= backgroundMax) {
        throw this.#full(`${this.#background} scores, updates and exports are in flight`);
      }
      const held = this.#backgroundOf.get(tenant) ?? 0;
      // The last places are kept for tenants that hold few.
      if (held >= Math.max(1, Math.ceil(backgroundMax / 2)))
        throw this.#full(`${held} scores, updates and exports of this tenant are in flight`);
      this.#background++;
      this.#backgroundOf.set(tenant, held + 1);
      return this.#once(() => {
        this.#background--;
        const left = (this.#backgroundOf.get(tenant) ?? 1) - 1;
        if (left > 0) this.#backgroundOf.set(tenant, left);
        else this.#backgroundOf.delete(tenant);
      });
    }
    const own = this.#repliesOf.get(tenant) ?? 0;
    if (this.#replies + replies > rowsMax + queueMax) {
      throw this.#full(`${this.#replies} replies are in flight`);
    }
    if (own + replies > rowsMax + tenantQueueMax) {
      throw this.#full(`${own} replies of this tenant are in flight`);
    }
    this.#replies += replies;
    this.#repliesOf.set(tenant, own + replies);
    const enteredAt = this.#now();
    return this.#once(() => {
      this.#replies -= replies;
      const left = (this.#repliesOf.get(tenant) ?? replies) - replies;
      if (left > 0) this.#repliesOf.set(tenant, left);
      else this.#repliesOf.delete(tenant);
      this.#replyMs += (this.#now() - enteredAt - this.#replyMs) / 16;
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
