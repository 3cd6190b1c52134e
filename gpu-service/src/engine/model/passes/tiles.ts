/** Deals rows to runs: as many of the next rows as fit, shortest first, or a part of a long one. It knows lengths only. */

/** Positions of one row in a run. */
export interface Part {
  row: number;
  from: number;
  to: number;
}

export class Tiles {
  readonly #rows: readonly { row: number; length: number }[];
  readonly #isCut: boolean;
  #at = 0;
  /** Where the next row goes on. */
  #from = 0;

  /** Rows in order of length. With `isCut` a row longer than a run is dealt in parts, else it runs whole and alone. */
  constructor(rows: readonly { row: number; length: number }[], isCut: boolean) {
    this.#rows = rows;
    this.#isCut = isCut;
  }

  get areDone(): boolean {
    return this.#at === this.#rows.length;
  }

  /** The next run, of about so many positions, padding included; not to be called when all are done. */
  take(positionsMax: number): Part[] {
    const { row, length } = this.#rows[this.#at]!;
    if (this.#isCut && length - this.#from > positionsMax) {
      const from = this.#from;
      this.#from += positionsMax;
      return [{ row, from, to: this.#from }];
    }
    if (this.#from > 0) {
      const rest = { row, from: this.#from, to: length };
      this.#at++;
      this.#from = 0;
      return [rest];
    }
    const tile: Part[] = [];
    do {
      const { row, length } = this.#rows[this.#at++]!;
      tile.push({ row, from: 0, to: length });
    } while (!this.areDone && (tile.length + 1) * this.#rows[this.#at]!.length <= positionsMax);
    return tile;
  }
}
