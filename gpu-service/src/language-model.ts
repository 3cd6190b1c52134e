/** What engine and update need of a language model. It knows nothing of graphs, providers or checkpoints. */
import type { RowKind } from "@rosa2/shared/protocol";

/**
 * Work in slices: one slice runs until the next yield; the return value is the work's result. `yield` returns true
 * while sequences wait for tokens, so that the work can choose shorter slices.
 */
export type Slices<T> = AsyncGenerator<void, T, boolean | undefined>;

/** Runs all slices in one go. */
export async function finish<T>(slices: Slices<T>): Promise<T> {
  for (;;) {
    const { done, value } = await slices.next(false);
    if (done) return value;
  }
}

export interface ModelShape {
  layerCount: number;
  kvHeadCount: number;
  headSize: number;
  vocabSize: number;
  contextLength: number;
  /** Ids that end a reply; the first is the checkpoint's own end token. */
  eosIds: number[];
}

/**
 * One adapter's trainable numbers, ready for the graph: all LoRA B matrices, flat f32, in the model's order of sites;
 * rank r.
 */
export interface AdapterWeights {
  digest: string;
  rank: number;
  B: Float32Array;
}

/** Keys and values of every layer, [slots, kvHeads, tokensMax, headSize]. */
export interface KvCache {
  slots: number;
  tokensMax: number;
  /** Overwrites slot `to` with the first `tokens` positions of slot `from` (all of them by default). */
  copySlot(from: number, to: number, tokens?: number): void;
  /** Gives back the room that sequences of at most `tokens` do not need. Absent where the room is fixed. */
  trim?(tokens: number): void;
  dispose(): void;
}

export interface StepInput {
  /** Row-major [rows, length]. */
  ids: Int32Array;
  rows: number;
  /** Above 1 only in a prefill chunk of one row, and in `stepAhead`. */
  length: number;
  /** [rows] tokens already in each slot. */
  past: Int32Array;
  cache: KvCache;
  /** The rows use slots firstSlot … firstSlot + rows - 1. */
  firstSlot: number;
  /** One per row; null is the base model. */
  adapters: (AdapterWeights | null)[];
}

/** The next token of one row, as a step reports it. */
export interface NextToken {
  /** The likeliest token (the lowest id of equals) and its logit. */
  best: number;
  peak: number;
  /** log Σ exp(logits). */
  logZ: number;
  /** [vocab]; null if they were not requested. */
  logits_V: Float32Array | null;
}

/** Token log-probs of rows under an update's parent and under the adapter that it made. */
export interface RowLogprobs {
  before: readonly Float32Array[];
  after: readonly Float32Array[];
}

export interface ScoreRow {
  prompt: Int32Array;
  /** Includes the end token. */
  reply: Int32Array;
}

/** One example of an update: prompt and reply as tokens (the reply with its end token), and what is asked of it. */
export interface TokenRow extends ScoreRow {
  kind: RowKind;
  weight: number;
}

/** Where a row's gradient is written, and the weights it is taken with. */
export interface RowGradient {
  /** An array of the adapter's length; overwritten. */
  into: Float32Array;
  /** [reply] weight of each token's log-prob; 1 by default. Weight 0 masks a token. */
  weights?: Float32Array | undefined;
}

/** Receives each row's token log-probs and returns where the gradient of their weighted sum goes; null for none. */
export type GradientSink = (row: number, logprobs: Float32Array) => RowGradient | null;

export interface LanguageModel {
  readonly shape: ModelShape;
  /** SHA-256 over the checkpoint's config and weights. */
  readonly digest: string;
  readonly id: string;
  readonly parameterCount: number;
  allocateCache(slots: number, tokensMax: number): KvCache;
  /**
   * The next token of each row after its last position; writes keys and values into the cache in place. Logits are
   * large, so they are fetched only if `needsLogits`.
   */
  step(input: StepInput, needsLogits: boolean): Promise<NextToken[]>;
  /**
   * As `step`, with several tokens of several rows: the next token after each of a row's tokens. Absent where a model
   * has no graph for it.
   */
  readonly stepAhead?:
    | ((input: StepInput, needsLogits: boolean) => Promise<NextToken[][]>)
    | undefined;
  /**
   * Log-probs of each row's reply tokens under an adapter, in slices. With `sink` also gradients ∂S/∂B of the rows for
   * which it returns a place.
   */
  passRows(
    rows: readonly ScoreRow[],
    adapter: AdapterWeights | null,
    sink?: GradientSink,
  ): Slices<Float32Array[]>;
  dispose(): Promise<void>;
}
