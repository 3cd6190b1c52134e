/** What an isolate remembers of D1, so that calls wait for it once; it knows nothing of what it remembers. */

export interface Lifetime {
  /** So long it answers from memory alone. */
  freshMs: number;
  /** So long it still does while it is read again behind the answer; after that the answer waits. */
  keptMs: number;
}

/** Goes on with work after the answer. */
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

  /** What is remembered, undefined where that is nothing; what grows old is read again behind the answer. */
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

  /** Reads now, whatever is remembered. */
  async refresh(key: string, now: number, read: () => Promise<T>): Promise<T> {
    const value = await read();
    if (this.#entries.size >= this.#entriesMax) this.#entries.clear();
    this.#entries.set(key, { value, readAt: now });
    return value;
  }
}

/** For what never changes but by a revocation, which recent-revocations.ts reads for all tenants at once. */
export const revocable: Lifetime = { freshMs: 3_600_000, keptMs: 24 * 3_600_000 };
