/** Waiting work, taken so that no tenant, and no session within a tenant, blocks the others. It knows no clock. */

export interface Queued {
  tenant: string;
  /** Work with the same session key shares one place within its tenant. */
  session: string;
}

/** What one tenant or session has been served. */
interface Share {
  serving: number;
  /** The turn at which it was last served; 0 means never. */
  lastTurn: number;
}

const noShare: Share = { serving: 0, lastTurn: 0 };
/** Idle tenants and sessions that are remembered. A forgotten one only goes first once. */
const sharesMax = 4096;

/**
 * Takes the item whose tenant has the least in service, then the one served longest ago; within the tenant the same by
 * session; then the earliest item. Every taken item must be released.
 */
export class FairQueue<T extends Queued> {
  readonly #waiting: T[] = [];
  readonly #shares = new Map<string, Share>();
  #turn = 0;

  get length(): number {
    return this.#waiting.length;
  }

  add(item: T): void {
    this.#waiting.push(item);
  }

  /** Counts an item as taken that never waited, because it belongs to one that was taken. */
  takeBeside(item: T): void {
    this.#serve(item);
  }

  /** The item that would be taken. */
  get next(): T | undefined {
    let best: T | undefined;
    for (const item of this.#waiting) {
      if (best === undefined || this.#comesBefore(item, best)) best = item;
    }
    return best;
  }

  takeNext(): T | undefined {
    const best = this.next;
    if (best === undefined) return undefined;
    this.remove(best);
    this.#serve(best);
    return best;
  }

  /** Marks a taken item as no longer in service. */
  release(item: T): void {
    for (const key of keysOf(item)) {
      const share = this.#shares.get(key);
      if (share !== undefined) share.serving--;
    }
  }

  /** Removes a waiting item; false if it is not waiting. */
  remove(item: T): boolean {
    const at = this.#waiting.indexOf(item);
    if (at < 0) return false;
    this.#waiting.splice(at, 1);
    return true;
  }

  find(matches: (item: T) => boolean): T | undefined {
    return this.#waiting.find(matches);
  }

  /** Empties the queue. */
  drain(): T[] {
    return this.#waiting.splice(0);
  }

  #serve(item: T): void {
    this.#turn++;
    for (const key of keysOf(item)) {
      const { serving } = this.#share(key);
      this.#shares.delete(key); // set again at the end: the map is ordered by last use
      this.#shares.set(key, { serving: serving + 1, lastTurn: this.#turn });
    }
    this.#forget();
  }

  #share(key: string): Share {
    return this.#shares.get(key) ?? noShare;
  }

  /** Strictly better only, so that of equals the one that came first stays. */
  #comesBefore(item: T, other: T): boolean {
    const theirs = keysOf(other);
    for (const [i, key] of keysOf(item).entries()) {
      const a = this.#share(key);
      const b = this.#share(theirs[i] as string);
      if (a.serving !== b.serving) return a.serving < b.serving;
      if (a.lastTurn !== b.lastTurn) return a.lastTurn < b.lastTurn;
    }
    return false;
  }

  #forget(): void {
    if (this.#shares.size <= sharesMax) return;
    for (const [key, share] of this.#shares) {
      if (share.serving === 0) this.#shares.delete(key);
      if (this.#shares.size <= sharesMax) return;
    }
  }
}

/** Tenant first, then the session within it. */
function keysOf(item: Queued): string[] {
  return [JSON.stringify([item.tenant]), JSON.stringify([item.tenant, item.session])];
}
