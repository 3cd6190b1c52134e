/**
 * A small working language model without weights, for tests of the code around a model.
 *
 * It reads its context back from the cache, so a slot that was wrongly moved, shared or not filled changes the text. To
 * "say X" it answers X with high probability. To anything else it babbles letters that depend on every token of the
 * context and on the adapter.
 */
import { readFileSync } from "node:fs";
import type {
  AdapterWeights,
  GradientSink,
  KvCache,
  LanguageModel,
  ModelShape,
  NextToken,
  ScoreRow,
  StepInput,
} from "../../../gpu-service/src/language-model.ts";
import { finish, type Slices } from "../../../gpu-service/src/language-model.ts";
import { assistantId, endId, userId, vocabSize } from "./byte-tokenizer.ts";
import { nextToken } from "./next-token.ts";

class FakeCache implements KvCache {
  readonly slots: number;
  readonly tokensMax: number;
  readonly tokens: Int32Array;

  constructor(slots: number, tokensMax: number) {
    this.slots = slots;
    this.tokensMax = tokensMax;
    this.tokens = new Int32Array(slots * tokensMax).fill(-1);
  }

  slot(index: number): Int32Array {
    if (index < 0 || index >= this.slots) throw new Error(`There is no slot ${index}`);
    return this.tokens.subarray(index * this.tokensMax, (index + 1) * this.tokensMax);
  }

  copySlot(from: number, to: number, tokens = this.tokensMax): void {
    // What lies beyond the copied tokens is no longer valid. It is overwritten, so that a read of it shows.
    this.slot(to).fill(-1).set(this.slot(from).subarray(0, tokens));
  }

  dispose(): void {
    this.tokens.fill(-1);
  }
}

export interface FakeModelOptions {
  contextLength?: number;
  /** How long one run keeps its thread busy, as a real one does (ms). */
  runMs?: number;
  /** While this file exists, a run beyond the number in it keeps its thread. */
  holdFile?: string;
}

export interface RunRecord {
  kind: "prefill" | "decode" | "ahead" | "score";
  rows: number;
  length: number;
}

export class FakeModel implements LanguageModel {
  readonly id = "fake";
  readonly digest = "f".repeat(64);
  readonly parameterCount = 0;
  readonly shape: ModelShape;
  /** Every run so far. */
  readonly runs: RunRecord[] = [];
  /** Called at the start of every run, for tests that act in the middle of one. */
  onRun: (record: RunRecord) => void | Promise<void> = () => {};
  readonly #runMs: number;
  readonly #holdFile: string | undefined;

  constructor({ contextLength = 512, runMs = 0, holdFile }: FakeModelOptions = {}) {
    this.#runMs = runMs;
    this.#holdFile = holdFile;
    this.shape = {
      layerCount: 1,
      kvHeadCount: 1,
      headSize: 1,
      vocabSize,
      contextLength,
      eosIds: [endId],
    };
  }

  allocateCache(slots: number, tokensMax: number): KvCache {
    return new FakeCache(slots, tokensMax);
  }

  async step({ ids, rows, length, past, cache, firstSlot, adapters }: StepInput) {
    if (rows > 1 && length > 1) throw new Error("A prefill chunk has one row");
    if (adapters.length !== rows) throw new Error("Every row needs an adapter or null");
    await this.#begin({ kind: length > 1 ? "prefill" : "decode", rows, length });
    const next: NextToken[] = [];
    for (let row = 0; row < rows; row++) {
      const slot = (cache as FakeCache).slot(firstSlot + row);
      const before = past[row] as number;
      if (before + length > slot.length) throw new Error("The context is full");
      slot.set(ids.subarray(row * length, (row + 1) * length), before);
      const context = slot.subarray(0, before + length);
      if (context.includes(-1)) throw new Error("The slot was not filled up to `past`");
      next.push(nextToken(nextLogits(context, adapters[row] ?? null)));
    }
    return next;
  }

