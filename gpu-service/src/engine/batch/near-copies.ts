/** Whether a long reply repeats a rejected one in substance: one changed letter is no new answer. It knows tokens. */

/** From this many tokens on, a near copy counts as a repeat. Shorter rejected replies are ruled out exactly. */
export const longTokensMin = 16;
const gramTokens = 5;
/** A near copy has at least this share of its different 5-grams from the rejected reply. */
const sharedMin = 0.8;

/** Compares a reply, as it grows, with rejected ones: token ids of answers. Short ones are ignored. */
export class NearCopies {
  /** The 5-grams of each rejected reply, and how many of them the reply has. */
  readonly #rejected: { known: ReadonlySet<string>; shared: number }[];
  readonly #last: number[] = [];
  readonly #grams = new Set<string>();

  constructor(rejected: readonly ArrayLike<number>[]) {
    this.#rejected = rejected
      .filter(({ length }) => length >= longTokensMin)
      .map((ids) => ({ known: new Set(gramsOf(ids)), shared: 0 }));
  }

  /** The reply's next token. */
  push(id: number): void {
    this.#last.push(id);
    if (this.#last.length > gramTokens) this.#last.shift();
    const gram = this.#last.join();
    if (this.#last.length < gramTokens || this.#grams.has(gram)) return;
    this.#grams.add(gram);
    for (const one of this.#rejected) if (one.known.has(gram)) one.shared++;
  }

  /** Whether the reply, if it ended here, were a near copy. */
  get isCopy(): boolean {
    const { size } = this.#grams;
    return size > 0 && this.#rejected.some(({ shared }) => shared >= sharedMin * size);
  }

  /** Whether the reply can no longer become one, however it goes on: even all of a rejected reply would be too little. */
  get isNew(): boolean {
    return this.#rejected.every(({ known, shared }) => {
      const own = this.#grams.size - shared;
      return known.size < sharedMin * (known.size + own);
    });
  }
}

export function isNearCopy(
  reply: ArrayLike<number>,
  rejected: readonly ArrayLike<number>[],
): boolean {
  const copies = new NearCopies(rejected);
  for (const id of Array.from(reply)) copies.push(id);
  return copies.isCopy;
}

function gramsOf(ids: ArrayLike<number>): string[] {
  const count = Math.max(0, ids.length - gramTokens + 1);
  return Array.from({ length: count }, (_, at) =>
    Array.from({ length: gramTokens }, (_, i) => ids[at + i]).join(),
  );
}
