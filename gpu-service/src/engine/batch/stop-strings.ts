/** Finds stop strings in a text that arrives in pieces, and holds back what may still become one. */

export interface StopPiece {
  /** Text that is certain to belong to the reply. */
  text: string;
  /** Whether a stop string was found; nothing may follow. */
  stopped: boolean;
}

export class StopStrings {
  readonly #stops: readonly string[];
  #held = "";

  constructor(stops: readonly string[]) {
    this.#stops = stops;
  }

  /** Takes the next piece; the stop string itself is never part of the reply. */
  push(piece: string): StopPiece {
    const text = this.#held + piece;
    let cut = -1;
    let end = Infinity;
    for (const stop of this.#stops) {
      const at = text.indexOf(stop);
      if (at < 0) continue;
      // The stop string that is complete first, however the text is cut into pieces; of several the longest.
      if (at + stop.length < end || (at + stop.length === end && at < cut)) {
        cut = at;
        end = at + stop.length;
      }
    }
    if (cut >= 0) {
      this.#held = "";
      return { text: text.slice(0, cut), stopped: true };
    }
    const heldLength = this.#heldLength(text);
    this.#held = text.slice(text.length - heldLength);
    return { text: text.slice(0, text.length - heldLength), stopped: false };
  }

  /** The text held back, once it is known that nothing follows. */
  flush(): string {
    const rest = this.#held;
    this.#held = "";
    return rest;
  }

  /** An independent copy, for looking ahead. */
  clone(): StopStrings {
    const copy = new StopStrings(this.#stops);
    copy.#held = this.#held;
    return copy;
  }

  /** Length of the longest end of `text` that begins a stop string. */
  #heldLength(text: string): number {
    let longest = 0;
    for (const stop of this.#stops) {
      for (let n = Math.min(stop.length - 1, text.length); n > longest; n--) {
        if (stop.startsWith(text.slice(text.length - n))) {
          longest = n;
          break;
        }
      }
    }
    return longest;
  }
}
