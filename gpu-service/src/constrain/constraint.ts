/** The tokens that may come next in one reply of a given shape. It knows ids, no text. */
import type { GrammarMatcher } from "@mlc-ai/web-xgrammar";

/** WebAssembly memory is not freed with the object that refers to it. */
const matchers = new FinalizationRegistry<GrammarMatcher>((matcher) => matcher.dispose());

export class Constraint {
  readonly #matcher: GrammarMatcher;
  #mask: Int32Array | null = null;

  constructor(matcher: GrammarMatcher) {
    this.#matcher = matcher;
    matchers.register(this, matcher);
  }

  /** Computes the allowed next tokens; call it before `forbid`. */
  async prepare(): Promise<void> {
    if (this.#mask === null && !this.#matcher.isTerminated()) {
      this.#mask = Int32Array.from(await this.#matcher.getNextTokenBitmask());
    }
  }

  allows(id: number): boolean {
    const mask = this.#mask;
    return mask === null || ((mask[id >> 5] ?? 0) & (1 << (id & 31))) !== 0;
  }

  /** Sets the logits of all other tokens to −∞, in place. */
  forbid(logits_V: Float32Array): void {
    const mask = this.#mask;
    if (mask === null) return;
    for (let word = 0; word << 5 < logits_V.length; word++) {
      const bits = mask[word] ?? 0;
      if (bits === -1) continue;
      const end = Math.min((word + 1) << 5, logits_V.length);
      for (let id = word << 5; id < end; id++) {
        if ((bits & (1 << (id & 31))) === 0) logits_V[id] = -Infinity;
      }
    }
  }

  accept(id: number): void {
    this.#mask = null;
    if (!this.#matcher.acceptToken(id))
      throw new Error(`Token ${id} does not fit the reply's shape`);
  }
}
