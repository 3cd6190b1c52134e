/**
 * A checkpoint ready to run: compiles its graphs on first use and feeds them. It knows rows and slots, not requests,
 * sampling or targets.
 */
import { basename } from "node:path";
import { InferenceSession } from "onnxruntime-node";
import { mergeLora } from "../../checkpoint/base-lora.ts";
import {
  type BaseLora,
  type Checkpoint,
  type ModelConfig,
  openCheckpoint,
} from "../../checkpoint/checkpoint.ts";
import { unsupported } from "../../checkpoint/config-errors.ts";
import { headTable } from "../../compiler/decoder/decoder.ts";
import { namedRopeTables } from "../../compiler/decoder/layer-kinds.ts";
import { type Quantization, quantizedWeights } from "../../compiler/decoder/quantize.ts";
import type { Value } from "../../compiler/ir/types.ts";
import { encodeOnnx } from "../../compiler/onnx.ts";
import type {
  AdapterWeights,
  GradientSink,
  KvCache,
  LanguageModel,
  ModelShape,
  NextToken,
  ScoreRow,
  StepInput,
} from "../../language-model.ts";
import { finish, type Slices } from "../../language-model.ts";
import { type Basis, makeBasis } from "../../lora/basis.ts";
import { loraGroups, loraLength } from "../../lora/sites.ts";
import { HostSteps } from "./host-steps.ts";
import { LayerWeights } from "./layer-weights.ts";
import { SlicedHead, WholeHead } from "./passes/head-passes.ts";
import { RowPasses } from "./passes/row-passes.ts";
import { type Provider, providerError } from "./provider.ts";
import type { Compile } from "./sessions.ts";
import { Device } from "./webgpu/device.ts";
import { DeviceSteps } from "./webgpu/device-steps.ts";
import { DeviceWeights } from "./webgpu/device-weights.ts";
import { type MappedWeights, mapWeights } from "./weights.ts";

export interface ModelOptions {
  /** The model's name; the directory's by default. */
  id?: string;
  /** Merged into the weights. */
  lora?: LoraSource | null;
  /** Threads of one run; the machine's cores by default. */
  threads?: number;
  /** Threads of a step of generation; `threads` by default. */
  stepThreads?: number;
  provider?: Provider;
  /** Weight-only quantisation of the linears; null keeps them as saved. */
  quantization?: Quantization | null;
  /** Longest context served, at most the checkpoint's own. */
  contextTokensMax?: number;
  /**
   * Up to this many bytes of fp32 weights, each of the two serving graphs has a copy in the kernels' own order. Larger
   * weights are read from the mapped file.
   */
  packBytesMax?: number;
}

/** A PEFT directory, and its name. */
export interface LoraSource {
  directory: string;
  name: string;
}

export function openMerged(directory: string, lora: LoraSource | null): Checkpoint {
  const checkpoint = openCheckpoint(directory);
  return lora === null ? checkpoint : mergeLora(checkpoint, lora.directory, lora.name);
}

const contextTokensDefault = 4096;
const packBytesDefault = 64 * 1_048_576;

export class Model implements LanguageModel {
  readonly id: string;
  readonly shape: ModelShape;
  readonly config: ModelConfig;
  readonly #checkpoint: Checkpoint;
  readonly #options: ModelOptions;
  readonly #weights: MappedWeights;
  readonly #steps: HostSteps | DeviceSteps;
  readonly #passes: RowPasses;
  /** The model's memory on a device. */
  readonly #onDevice: { device: Device; weights: DeviceWeights } | null;
  readonly #bases = new Map<number, Basis>();

