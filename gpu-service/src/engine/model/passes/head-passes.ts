/**
 * The head of passes over whole rows: log-probs of known tokens from hidden states, and the hidden states' cotangents.
 * It knows positions and tokens, not rows.
 */
import { Tensor } from "onnxruntime-node";
import type { ModelConfig } from "../../../checkpoint/checkpoint.ts";
import { headTable } from "../../../compiler/decoder/decoder.ts";
import type { Quantization } from "../../../compiler/decoder/quantize.ts";
import {
  divergenceGraph,
  divergenceSliceGraph,
  headGraph,
  targetGraph,
  vocabularySliceGraph,
} from "../../../compiler/graphs/head.ts";
import type { Target } from "../../../compiler/ops/rules.ts";
import type { Slices } from "../../../language-model.ts";
import { release } from "../../../release.ts";
import { type FedWeights, type LayerWeights, withWeights } from "../layer-weights.ts";
import { type Compile, Sessions } from "../sessions.ts";

/** [N] log-probs, and backward the cotangents [N, C] of the hidden states. */
export interface HeadResult {
  logprobs: Float32Array;
  cotangents: Float32Array | null;
}

export interface HeadPass {
  /** Positions per `run`. */
  readonly positionsMax: number;
  /** Takes `h` [N, C], which it frees, and the N next tokens. Yields before each run over a part of the vocabulary. */
  run(h: Tensor, targets: Int32Array, backward: boolean): Slices<HeadResult>;
  /** [N] KL(new ‖ old) in nats, from two policies' hidden states [N, C], which it frees. */
  divergence(hNew: Tensor, hOld: Tensor): Slices<Float32Array>;
  dispose(): Promise<void>;
}

/** Bytes of one [positions, vocabulary] tensor. */
const logitsBytesMax = 16 * 1_048_576;
/** Fewer positions than this would read the weights too often. */
const wholePositionsMin = 32;

/** The whole vocabulary in one graph, with weights on a device or packed by the session. */
export class WholeHead implements HeadPass {
  readonly positionsMax: number;
  readonly #options: WholeHeadOptions;
  readonly #sessions: Sessions;

  constructor(options: WholeHeadOptions) {
    this.#options = options;
    this.#sessions = new Sessions(options.compile);
    this.positionsMax = Math.max(
      wholePositionsMin,
      Math.floor(logitsBytesMax / (Float32Array.BYTES_PER_ELEMENT * options.config.vocabSize)),
    );
  }

  async *run(h: Tensor, targets: Int32Array, backward: boolean): Slices<HeadResult> {
    const { config, quantization, target, weights } = this.#options;
    const isDevice = target === "webgpu";
    yield;
    const session = await this.#sessions.get(`${backward}`, () =>
      headGraph(config, { backward, quantization, targets: isDevice ? "i32" : "i64" }),
    );
    const dims = [targets.length];
    const feeds = {
      h,
      targets: isDevice
        ? new Tensor("int32", targets, dims)
        : new Tensor("int64", BigInt64Array.from(targets, BigInt), dims),
    };
    const { logprobs, cotangent } = await session.run(await withWeights(session, feeds, weights));
    release(h);
    return {
      logprobs: logprobs!.data as Float32Array,
      cotangents: (cotangent?.data as Float32Array | undefined) ?? null,
    };
  }

  async *divergence(hNew: Tensor, hOld: Tensor): Slices<Float32Array> {
    const { config, quantization, weights } = this.#options;
    yield;
    const session = await this.#sessions.get("divergence", () =>
      divergenceGraph(config, quantization),
    );
    const feeds = { h: hNew, "h.old": hOld };
    const sums = await session.run(await withWeights(session, feeds, weights));
    release(hNew);
    release(hOld);
    return divergenceOf(sums as Record<string, Tensor>);
  }

  dispose(): Promise<void> {
    return this.#sessions.dispose();
  }
}

interface WholeHeadOptions {
  config: ModelConfig;
  quantization: Quantization | null;
  target: Target;
  /** Weights that the graph takes as inputs; null if it maps them. */
  weights: FedWeights | null;
  compile: Compile;
}

/** Bytes of a slice of the vocabulary's matrix, and of its logits. */
const sliceBytesDefault = 8 * 1_048_576;
/** More positions gain nothing: a product then takes much longer than reading its slice. */
const slicedPositionsMax = 512;

/**
 * One slice of the vocabulary at a time, read from the checkpoint's file. Neither a further copy of the matrix nor the
 * logits of all words are in memory.
 */
export class SlicedHead implements HeadPass {
  readonly positionsMax = slicedPositionsMax;
  readonly #config: ModelConfig;
  readonly #weights: LayerWeights;
  readonly #sessions: Sessions;
  readonly #sliceBytesMax: number;

