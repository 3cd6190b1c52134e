/** Reads generation_config.json: which tokens end a reply, and how to sample where a request says nothing. */
import { z } from "zod";
import { parse } from "./config-errors.ts";
import type { SamplingDefaults } from "./decoder-config.ts";

const tokenId = z.number().int().nonnegative();
/** End tokens as both configs write them. */
export const eosSchema = z.union([tokenId, z.array(tokenId)]).nullish();

const schema = z.looseObject({
  eos_token_id: eosSchema,
  do_sample: z.boolean().nullish(),
  temperature: z.number().min(0).nullish(),
  top_p: z.number().gt(0).max(1).nullish(),
  /** −1 keeps every token, as 0 does: vLLM's spelling. */
  top_k: z.number().int().min(-1).nullish(),
  min_p: z.number().min(0).max(1).nullish(),
  repetition_penalty: z.number().positive().nullish(),
  suppress_tokens: z.array(tokenId).nullish(),
  stop_strings: z.union([z.string().min(1), z.array(z.string().min(1))]).nullish(),
});

/** Settings of `transformers` that change replies and have no counterpart here, with the values that change nothing. */
const notFollowed: Record<string, readonly unknown[]> = {
  bad_words_ids: [],
  begin_suppress_tokens: [],
  diversity_penalty: [0],
  encoder_no_repeat_ngram_size: [0],
  encoder_repetition_penalty: [1],
  epsilon_cutoff: [0],
  eta_cutoff: [0],
  exponential_decay_length_penalty: [],
  forced_bos_token_id: [],
  forced_eos_token_id: [],
  guidance_scale: [1],
  min_length: [0],
  min_new_tokens: [0],
  no_repeat_ngram_size: [0],
  num_beam_groups: [1],
  num_beams: [1],
  penalty_alpha: [0],
  sequence_bias: [],
  top_h: [],
  typical_p: [1],
  watermarking_config: [],
};

export interface Generation {
  /** Null or undefined where the file has none. */
  eosIds: number | readonly number[] | null | undefined;
  sampling: SamplingDefaults;
  /** Settings that would change replies and are not followed. */
  ignored: Record<string, unknown>;
}

const greedy: SamplingDefaults = {
  temperature: 0,
  top_p: 1,
  top_k: 0,
  min_p: 0,
  repetition_penalty: 1,
};

/**
 * `json` is undefined where the file is missing. Without `do_sample` the file means greedy, whatever else it holds. The
 * repetition penalty applies to greedy replies as well.
 */
export function readGeneration(json: unknown): Generation {
  if (json === undefined) return { eosIds: undefined, sampling: greedy, ignored: {} };
  const generation = parse("generation_config.json", schema, json);
  const eosIds = generation.eos_token_id;
  const ignored = ignoredIn(generation);
  const { suppress_tokens, stop_strings } = generation;
  const always = {
    repetition_penalty: generation.repetition_penalty ?? greedy.repetition_penalty,
    ...(suppress_tokens?.length ? { suppress_tokens } : {}),
    ...(stop_strings?.length ? { stop_strings: [stop_strings].flat() } : {}),
  };
  if (!generation.do_sample) return { eosIds, sampling: { ...greedy, ...always }, ignored };
  return {
    eosIds,
    sampling: {
      temperature: generation.temperature ?? 1,
      top_p: generation.top_p ?? greedy.top_p,
      top_k: Math.max(0, generation.top_k ?? greedy.top_k),
      min_p: generation.min_p ?? greedy.min_p,
      ...always,
    },
    ignored,
  };
}

/** A sentence on the settings that are not followed; null where there are none. */
export function ignoredNote(ignored: Readonly<Record<string, unknown>>): string | null {
  const settings = Object.entries(ignored).map(
    ([name, value]) => `${name} ${JSON.stringify(value).slice(0, 80)}`,
  );
  if (settings.length === 0) return null;
  return `generation_config.json sets ${settings.join(", ")}: replies do not follow ${settings.length === 1 ? "it" : "them"}`;
}

function ignoredIn(generation: Record<string, unknown>): Record<string, unknown> {
  const isSet = ([name, harmless]: [string, readonly unknown[]]) => {
    const value = generation[name];
    const isEmpty = Array.isArray(value) && value.length === 0;
    return value !== undefined && value !== null && !isEmpty && !harmless.includes(value);
  };
  const names = Object.entries(notFollowed).filter(isSet);
  return Object.fromEntries(names.map(([name]) => [name, generation[name]]));
}