  private constructor(checkpoint: Checkpoint, options: ModelOptions) {
    const { config } = checkpoint;
    this.#checkpoint = checkpoint;
    const { integers } = config;
    // These weights are exact; so are products, unless activations are rounded.
    const quantization =
      options.quantization ?? (integers && { bits: integers.bits, accuracyLevel: 0 });
    this.#options = { ...options, quantization };
    this.#weights = mapWeights(checkpoint, quantization?.bits ?? null);
    this.config = config;
    this.id = options.id ?? basename(checkpoint.directory);
    const contextLength = Math.min(
      config.contextLength,
      options.contextTokensMax ?? contextTokensDefault,
    );
    this.shape = { ...config, contextLength, eosIds: [...config.eosIds] };
    const { provider = "cpu" } = options;
    const { locate } = this.#weights;
    const made = {
      config,
      contextLength,
      quantization,
      rope: namedRopeTables(config, contextLength),
      basis: (rank: number) => this.basis(rank),
      isPacked: this.#isPacked,
    };
    if (provider === "webgpu" && config.attentionSoftcap !== null) {
      // Its attention kernel takes the attribute and ignores it (onnxruntime 1.30).
      throw unsupported("attn_logit_softcapping", config.attentionSoftcap, [
        "null with PROVIDER=webgpu",
      ]);
    }
    const device = provider === "webgpu" ? new Device() : null;
    this.#onDevice = device && { device, weights: new DeviceWeights(device, locate) };
    this.#steps = this.#onDevice
      ? new DeviceSteps(this.#onDevice.device, this.#onDevice.weights, made)
      : new HostSteps({ ...made, compile: (outputs) => this.#compile(outputs) });
    // The device has no gradient of integer weights: onnxruntime's Node binding cannot feed it 4-bit integers.
    const passesOnDevice = quantization === null ? this.#onDevice : null;
    this.#passes = new RowPasses({
      ...made,
      ...(passesOnDevice
        ? this.#passesOnDevice(passesOnDevice.device, passesOnDevice.weights)
        : this.#passesOnHost(quantization === null && provider === "cpu")),
    });
  }

  #passesOnDevice(device: Device, weights: DeviceWeights) {
    const target = "webgpu" as const;
    const compile: Compile = (outputs) => device.compile(outputs);
    const { config } = this;
    const head = new WholeHead({ config, quantization: null, target, weights, compile });
    return { target, weights, head, compile };
  }

  /** Weights are fed one layer at a time, or mapped: integer weights are packed by the session that owns them. */
  #passesOnHost(fed: boolean) {
    const target = "cpu" as const;
    const compile: Compile = (outputs) => this.#compile(outputs, { isPass: true });
    const { config } = this;
    if (fed) {
      const weights = new LayerWeights(config, this.#weights.locate);
      return { target, weights, head: new SlicedHead(config, weights, compile), compile };
    }
    const { quantization = null } = this.#options;
    const isHeadFloat =
      config.integers !== null && !quantizedWeights(config).has(headTable(config));
    const head = isHeadFloat
      ? new SlicedHead(config, new LayerWeights(config, this.#weights.locate), compile)
      : new WholeHead({ config, quantization, target, weights: null, compile });
    return { target, weights: null, head, compile };
  }

  /** Opens the checkpoint and compiles its generation graphs. Throws the checkpoint's typed errors. */
  static async load(directory: string, options: ModelOptions = {}): Promise<Model> {
    const model = new Model(openMerged(directory, options.lora ?? null), options);
    await model.#steps.prepare();
    return model;
  }

  /** The LoRA merged into the weights. */
  get lora(): BaseLora | null {
    return this.#checkpoint.lora;
  }

  get digest(): string {
    return this.#checkpoint.digest;
  }

  get parameterCount(): number {
    return this.#checkpoint.parameterCount;
  }

  get #isPacked(): boolean {
    const bytes = this.parameterCount * Float32Array.BYTES_PER_ELEMENT;
    return bytes <= (this.#options.packBytesMax ?? packBytesDefault);
  }

  /** Length of an adapter's flat B. */
  adapterLength(rank: number): number {
    return loraLength(this.config, rank);
  }

  /** The frozen A matrices that go with adapters of this rank. */
  basis(rank: number): Basis {
    const basis = this.#bases.get(rank) ?? makeBasis(loraGroups(this.config), rank);
    this.#bases.set(rank, basis);
    return basis;
  }

  allocateCache(slots: number, tokensMax: number): KvCache {
    return this.#steps.allocateCache(slots, Math.min(tokensMax, this.shape.contextLength));
  }

  step(input: StepInput, needsLogits: boolean): Promise<NextToken[]> {
    return this.#steps.step(input, needsLogits);
  }

  /** In host memory alone, and for fp32: a graph more of integer weights would be one more copy of them. */
  get stepAhead(): LanguageModel["stepAhead"] {
    const steps = this.#steps;
    const isFloat = this.#options.quantization === null;
    return isFloat && steps instanceof HostSteps
      ? (...args) => steps.stepAhead(...args)
      : undefined;
  }

  /** Log-probs of each reply token, and gradients where `sink` says; see RowPasses. */
  passRows(
    rows: readonly ScoreRow[],
    adapter: AdapterWeights | null,
    sink?: GradientSink,
  ): Slices<Float32Array[]> {
    return this.#passes.run(rows, adapter, sink);
  }

  /** Hidden states after the last block where reply tokens are predicted; see RowPasses. */
  hiddenStates(
    rows: readonly ScoreRow[],
    adapter: AdapterWeights | null,
  ): Slices<Float32Array<ArrayBuffer>> {
    return this.#passes.hiddenStates(rows, adapter);
  }

  /** KL(new ‖ old) at each position of two policies' hidden states; see RowPasses. */
  divergence(hNew: Float32Array, hOld: Float32Array): Slices<Float32Array> {
    return this.#passes.divergence(hNew, hOld);
  }

  /** `passRows` in one go. */
  score(rows: readonly ScoreRow[], adapter: AdapterWeights | null): Promise<Float32Array[]> {
    return finish(this.passRows(rows, adapter));
  }

  /** `passRows` in one go: log-probs and gradients ∂S/∂B of every row, [rows, B.length]. */
  async gradients(rows: readonly ScoreRow[], adapter: AdapterWeights) {
    const width = adapter.B.length;
    const gradients = new Float32Array(rows.length * width);
    const sink = (row: number) => ({ into: gradients.subarray(row * width, (row + 1) * width) });
    return { logprobs: await finish(this.passRows(rows, adapter, sink)), gradients };
  }

  async dispose(): Promise<void> {
    await this.#steps.dispose();
    await this.#passes.dispose();
    await this.#onDevice?.weights.dispose();
    await this.#onDevice?.device.dispose();
  }

  #compile(outputs: Record<string, Value>, { isPass = false } = {}): Promise<InferenceSession> {
    const { quantization, threads: passThreads, stepThreads = passThreads } = this.#options;
    const threads = isPass ? passThreads : stepThreads;
    const packs = !isPass && this.#isPacked;
    // Whatever cannot run on the device runs on the CPU.
    const provider = this.#options.provider === "cuda" ? "cuda" : "cpu";
    return this.#weights.withModel(encodeOnnx(outputs, this.#weights.find), (path) =>
      InferenceSession.create(path, {
        executionProviders: [provider],
        graphOptimizationLevel: "all",
        ...(threads === undefined ? {} : { intraOpNumThreads: threads }),
        logSeverityLevel: 3,
        // Prepacking copies the mapped fp32 weights into every session: worth it for a small model alone. Quantised products need it: only
        // packed weights are multiplied as integers.
        extra: {
          session: {
            disable_prepacking: quantization || packs ? "0" : "1",
            // The threads of one graph must not spin while another runs: a pass changes graphs all the time.
            ...(isPass ? { "intra_op.allow_spinning": "0" } : {}),
          },
        },
        // A pass's arena, and any graph's memory plans, would keep the largest run's memory forever.
        enableCpuMemArena: !isPass,
        enableMemPattern: false,
      }).catch((cause) => {
        throw provider === "cpu" ? cause : providerError(provider, cause);
      }),
    );
  }
}
