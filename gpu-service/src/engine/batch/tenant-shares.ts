/**
 * What each tenant is owed of the engine's time, so that one that floods leaves the others their part. It knows times,
 * not work.
 *
 * Of n tenants with work each is owed an n-th part of the time, and has what its work would have taken alone: a row that
 * costs nothing beside others' rows keeps nobody apart. Whoever was idle has credit, so that a short call is answered as
 * if it were alone (borrowed virtual time, Duda and Cheriton 1999).
 */

/** What may be owed at most, and is to one that comes anew (ms). */
const creditMs = 500;
/** Owed more than the others by so much, a tenant goes on alone. */
const leadMs = 10;
/** So long at most do the others stand still meanwhile. */
const aloneMsMax = 60;
/** Tenants that are remembered without work. */
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

  /** A tenant has had so much; what is shared counts as it would have taken alone. */
  charge(tenant: string, ms: number): void {
    this.#owed.set(tenant, Math.max(0, this.owed(tenant) - ms));
  }

  owed(tenant: string): number {
    return this.#owed.get(tenant) ?? creditMs;
  }

  /** Who of the tenants with work goes on now: those that are owed most, or all where nobody is owed much more. */
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

  /** Everybody's part of the time that has passed; idle ones get back their credit. */
  #pass(ms: number, working: ReadonlySet<string>): void {
    // Alone too: whoever has the engine to itself has no credit left when another comes.
    const part = ms / Math.max(2, working.size);
    for (const [tenant, owed] of this.#owed) {
      const now = Math.min(creditMs, owed + part);
      // Who is owed all the credit is owed what an unknown one is.
      if (now === creditMs && !working.has(tenant)) this.#owed.delete(tenant);
      else this.#owed.set(tenant, now);
    }
    for (const tenant of this.#owed.keys()) {
      if (this.#owed.size <= rememberedMax) return;
      if (!working.has(tenant)) this.#owed.delete(tenant);
    }
  }
}

/** Rows go on without the others where they need less than this part of the time. */
const apartMax = 0.6;

/** What a decode step takes by its number of rows, as the last ones took. */
export class StepTimes {
  readonly #ms = new Map<number, number>();

  note(rows: number, ms: number): void {
    const before = this.#ms.get(rows) ?? ms;
    this.#ms.set(rows, before + (ms - before) / 4);
  }

  /** Whether some of the rows would be much quicker alone; as long as it is not known, they might be. */
  isWorthApart(some: number, rows: number): boolean {
    const ms = this.#ms.get(rows);
    return ms === undefined || this.alone(some, rows, ms) < apartMax * ms;
  }

  /** Of a step that took `ms` for all its `rows`: what it would have taken for some of them. */
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
