/** Turns a growing list of token ids into pieces of text that never end inside a character. */

/** Tokens held back at most: no character of UTF-8 takes more than four bytes. */
const heldTokensMax = 8;
/** Bytes of a character that can be present while the last one is missing. */
const characterBytesMax = 3;
/** An ending that the next token may change: an incomplete character. */
const unfinished = /\ufffd$/u;

/**
 * A token can hold part of a character, and a decoder may treat the first token differently (a leading space is
 * dropped). So a piece is the difference between two decodings of a short window of tokens.
 */
export class Detokenizer {
  readonly #decode: (ids: readonly number[]) => string;
  /** Tokens of the last piece as context, then those that are not yet text. */
  #window: number[] = [];
  #contextCount = 0;
  /** The mark that decoders remove together with the following space (rosa2-mini's does); never text. */
  readonly #joiner: string | null;

  constructor(decode: (ids: readonly number[]) => string, joiner: string | null = null) {
    this.#decode = decode;
    this.#joiner = joiner;
  }

  /** Whether tokens are held back, so that the next one completes more than its own text. */
  get isHolding(): boolean {
    return this.#window.length > this.#contextCount;
  }

  /** The text that this token completes; empty while a character is incomplete. */
  push(id: number): string {
    this.#window.push(id);
    const before = this.#decode(this.#window.slice(0, this.#contextCount));
    const text = this.#decode(this.#window);
    const heldCount = this.#window.length - this.#contextCount;
    if (text.length <= before.length) {
      // Nothing to show: a token without text, or part of a character.
      return "";
    }
    const isJoined = this.#joiner !== null && text.endsWith(this.#joiner);
    if (isJoined || unfinished.test(text)) {
      if (heldCount < heldTokensMax) return "";
      const piece = this.#takeFinished(text, before);
      if (piece !== null) return piece;
    }
    this.#window = this.#window.slice(this.#contextCount);
    this.#contextCount = this.#window.length;
    return text.slice(before.length);
  }

  /** Takes a token whose text is not needed before `flush`; no `push` may follow. */
  hold(id: number): void {
    this.#window.push(id);
  }

  /**
   * After many bytes that form no characters: all but the last few, which may begin one; null if these cannot be
   * separated. `text` is the window's, `before` the context's.
   */
  #takeFinished(text: string, before: string): string | null {
    for (let rest = 1; rest <= characterBytesMax; rest++) {
      const cut = this.#window.length - rest;
      if (cut <= this.#contextCount) return null;
      const finished = this.#decode(this.#window.slice(0, cut));
      if (`${finished}\ufffd` !== text) continue;
      this.#window = this.#window.slice(this.#contextCount);
      this.#contextCount = this.#window.length - rest;
      return finished.slice(before.length);
    }
    return null;
  }

  /** Held-back text when nothing follows: bytes that form no character become U+FFFD. */
  flush(): string {
    const before = this.#decode(this.#window.slice(0, this.#contextCount));
    const text = this.#decode(this.#window);
    this.#contextCount = this.#window.length;
    const rest = text.slice(before.length);
    const joiner = this.#joiner ?? "";
    return joiner !== "" && rest.endsWith(joiner) ? rest.slice(0, -joiner.length) : rest;
  }

  /** An independent copy, for looking ahead. */
  clone(): Detokenizer {
    const copy = new Detokenizer(this.#decode, this.#joiner);
    copy.#window = [...this.#window];
    copy.#contextCount = this.#contextCount;
    return copy;
  }
}
