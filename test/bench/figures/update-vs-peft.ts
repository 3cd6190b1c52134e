/** One update against PyTorch and peft with the same maths; their gradients are compared first. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Pass } from "../contenders/engine.ts";
import type { Context, Family, Figure, Outcome } from "../figure.ts";
import { randomRows } from "../support/contender.ts";
import { checkpointOf, type ModelName, modelNames, startEngine } from "../support/models.ts";
import { PeftPeer, peftName, peftPython } from "../support/peft-peer.ts";
import { medianOf } from "../support/statistics.ts";

const size = { rows: 6, promptTokens: 96, replyTokens: 32 };
/** Largest difference of the gradients (relative, Frobenius). Gradients further apart belong to different functions. */
const differenceMax = 1e-3;

const figureOf = (model: ModelName): Figure => ({
  id: `update_vs_peft_${model}`,
  what: `one update of ${size.rows} rows of ${size.promptTokens + size.replyTokens} tokens, f32`,
  unit: "×",
  target: model === "mini" ? 2 : 1,
  bound: "at least",
});

export const updateVsPeft: Family = {
  figures: modelNames.map(figureOf),

  async *measure(wanted, context) {
    const python = await peftPython(context).catch((error: Error) => error);
    for (const model of modelNames) {
      const figure = wanted.find(({ id }) => id === figureOf(model).id);
      if (!figure) continue;
      if (python instanceof Error) {
        yield { figure, missing: `${peftName} cannot be had: ${python.message.split("\n")[0]}` };
        continue;
      }
      context.say(figure.id);
      yield await compare(figure, model, python, context);
    }
  },
};

/** One update of each side in each round; the sides alternate in going first. The first round only warms up. */
async function compare(
  figure: Figure,
  model: ModelName,
  python: string,
  context: Context,
): Promise<Outcome> {
  const folder = mkdtempSync(join(tmpdir(), "rosa2-peft-"));
  const engine = await startEngine(model, "f32", context);
  const peer = new PeftPeer(python);
  try {
    await engine.call("exportAdapter", folder);
    const { threads } = context;
    await peer.call("load", { directory: checkpointOf(model, context), adapter: folder, threads });
    const { vocabSize } = await engine.call("shape", undefined);
    const rows = randomRows(size, vocabSize);
    const path = join(folder, "gradients.f32");
    const S = await peer.call("gradients", { rows, path });
    const difference = await engine.call("gradientDifference", { ...size, S, path });
    if (!(difference < differenceMax)) throw new Error(`Gradients differ by ${difference}`);

    const update = { ...size, iterations: 1, anchors: false };
    const passes = await engine.call("passesOfUpdate", update);
    const rounds = context.isQuick ? 2 : model === "mini" ? 15 : 5;
    const own: number[] = [];
    const other: number[] = [];
    for (let round = 0; round <= rounds; round++) {
      const turns = [
        async () => {
          const ms = await engine.call("update", update);
          if (round > 0) own.push(ms);
        },
        async () => {
          const ms = await peer.call("update", { rows, passes });
          if (round > 0) other.push(ms);
        },
      ];
      for (const turn of round % 2 === 0 ? turns : turns.reverse()) await turn();
    }
    return {
      figure,
      value: medianOf(other.map((ms, round) => ms / own[round]!)),
      peer: peftName,
      note:
        `${medianOf(own).toFixed(0)} against ${medianOf(other).toFixed(0)} ms, medians of ${rounds}, the same passes: ` +
        `${describe(passes)}; rank 8 on all linears; gradients differ by ${difference.toExponential(1)}`,
    };
  } finally {
    await Promise.all([engine.stop(), peer.stop()]);
    rmSync(folder, { recursive: true });
  }
}

function describe(passes: readonly Pass[]): string {
  const samples = passes.flatMap((pass) => (pass.kind === "states" ? pass.rows : []));
  const rows = passes.filter(({ kind }) => kind === "gradients" || kind === "logprobs").length;
  return `${rows} over the rows, ${samples.length} samples measured`;
}
