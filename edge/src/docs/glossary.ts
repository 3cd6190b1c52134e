/**
 * Every figure of the page and the API, once: its meaning, its unit, and which direction is good. The guides print it,
 * and the playground explains its figures with it. It knows no markup.
 */

export interface Figure {
  /** Its name in the API or on the page. */
  name: string;
  /** Empty for a plain number. */
  unit: string;
  means: string;
  /** What is good, and what is bad. */
  good: string;
}

export const glossary = {
  confidence: {
    name: "confidence",
    unit: "0 to 1",
    means: "How sure the model was of a reply: the geometric mean of its tokens' probabilities",
    good: "High on right replies is good. High on a wrong one points to the wording, low to a missing skill",
  },
  right_reply: {
    name: "right_reply",
    unit: "nats",
    means:
      "Log-probability of the right reply before and after an update, summed over its tokens; shown as “1 in 9, now 9 in 10”",
    good: "Rising towards 0 is good; where it hardly rises, the update did not reach the reply",
  },
  owed: {
    name: "owed_nats, owed_nats_max",
    unit: "nats",
    means:
      "Nats that the tokens of a right reply still lack, and the most that one update can give to a reply",
    good: "0 is there already; above owed_nats_max it takes several updates",
  },
  shift_norm: {
    name: "shift_norm, ‖Δθ‖",
    unit: "",
    means: "How far the session's adapter is from the base model, as a Frobenius norm",
    good: "Less is better: the same lesson with a smaller change",
  },
  step_norm: {
    name: "step_norm",
    unit: "",
    means: "How much one update changed the adapter, as a Frobenius norm",
    good: "Less is better, for the same gain",
  },
  kl: {
    name: "kl",
    unit: "nats a token",
    means: "How much the model's other replies changed by this update",
    good: "Near 0 is good: nothing else moved. An update stops at its bound",
  },
  kl_base: {
    name: "kl_base",
    unit: "nats a token",
    means: "The same change, measured from the base model",
    good: "Near 0 is good. Updates stop at its bound; rolling back makes room again",
  },
  objective: {
    name: "objective",
    unit: "",
    means:
      "Mean over the session's examples of reward times confidence, less β times kl; before and after an update",
    good: "Rising is good; it can fall where a lesson costs more than it gains",
  },
  shifts: {
    name: "predicted and realised shift",
    unit: "nats",
    means: "Gain in log-probability of each example: predicted by the linear model, and measured",
    good: "If both are close to each other, the update can be trusted",
  },
  split: {
    name: "split",
    unit: "nats",
    means:
      "What clearer words explain of the right reply's log-probability, and what is left to the weights",
    good: "Neither is good or bad: it says what was missing, the wording or the skill",
  },
  ms: {
    name: "ms",
    unit: "milliseconds",
    means: "Time of an update on the GPU service; meanwhile the model from before answers",
    good: "Less is better",
  },
  generation: {
    name: "generation",
    unit: "",
    means: "The version of the model that an update made; you can return to any of them",
    good: "Fewer for the same lesson is better",
  },
  tokens: {
    name: "prompt_tokens, cached_tokens, completion_tokens",
    unit: "tokens",
    means: "Tokens of the prompt, those of them that were reused, and tokens of the reply",
    good: "A large share of cached tokens is good",
  },
  cost: {
    name: "cost",
    unit: "US dollars",
    means: "Price of tokens, rewriting and accepted updates",
    good: "Less is better; an update that is thrown away costs nothing",
  },
} as const satisfies Record<string, Figure>;