  /** The next token after each of a row's tokens, as single steps would give them. */
  async stepAhead({ ids, rows, length, past, cache, firstSlot, adapters }: StepInput) {
    await this.#begin({ kind: "ahead", rows, length });
    return Array.from({ length: rows }, (_, row) => {
      const slot = (cache as FakeCache).slot(firstSlot + row);
      const before = past[row] as number;
      slot.set(ids.subarray(row * length, (row + 1) * length), before);
      return Array.from({ length }, (_, at) => {
        const context = slot.subarray(0, before + at + 1);
        if (context.includes(-1)) throw new Error("The slot was not filled up to `past`");
        return nextToken(nextLogits(context, adapters[row] ?? null));
      });
    });
  }

  async *passRows(
    rows: readonly ScoreRow[],
    adapter: AdapterWeights | null,
    sink?: GradientSink,
  ): Slices<Float32Array[]> {
    if (sink) throw new Error("A fake model has no gradients");
    const logprobs: Float32Array[] = [];
    for (const { prompt, reply } of rows) {
      yield;
      await this.#begin({ kind: "score", rows: 1, length: prompt.length + reply.length });
      logprobs.push(
        Float32Array.from(reply, (id, i) => {
          const logits = nextLogits([...prompt, ...reply.slice(0, i)], adapter);
          return (logits[id] as number) - nextToken(logits).logZ;
        }),
      );
    }
    return logprobs;
  }

  /** `passRows` without yielding. */
  score(rows: readonly ScoreRow[], adapter: AdapterWeights | null): Promise<Float32Array[]> {
    return finish(this.passRows(rows, adapter));
  }

  async dispose(): Promise<void> {}

  async #begin(record: RunRecord): Promise<void> {
    this.runs.push(record);
    await this.onRun(record);
    // Like a real run, it begins in a later turn of the event loop and blocks the thread itself.
    await new Promise((resolve) => setImmediate(resolve));
    const end = performance.now() + this.#runMs;
    while (performance.now() < end);
    while (this.runs.length > runsAllowed(this.#holdFile)) pauseThread();
  }
}

function runsAllowed(file: string | undefined): number {
  if (file === undefined) return Number.POSITIVE_INFINITY;
  try {
    return Number(readFileSync(file, "utf8"));
  } catch {
    return Number.POSITIVE_INFINITY;
  }
}

/** Blocks this thread for a millisecond, as a run does. */
function pauseThread(): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 1);
}

function nextLogits(context: ArrayLike<number>, adapter: AdapterWeights | null): Float32Array {
  const tokens = Array.from(context);
  const noise = noiseOf(tokens, adapter?.digest ?? "");
  const logits = Float32Array.from({ length: vocabSize }, () => -20);
  for (let letter = 97; letter <= 122; letter++) logits[letter] = 3 * noise();
  logits[32] = 3 * noise();

  const user = tokens.lastIndexOf(userId);
  const assistant = tokens.lastIndexOf(assistantId);
  const request = String.fromCharCode(...tokens.slice(user + 1, tokens.indexOf(endId, user)));
  const position = tokens.length - assistant - 1;
  if (request.startsWith("say ")) {
    // An adapter's first number beyond ½ makes it shout.
    const isLoud = (adapter?.B[0] ?? 0) > 0.5;
    const script = isLoud ? request.slice(4).toUpperCase() : request.slice(4);
    logits[position < script.length ? script.charCodeAt(position) : endId] = 9;
  } else {
    logits[endId] = position / 10 - 3;
  }
  return logits;
}

/** Uniform numbers that depend on every token (FNV-1a, then xorshift). */
function noiseOf(tokens: number[], salt: string): () => number {
  let state = 0x811c9dc5;
  for (const token of tokens) state = Math.imul(state ^ token, 0x01000193);
  for (let i = 0; i < salt.length; i++) state = Math.imul(state ^ salt.charCodeAt(i), 0x01000193);
  state ||= 1;
  return () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) / 0x1_0000_0000;
  };
}
