/**
 * Divides the engine's time among tenants, so that a flood from one leaves the others their part. It knows times, not
 * work.
 *
 * Each of n tenants with work gets an n-th part of the time. A tenant is charged the time that its work would have
 * taken alone: a row that costs nothing beside others' rows excludes nobody. An idle tenant collects credit, so that a
 * short call is answered as if it were alone (borrowed virtual time, Duda and Cheriton 1999).
 */

/** The most that a tenant can be owed (ms); a new tenant starts with it. */
const creditMs = 500;
/** A tenant that is owed this much more than the others runs alone (ms). */
const leadMs = 10;
/** The others stand still at most this long meanwhile. */
const aloneMsMax = 60;
/** Tenants without work that are remembered. */
const rememberedMax = 4096;

export class TenantShares {
  readonly #now: () => number;
  /** Milliseconds, from 0 to `creditMs`; the ones longest without work first. */
  readonly #owed = new Map<string, number>();
  #at: number;
  #togetherAt: number;

  constructor(now: () => number) {
    this.#now = now;
    this.#at = now();
    this.#togetherAt = this.#at;
  }

  /** Charges a tenant; shared work is charged as it would have taken alone. */
  charge(tenant: string, ms: number): void {
    this.#owed.set(tenant, Math.max(0, this.owed(tenant) - ms));
  }

  owed(tenant: string): number {
    return this.#owed.get(tenant) ?? creditMs;
  }

  /** The tenants with work that run now: those owed most, or all if none is owed much more. */
  favoured(working: ReadonlySet<string>): ReadonlySet<string> {
    const now = this.#now();
    this.#pass(now - this.#at, working);
    this.#at = now;
    const owed = [...working].map((tenant) => this.owed(tenant));
    const most = Math.max(...owed);
    if (most - Math.min(...owed) > leadMs && now - this.#togetherAt < aloneMsMax) {
      return new Set([...working].filter((tenant) => this.owed(tenant) >= most - leadMs));
    }
    this.#togetherAt = now;
    return working;
  }

  /** Gives every tenant its part of the time that has passed; idle ones get their credit back. */
  #pass(ms: number, working: ReadonlySet<string>): void {
    // Also when alone: a tenant that had the engine to itself has no credit left when another comes.
    const part = ms / Math.max(2, working.size);
    for (const [tenant, owed] of this.#owed) {
      const now = Math.min(creditMs, owed + part);
      // A tenant with full credit is treated like an unknown one.
      if (now === creditMs && !working.has(tenant)) this.#owed.delete(tenant);
      else this.#owed.set(tenant, now);
    }
    for (const tenant of this.#owed.keys()) {
      if (this.#owed.size <= rememberedMax) return;
      if (!working.has(tenant)) this.#owed.delete(tenant);
    }
  }
}

/** Rows go on without the others if they need less than this part of the time. */
const apartMax = 0.6;

/** Recent times of a decode step, by its number of rows. */
export class StepTimes {
  readonly #ms = new Map<number, number>();

  note(rows: number, ms: number): void {
    const before = this.#ms.get(rows) ?? ms;
    this.#ms.set(rows, before + (ms - before) / 4);
  }

  /** Whether some of the rows would be much quicker alone; assumed so until it is known. */
  isWorthApart(some: number, rows: number): boolean {
    const ms = this.#ms.get(rows);
    return ms === undefined || this.alone(some, rows, ms) < apartMax * ms;
  }

  /** The time that `some` of a step's `rows` would have taken alone, if all took `ms`. */
  alone(some: number, rows: number, ms: number): number {
    let [below, above] = [0, rows];
    for (const known of this.#ms.keys()) {
      if (known <= some && known > below) below = known;
      if (known >= some && known < above) above = known;
    }
    const [low, high] = [this.#ms.get(below) ?? 0, above === rows ? ms : this.#ms.get(above)!];
    if (below === above) return Math.min(ms, high);
    return Math.min(ms, low + ((high - low) * (some - below)) / (above - below));
  }
}
