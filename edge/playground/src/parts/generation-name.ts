/** A generation as people call it: its number, or "base". */
import type { Generation } from "rosa2";

export function nameOf(generation: string, generations: readonly Generation[]): string {
  const index = generations.find(({ id }) => id === generation)?.index;
  return index === undefined ? "base" : `g${index}`;
}
