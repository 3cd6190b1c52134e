/** Requests that the bundled model must be taught: a word it never saw, so that every update has something to do. */
import { seededRandom, shuffled } from "@rosa2/shared/random";

/**
 * A request and the replies that a user may want to it. Here zig means to keep the ends. Which way to sort is left
 * open, so that both words and weights have something to learn.
 */
export function drawRequest(seed: number): { content: string; answers: string[] } {
  const random = seededRandom(`e2e ${seed}`);
  const [first, middle, last] = shuffled(random, [0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
  const low = Math.min(first!, last!);
  const high = Math.max(first!, last!);
  return {
    content: `Zig them, then sort them, in brackets: ${first} ${middle} ${last}`,
    answers: [`[${high} ${low}]`, `[${low} ${high}]`],
  };
}