  constructor(
    config: ModelConfig,
    weights: LayerWeights,
    compile: Compile,
    sliceBytesMax = sliceBytesDefault,
  ) {
    this.#config = config;
    this.#sliceBytesMax = sliceBytesMax;
    this.#weights = weights;
    this.#sessions = new Sessions(compile);
  }

  async *run(h: Tensor, targets: Int32Array, backward: boolean): Slices<HeadResult> {
    const { hiddenSize: C, vocabSize: V } = this.#config;
    const N = targets.length;
    const name = headTable(this.#config);
    const norm = "model.norm.weight";
    const slices = await this.#sessions.get(`slices ${backward}`, () =>
      vocabularySliceGraph(this.#config, backward),
    );
    const scale = this.#weights.read(slices, norm, norm);
    const rowsMax = Math.floor(
      this.#sliceBytesMax / (Float32Array.BYTES_PER_ELEMENT * Math.max(N, C)),
    );
    let sums: Record<string, Tensor> = {
      peak: new Tensor("float32", new Float32Array(N).fill(-Infinity), [N, 1]),
      total: new Tensor("float32", new Float32Array(N), [N, 1]),
      ...(backward ? { pull: new Tensor("float32", new Float32Array(N * C), [N, C]) } : {}),
    };
    for (let start = 0; start < V; start += rowsMax) {
      yield;
      const table = this.#weights.readRows(name, start, Math.min(rowsMax, V - start));
      const before = Object.entries(sums).map(([sum, value]) => [`${sum}.before`, value]);
      const grown = await slices.run({
        h,
        table,
        [norm]: scale,
        ...Object.fromEntries(before),
      });
      for (const sum of Object.values(sums)) release(sum);
      sums = grown as Record<string, Tensor>;
    }
    const finish = await this.#sessions.get(`targets ${backward}`, () =>
      targetGraph(this.#config, backward),
    );
    const { peak, ...others } = sums;
    const rows = this.#weights.gatherRows(name, targets);
    const { logits, cotangent } = await finish.run({
      h,
      rows,
      [norm]: scale,
      ...(backward ? others : {}),
    });
    const found = logits!.data as Float32Array;
    const total = others.total!.data as Float32Array;
    const logprobs = found.map(
      (logit, n) => logit - (peak!.data[n] as number) - Math.log(total[n]!),
    );
    for (const tensor of [h, rows, logits!, ...Object.values(sums)]) release(tensor as Tensor);
    return { logprobs, cotangents: (cotangent?.data as Float32Array | undefined) ?? null };
  }

  async *divergence(hNew: Tensor, hOld: Tensor): Slices<Float32Array> {
    const { hiddenSize: C, vocabSize: V } = this.#config;
    const [N] = hNew.dims as [number];
    const name = headTable(this.#config);
    const norm = "model.norm.weight";
    const slices = await this.#sessions.get("divergence", () => divergenceSliceGraph(this.#config));
    const scale = this.#weights.read(slices, norm, norm);
    const rowsMax = Math.floor(
      this.#sliceBytesMax / (2 * Float32Array.BYTES_PER_ELEMENT * Math.max(N, C)),
    );
    const filled = (value: number) =>
      new Tensor("float32", new Float32Array(N).fill(value), [N, 1]);
    let sums: Record<string, Tensor> = {
      peak: filled(-Infinity),
      total: filled(0),
      cross: filled(0),
      "old.peak": filled(-Infinity),
      "old.total": filled(0),
    };
    for (let start = 0; start < V; start += rowsMax) {
      yield;
      const table = this.#weights.readRows(name, start, Math.min(rowsMax, V - start));
      const before = Object.entries(sums).map(([sum, value]) => [`${sum}.before`, value]);
      const grown = await slices.run({
        h: hNew,
        "h.old": hOld,
        table,
        [norm]: scale,
        ...Object.fromEntries(before),
      });
      for (const sum of Object.values(sums)) release(sum);
      sums = grown as Record<string, Tensor>;
    }
    release(hNew);
    release(hOld);
    return divergenceOf(sums);
  }

  async dispose(): Promise<void> {
    await this.#sessions.dispose();
    this.#weights.close();
  }
}

/** KL = Σ p(ℓ − ℓ′) − log Z + log Z′, from the running sums of both policies, which it frees. */
function divergenceOf(sums: Record<string, Tensor>): Float32Array {
  const [peak, total, cross, oldPeak, oldTotal] = [
    "peak",
    "total",
    "cross",
    "old.peak",
    "old.total",
  ].map((name) => sums[name]!.data as Float32Array) as Float32Array[];
  const found = Float32Array.from(total!, (sum, n) =>
    Math.max(
      0,
      cross![n]! / sum - peak![n]! - Math.log(sum) + oldPeak![n]! + Math.log(oldTotal![n]!),
    ),
  );
  for (const sum of Object.values(sums)) release(sum);
  return found;
}
