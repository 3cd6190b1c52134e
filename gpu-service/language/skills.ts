/** Which compositions the model is trained on, and which are held out so that incapacity is real. */
import { seededRandom, shuffled } from "@rosa2/shared/random";
import { type Family, families, untaughtFamilies } from "./operations.ts";

export type Chain = readonly Family[];

const heldOutCount = 20;

/** Every ordered pair of two different families. */
export const pairs: readonly Chain[] = families.flatMap((a) =>
  families.filter((b) => b !== a).map((b) => [a, b] as const),
);

/**
 * Ordered pairs that training only words and never carries out: 20 of 56. Each family is held out two or three times in
 * either place, so that none is rare in training.
 */
export const heldOutPairs: readonly Chain[] = holdOut();

export const trainedPairs: readonly Chain[] = pairs.filter((pair) => !heldOutPairs.includes(pair));

/** Chains of the families whose senses are never rewritten in training: each alone, and with a few other families. */
export const untaughtChains: readonly Chain[] = untaughtFamilies.flatMap((family) => [
  [family],
  ...(["sort", "flip", "double"] as const).flatMap((other) => [
    [family, other],
    [other, family],
  ]),
]);

/** Ordered triples of different families; none is ever carried out in training. */
export const triples: readonly Chain[] = pairs.flatMap(([a, b]) =>
  families.filter((c) => c !== a && c !== b).map((c) => [a!, b!, c] as const),
);

/** Whether a chain is heard in training. */
export function isTrained(chain: Chain): boolean {
  return (
    chain.length === 1 ||
    [...trainedPairs, ...untaughtChains].some(
      ([a, b]) => chain.length === 2 && chain[0] === a && chain[1] === b,
    )
  );
}

function holdOut(): Chain[] {
  const random = seededRandom("rosa2-mini held-out pairs");
  for (;;) {
    const held = shuffled(random, pairs).slice(0, heldOutCount);
    const balanced = families.every((family) =>
      [0, 1].every((place) => {
        const count = held.filter((pair) => pair[place] === family).length;
        return count === 2 || count === 3;
      }),
    );
    if (balanced) return held;
  }
}
