/**
 * Places sequences in the KV cache and keeps their tokens for the next turn. It knows tokens and positions, not the
 * model.
 *
 * The rows of a decode step must lie side by side, so the active slots form one run [first, first + active). Every
 * other slot is filling (its prompt is being read), parked (tokens of a finished reply, reusable by the same tenant
 * with the same adapter) or empty.
 */
import type { KvCache } from "../../language-model.ts";

/** One sequence's share of the cache. The object stays with the sequence; its index may change. */
export interface Slot {
  index: number;
  state: "empty" | "filling" | "active" | "parked";
  /** Tenant and adapter digest: nothing is ever shared between different keys. */
  key: string;
  /** The tokens whose keys and values are in the cache, in order. */
  tokens: number[];
  /** Grows with every use; the parked slot with the lowest is evicted first. */
  usedAt: number;
}

export function cacheKey(tenant: string, digest: string | null): string {
  return JSON.stringify([tenant, digest]);
}

export class SlotTable {
  readonly #cache: KvCache;
  /** By index. */
  readonly #slots: Slot[];
  /** By index: whether its memory has been written. */
  readonly #written: boolean[];
  #first = 0;
  #activeCount = 0;
  #leasedCount = 0;
  #clock = 0;

  /** One slot is always kept free of running sequences, so that another can move into it. */
  constructor(cache: KvCache) {
    if (cache.slots < 2) throw new Error(`Cannot schedule on ${cache.slots} slot: 2 are needed`);
    this.#cache = cache;
    this.#written = new Array(cache.slots).fill(false);
    this.#slots = Array.from({ length: cache.slots }, (_, index) => ({
      index,
      state: "empty",
      key: "",
      tokens: [],
      usedAt: 0,
    }));
  }

  /** Slots of the next step's rows, in row order. */
  get active(): Slot[] {
    return this.#slots.slice(this.#first, this.#first + this.#activeCount);
  }

  get parkedTokens(): number {
    return this.#parked().reduce((sum, slot) => sum + slot.tokens.length, 0);
  }

  get canLease(): boolean {
    return this.#leasedCount < this.#slots.length - 1;
  }

  /**
   * A filling slot for a prompt. Its `tokens` are the longest prefix already computed under the same key, by an ended
   * sequence or by one in service. The last prompt token is never among them, because its logits are needed.
   */
  lease(key: string, prompt: ArrayLike<number>): Slot {
    if (!this.canLease) throw new Error("Cannot lease a slot: all are in use");
    const { source, length } = this.#longestPrefix(key, prompt);
    let slot = source;
    if (source !== undefined && this.#mustStay(source, length)) {
      source.usedAt = ++this.#clock;
      slot = this.#emptySlot();
      this.#copy(source.index, slot.index, length);
      slot.tokens = source.tokens.slice(0, length);
    }
    slot ??= this.#emptySlot();
    this.#written[slot.index] = true;
    slot.tokens.length = length;
    slot.key = key;
    slot.state = "filling";
    slot.usedAt = ++this.#clock;
    this.#leasedCount++;
    return slot;
  }

  /** An active copy of an active slot, for another continuation of its tokens. */
  fork(source: Slot): Slot {
    if (source.state !== "active") throw new Error(`Cannot fork a slot that is ${source.state}`);
    if (!this.canLease) throw new Error("Cannot fork a slot: all are in use");
    const slot = this.#emptySlot();
    this.#copy(source.index, slot.index, source.tokens.length);
    slot.tokens = [...source.tokens];
    slot.key = source.key;
    slot.state = "filling";
    slot.usedAt = ++this.#clock;
    this.#leasedCount++;
    this.activate(slot);
    return slot;
  }

  /** Adds a filling slot to the run of active ones. */
  activate(slot: Slot): void {
    if (slot.state !== "filling") throw new Error(`Cannot activate a slot that is ${slot.state}`);
    const place = this.#placeBesideRun(slot);
    if (place !== slot.index) {
      this.#vacate(place);
      this.#move(slot, place);
    }
    slot.state = "active";
    if (this.#activeCount === 0 || place < this.#first) this.#first = place;
    this.#activeCount++;
  }

  /**
   * Ends a sequence. Its tokens stay parked unless `park` is false (the cache may then be wrong). With `staysAlone`
   * they replace what the same key left parked before.
   */
  release(slot: Slot, park: boolean, { staysAlone = false } = {}): void {
    if (slot.state === "active") this.#leaveRun(slot, park);
    else if (slot.state !== "filling")
      throw new Error(`Cannot release a slot that is ${slot.state}`);
    this.#leasedCount--;
    slot.usedAt = ++this.#clock;
    if (!park || slot.tokens.length === 0) {
      this.#clear(slot);
      return;
    }
    if (staysAlone) this.forget(slot.key);
    slot.state = "parked";
  }

  /** Empties the parked slots of a key that is unlikely to return. */
  forget(key: string): void {
    for (const slot of this.#parked()) if (slot.key === key) this.#clear(slot);
  }

  /** Gives back the room that no sequence needs any more. No step may be under way. */
  trim(): void {
    this.#cache.trim?.(Math.max(...this.#slots.map(({ tokens }) => tokens.length)));
  }

  dispose(): void {
    this.#cache.dispose();
  }

  #leaveRun(slot: Slot, park: boolean): void {
    const last = this.#slots[this.#first + this.#activeCount - 1] as Slot;
    if (slot !== last && slot.index === this.#first) {
      this.#first++;
    } else if (slot !== last) {
      const hole = slot.index;
      if (park) this.#vacate(hole);
      else this.#clear(slot);
      this.#move(last, hole);
    }
    this.#activeCount--;
  }

  /** Prefers a parked slot to one in service with the same prefix, because it need not be copied. */
  #longestPrefix(key: string, prompt: ArrayLike<number>): { source?: Slot; length: number } {
    let best: { source?: Slot; length: number } = { length: 0 };
    const inService = this.#slots.filter(({ state }) => state === "active" || state === "filling");
    for (const source of [...this.#parked(), ...inService]) {
      if (source.key !== key) continue;
      const length = commonPrefix(source.tokens, prompt, prompt.length - 1);
      if (length > best.length) best = { source, length };
    }
    return best;
  }

  /** The place of a new row: where it is, if that touches the run, otherwise the end that is cheaper to clear. */
  #placeBesideRun(slot: Slot): number {
    const before = this.#first - 1;
    const after = this.#first + this.#activeCount;
    if (this.#activeCount === 0 || slot.index === before || slot.index === after) return slot.index;
    const cost = (index: number) => this.#slots[index]?.tokens.length ?? Infinity;
    return cost(after) <= cost(before) ? after : before;
  }

  /** Makes the slot at `index` empty, moving what it holds elsewhere. */
  #vacate(index: number): void {
    const occupant = this.#slots[index] as Slot;
    if (occupant.state === "empty") return;
    const refuge = this.#emptySlot();
    // Eviction may have chosen the occupant itself.
    if (refuge !== occupant) this.#move(occupant, refuge.index);
  }

  /** Moves a slot's content to the empty slot at `index`; the two trade places. */
  #move(slot: Slot, index: number): void {
    const empty = this.#slots[index] as Slot;
    if (empty.state !== "empty") throw new Error(`Cannot move to slot ${index}: ${empty.state}`);
    if (slot.tokens.length > 0) this.#copy(slot.index, index, slot.tokens.length);
    empty.index = slot.index;
    slot.index = index;
    this.#slots[empty.index] = empty;
    this.#slots[index] = slot;
  }

  /** Copies the first tokens of one slot to another. */
  #copy(from: number, to: number, tokens: number): void {
    this.#cache.copySlot(from, to, tokens);
    this.#written[to] = true;
  }

  /**
   * An empty slot, near the run if possible, but preferably one written before: fresh memory takes longer than a copy,
   * and stays allocated. Without one, the parked slot used longest ago is evicted.
   */
  #emptySlot(): Slot {
    const beside = [this.#slots[this.#first + this.#activeCount], this.#slots[this.#first - 1]];
    const empty = [...beside, ...this.#slots].filter(
      (slot): slot is Slot => slot?.state === "empty",
    );
    const chosen = empty.find(({ index }) => this.#written[index]) ?? empty[0];
    if (chosen !== undefined) return chosen;
    const oldest = this.#parked().reduce((a, b) => (b.usedAt < a.usedAt ? b : a));
    this.#clear(oldest);
    return oldest;
  }

  /**
   * Whether the prefix is copied and its owner keeps the slot: a sequence in service, or another conversation that
   * shares only the beginning.
   */
  #mustStay(source: Slot, length: number): boolean {
    if (source.state !== "parked") return true;
    return length * 2 < source.tokens.length && this.#hasRoomBeside(source);
  }

  /** Whether a slot other than this parked one is available. */
  #hasRoomBeside(parked: Slot): boolean {
    return this.#slots.some(
      (slot) => slot.state === "empty" || (slot.state === "parked" && slot !== parked),
    );
  }

  #parked(): Slot[] {
    return this.#slots.filter((slot) => slot.state === "parked");
  }

  #clear(slot: Slot): void {
    slot.state = "empty";
    slot.tokens = [];
    slot.key = "";
  }
}

function commonPrefix(a: ArrayLike<number>, b: ArrayLike<number>, lengthMax: number): number {
  const end = Math.min(a.length, b.length, lengthMax);
  let n = 0;
  while (n < end && a[n] === b[n]) n++;
  return n;
}
