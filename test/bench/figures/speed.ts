/** One sequence's decoding and prefill against llama.cpp: same weights, prompts, threads and precision. */
import type { LlamaMethods } from "../contenders/llama.ts";
import type { Context, Family, Figure, Outcome } from "../figure.ts";
import { Contender, type RepliesResult, randomPrompt } from "../support/contender.ts";
import { ggufOf, llamaModule, llamaName } from "../support/llama-peer.ts";
import {
  checkpointOf,
  type ModelName,
  modelNames,
  type Precision,
  precisions,
  startEngine,
} from "../support/models.ts";
import { medianOf } from "../support/statistics.ts";

const targets = { decode: { mini: 1.2, "05b": 1 }, prefill: { mini: 1, "05b": 1 } };
type Kind = keyof typeof targets;
/** Length of the prompt: before timed decoding, and for timed prefill. */
const promptTokens = { decode: 128, prefill: 512 };

const cells = modelNames.flatMap((model) =>
  (Object.keys(precisions) as Precision[]).map((precision) => ({ model, precision })),
);
const kinds = Object.keys(targets) as Kind[];
const figureOf = (kind: Kind, model: ModelName, precision: Precision): Figure => ({
  id: `${kind}_${model}_${precision}`,
  what: kind === "decode" ? "tokens/s of one sequence" : "prompt tokens/s, 512 tokens",
  unit: "×",
  target: targets[kind][model],
  bound: "at least",
});

export const speed: Family = {
  figures: kinds.flatMap((kind) =>
    cells.map(({ model, precision }) => figureOf(kind, model, precision)),
  ),

  async *measure(wanted, context) {
    const module = await llamaModule(context).catch((error: Error) => error);
    for (const { model, precision } of cells) {
      const figures = kinds.flatMap((kind) => {
        const { id } = figureOf(kind, model, precision);
        return wanted.filter((figure) => figure.id === id).map((figure) => ({ kind, figure }));
      });
      if (figures.length === 0) continue;
      if (module instanceof Error) {
        const missing = `${llamaName} cannot be had: ${module.message}`;
        for (const { figure } of figures) yield { figure, missing };
        continue;
      }
      const path = ggufOf(checkpointOf(model, context), precisions[precision], context);
      const engine = await startEngine(model, precision, context, { sessions: 1 });
      const llama = new Contender<LlamaMethods>(new URL("../contenders/llama.ts", import.meta.url));
      try {
        await llama.call("load", { module, path, threads: context.threads });
        const sides = { engine, llama };
        for (const { kind, figure } of figures) {
          context.say(figure.id);
          yield await compare(sides, kind, figure, model, context);
        }
      } finally {
        await Promise.all([engine.stop(), llama.stop()]);
      }
    }
  },
};

interface Sides {
  engine: Awaited<ReturnType<typeof startEngine>>;
  llama: Contender<LlamaMethods>;
}

/**
 * One reply of each side to the same prompt in each round; the sides alternate in going first. The first two rounds
 * only warm up, so that both of the engine's slots are touched, as the peer's one sequence is.
 */
async function compare(
  { engine, llama }: Sides,
  kind: Kind,
  figure: Figure,
  model: ModelName,
  context: Context,
): Promise<Outcome> {
  const rounds = context.isQuick ? 2 : 9;
  const replyTokens = kind === "prefill" ? 2 : context.isQuick ? 16 : model === "mini" ? 128 : 48;
  const rate = (result: RepliesResult) =>
    kind === "decode" ? result.decodeRate : result.prefillRate;
  const own: number[] = [];
  const peer: number[] = [];
  const { vocabSize, contextLength } = await engine.call("shape", undefined);
  const request = {
    promptTokens: Math.min(promptTokens[kind], contextLength - replyTokens),
    replyTokens,
  };
  for (let round = -1; round <= rounds; round++) {
    const seed = `${figure.id} ${round}`;
    const turns = [
      async () => {
        const result = await engine.call("replies", {
          ...request,
          seed,
          sessions: 1,
          isAdapted: false,
        });
        if (round > 0) own.push(rate(result));
      },
      async () => {
        const prompt = randomPrompt(`${seed}/0`, request.promptTokens, vocabSize);
        const result = await llama.call("reply", { prompt, replyTokens });
        if (round > 0) peer.push(rate(result));
      },
    ];
    for (const turn of round % 2 === 0 ? turns : turns.reverse()) await turn();
  }
  const ratios = own.map((value, round) => value / peer[round]!);
  return {
    figure,
    value: medianOf(ratios),
    peer: llamaName,
    note:
      `${shown(medianOf(own))} against ${shown(medianOf(peer))} tokens/s, medians of ${rounds}, ` +
      `${request.promptTokens} tokens of prompt; ` +
      "the engine timed with scheduling and sampling, the peer by its own counters without",
  };
}

function shown(rate: number): string {
  return rate >= 1000 ? rate.toFixed(0) : rate.toPrecision(3);
}
