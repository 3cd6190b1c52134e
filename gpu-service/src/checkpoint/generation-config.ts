/** Reads generation_config.json: which tokens end a reply, and how to sample where a request does not say. */
import { z } from "zod";
import { parse } from "./config-errors.ts";
import type { SamplingDefaults } from "./decoder-config.ts";

const tokenId = z.number().int().nonnegative();
/** End tokens as both configs write them. */
export const eosSchema = z.union([tokenId, z.array(tokenId)]).nullish();

const schema = z.object({
  eos_token_id: eosSchema,
  do_sample: z.boolean().nullish(),
  temperature: z.number().min(0).nullish(),
  top_p: z.number().gt(0).max(1).nullish(),
  /** −1 keeps every token, as 0 does: vLLM's spelling. */
  top_k: z.number().int().min(-1).nullish(),
  min_p: z.number().min(0).max(1).nullish(),
  repetition_penalty: z.number().positive().nullish(),
});

export interface Generation {
  /** Null or undefined where the file does not say. */
  eosIds: number | readonly number[] | null | undefined;
  sampling: SamplingDefaults;
}

const greedy: SamplingDefaults = {
  temperature: 0,
  top_p: 1,
  top_k: 0,
  min_p: 0,
  repetition_penalty: 1,
};

/**
 * `json` is undefined where there is no such file. A file that does not say `do_sample` means greedy, whatever
 * else it holds; the penalty of repetitions counts for greedy replies as well.
 */
export function readGeneration(json: unknown): Generation {
  if (json === undefined) return { eosIds: undefined, sampling: greedy };
  const generation = parse("generation_config.json", schema, json);
  const eosIds = generation.eos_token_id;
  const repetition_penalty = generation.repetition_penalty ?? greedy.repetition_penalty;
  if (!generation.do_sample) return { eosIds, sampling: { ...greedy, repetition_penalty } };
  return {
    eosIds,
    sampling: {
      temperature: generation.temperature ?? 1,
      top_p: generation.top_p ?? greedy.top_p,
      top_k: Math.max(0, generation.top_k ?? greedy.top_k),
      min_p: generation.min_p ?? greedy.min_p,
      repetition_penalty,
    },
  };
}
