/** Deals rows to runs: as many of the next rows as fit, or a part of a long one. It knows lengths only. */

/** Positions of one row in a run. */
export interface Part {
  row: number;
  from: number;
  to: number;
  /** Whether an earlier run had positions of the row. */
  isMore: boolean;
}

type Stretch = Omit<Part, "isMore">;

export class Tiles {
  readonly #rows: readonly Stretch[];
  readonly #isCut: boolean;
  #at = 0;
  /** Where the next row goes on, if a part of it was dealt. */
  #from: number | null = null;

  /**
   * Rows should come in order of length, so that little is padded. With `isCut` a row longer than a run is dealt in
   * parts, else it runs whole and alone.
   */
  constructor(rows: readonly Stretch[], isCut: boolean) {
    this.#rows = rows;
    this.#isCut = isCut;
  }

  get areDone(): boolean {
    return this.#at === this.#rows.length;
  }

  /** The next run, of about so many positions, padding included; not to be called when all are done. */
  take(positionsMax: number): Part[] {
    const { row, to, ...next } = this.#rows[this.#at]!;
    const from = this.#from ?? next.from;
    const isMore = this.#from !== null;
    if (this.#isCut && to - from > positionsMax) {
      this.#from = from + positionsMax;
      return [{ row, from, to: this.#from, isMore }];
    }
    if (isMore) {
      this.#at++;
      this.#from = null;
      return [{ row, from, to, isMore }];
    }
    const tile: Part[] = [];
    let longest = to - from;
    do {
      tile.push({ ...this.#rows[this.#at++]!, isMore: false });
      longest = Math.max(longest, lengthOf(this.#rows[this.#at] ?? tile.at(-1)!));
    } while (!this.areDone && (tile.length + 1) * longest <= positionsMax);
    return tile;
  }
}

function lengthOf({ from, to }: Stretch): number {
  return to - from;
}
