/** llama.cpp as a contender: one sequence, greedy, timed inside llama.cpp by its own counters. */
import { type RepliesResult, serve } from "../support/contender.ts";

/** The parts of node-llama-cpp that are used: its binding, because its JavaScript loop adds milliseconds to each token. */
interface LlamaModule {
  getLlama(options: object): Promise<{ _bindings: Bindings }>;
}
interface Bindings {
  AddonModel: new (path: string, options: object) => { init(): Promise<boolean> };
  AddonContext: new (model: object, options: object) => LlamaContext;
  AddonSampler: new (model: object) => { applyConfig(config: object): void };
}
interface LlamaContext {
  init(): Promise<boolean>;
  initBatch(size: number): void;
  /** Returns where in the batch each wanted logit is. */
  addToBatch(
    sequence: number,
    position: number,
    tokens: Uint32Array,
    logits: Uint32Array,
  ): Uint32Array;
  decodeBatch(): Promise<void>;
  sampleToken(index: number, sampler: object): Promise<number>;
  disposeSequence(sequence: number): void;
  /** Logs llama.cpp's counters and sets them to zero. */
  printTimings(): void;
}

const contextTokens = 1024;

let context: LlamaContext;
let sampler: object;
let log = "";

const methods = {
  /** `module` is the URL of node-llama-cpp. */
  async load({ module, path, threads }: { module: string; path: string; threads: number }) {
    const { getLlama } = (await import(module)) as LlamaModule;
    const { _bindings: bindings } = await getLlama({
      gpu: false,
      build: "never",
      logLevel: "debug",
      logger: (_: string, text: string) => {
        log += text;
      },
    });
    const model = new bindings.AddonModel(path, { gpuLayers: 0, addonExports: bindings });
    if (!(await model.init())) throw new Error(`llama.cpp cannot load ${path}: ${log}`);
    context = new bindings.AddonContext(model, {
      contextSize: contextTokens,
      batchSize: contextTokens,
      sequences: 1,
      threads,
      flashAttention: "auto",
      performanceTracking: true,
    });
    if (!(await context.init())) throw new Error(`llama.cpp cannot make a context: ${log}`);
    const greedy = new bindings.AddonSampler(model);
    greedy.applyConfig({ temperature: 0 });
    sampler = greedy;
  },

  async reply({
    prompt,
    replyTokens,
  }: {
    prompt: number[];
    replyTokens: number;
  }): Promise<RepliesResult> {
    context.disposeSequence(0);
    log = "";
    const ids: number[] = [];
    let tokens = Uint32Array.from(prompt);
    let position = 0;
    for (;;) {
      context.initBatch(tokens.length);
      const last = Uint32Array.of(tokens.length - 1);
      const [index] = context.addToBatch(0, position, tokens, last);
      await context.decodeBatch();
      const id = await context.sampleToken(index!, sampler);
      ids.push(id);
      if (ids.length === replyTokens) break;
      position += tokens.length;
      tokens = Uint32Array.of(id);
    }
    context.printTimings();
    await new Promise((resolve) => setTimeout(resolve, 50)); // log lines come later
    return {
      prefillRate: rateOf(/prompt eval time =\s+([\d.]+) ms \/\s+(\d+)/),
      decodeRate: rateOf(/\beval time =\s+([\d.]+) ms \/\s+(\d+) runs/),
      ids,
    };
  },
};

export type LlamaMethods = typeof methods;

/** Tokens a second, read from a line of llama.cpp's counters. */
function rateOf(line: RegExp): number {
  const [, ms, count] = line.exec(log) ?? [];
  if (ms === undefined) throw new Error(`llama.cpp's counters cannot be read: ${log.slice(-2000)}`);
  return (1000 * Number(count)) / Number(ms);
}

serve(methods);
