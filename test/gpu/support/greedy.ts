/** Sampling rules of a model that ships no generation_config.json. */
import { samplingSchema } from "@rosa2/shared/protocol";

export const greedy = { temperature: 0, top_p: 1, top_k: 0, min_p: 0, repetition_penalty: 1 };

/** Rules from a request, greedy where it sets nothing. */
export function samplingRules(given: object = {}) {
  return { ...greedy, ...samplingSchema.parse(given) };
}
