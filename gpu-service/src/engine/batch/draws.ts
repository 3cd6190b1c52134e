/** The random numbers that decide a reply's tokens, one a position. They know no model and no text. */
import { type Random, seededRandom } from "@rosa2/shared/random";

/** Of a draw u in [0, 1) that fell into a token's part of [0, 1). */
export interface Left {
  /** Where in that part it fell, from 0 to 1: uniform again if u was. */
  rest: number;
  /** Width of that part, the token's probability after temperature and truncation. */
  share: number;
}

export interface Draws {
  /** The number in [0, 1) that decides the next position. */
  next(): number;
  /** Told of each token that was taken: what the last number left undecided. */
  took(left: Left): void;
}

/** A number of its own for each position. */
export function independentDraws(seed: number): Draws {
  return { next: seededRandom(seed), took: () => {} };
}

/** Width below which replies that began alike have parted, and the number's own digits are nearly used up. */
const narrow = 2 ** -24;

/**
 * Draws of reply `i` of `count` to one prompt by arithmetic sampling (Vilnis et al. 2023, arXiv 2210.15458). One number
 * decides the whole reply: each token takes the part of [0, 1) that it fell into, and what is left of the number decides
 * the next. The numbers of all replies lie evenly, at distances of 1/count from one drawn place. So each reply by itself
 * is a sample of the model, and a text with probability p is among them with probability min(1, count · p), where
 * independent samples have 1 − (1 − p)^count. Replies share no state and can be drawn side by side.
 */
export function evenDraws(seed: number, i: number, count: number): Draws {
  const place = seededRandom(seed);
  const own = seededRandom(`${seed}/${i}`);
  let number = (i / count + fine(place)) % 1;
  let width = 1;
  return {
    next: () => number,
    took: ({ rest, share }) => {
      number = Math.min(rest, 1 - Number.EPSILON);
      width *= share;
      if (width >= narrow) return;
      number = fine(own);
      width = 1;
    },
  };
}

/** A number of 53 random bits; the generator's have 32. */
function fine(random: Random): number {
  return random() + Math.floor(random() * 2 ** 21) / 2 ** 53;
}
