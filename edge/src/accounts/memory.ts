/** An isolate's memory of D1, so that calls wait for D1 only once. It does not know what is remembered. */

export interface Lifetime {
  /** For this long the memory answers alone. */
  freshMs: number;
  /** For this long it answers while the value is read again in the background; after that the call waits. */
  keptMs: number;
}

/** Continues work after the answer. */
export type Background = (work: Promise<unknown>) => void;

export class Memory<T> {
  readonly #entriesMax: number;
  readonly #lifetimeOf: (value: T) => Lifetime;
  #entries = new Map<string, { value: T; readAt: number }>();

  constructor(entriesMax: number, lifetimeOf: (value: T) => Lifetime) {
    this.#entriesMax = entriesMax;
    this.#lifetimeOf = lifetimeOf;
  }

  /** The value of a key, from memory or read now. */
  async get(key: string, now: number, read: () => Promise<T>, background: Background): Promise<T> {
    const known = this.peek(key, now, read, background);
    return known === undefined ? await this.refresh(key, now, read) : known.value;
  }

  /** The remembered value, or undefined. An old value is read again in the background. */
  peek(
    key: string,
    now: number,
    read: () => Promise<T>,
    background: Background,
  ): { value: T; readAt: number } | undefined {
    const entry = this.#entries.get(key);
    if (entry === undefined) return undefined;
    const { freshMs, keptMs } = this.#lifetimeOf(entry.value);
    const ageMs = now - entry.readAt;
    if (ageMs >= keptMs) return undefined;
    if (ageMs >= freshMs) background(this.refresh(key, now, read));
    return entry;
  }

  forget(key: string): void {
    this.#entries.delete(key);
  }

  /** Reads the value now, whatever is remembered. */
  async refresh(key: string, now: number, read: () => Promise<T>): Promise<T> {
    const value = await read();
    if (this.#entries.size >= this.#entriesMax) this.#entries.clear();
    this.#entries.set(key, { value, readAt: now });
    return value;
  }
}

/** For values that change only by a revocation, which recent-revocations.ts reads for all tenants at once. */
export const revocable: Lifetime = { freshMs: 3_600_000, keptMs: 24 * 3_600_000 };
