/** What sixteen sessions together gain over one, and what their adapters cost. */
import type { Context, Family, Figure } from "../figure.ts";
import { type Precision, startEngine } from "../support/models.ts";
import { medianOf } from "../support/statistics.ts";

const sessions = 16;
const scaling = (precision: Precision): Figure => ({
  id: `batch16_scaling_${precision}`,
  what: `${sessions} sessions with as many adapters, tokens/s of all against one`,
  unit: "×",
  target: 4,
  bound: "at least",
});
const lora: Figure = {
  id: "batch16_lora",
  what: `${sessions} sessions at 4 bits, tokens/s with adapters against without`,
  unit: "×",
  target: 0.9,
  bound: "at least",
};

export const batch: Family = {
  figures: [scaling("f32"), scaling("q4"), lora],

  async *measure(wanted, context) {
    for (const precision of ["f32", "q4"] as const) {
      const figures = wanted.filter(({ id }) =>
        precision === "q4" && id === lora.id ? true : id === scaling(precision).id,
      );
      if (figures.length === 0) continue;
      context.say(figures.map(({ id }) => id).join(", "));
      const { one, all, bare } = await rates(precision, context);
      for (const figure of figures) {
        const isLora = figure.id === lora.id;
        const base = isLora ? bare : one;
        yield {
          figure,
          value: medianOf(all.map((rate, round) => rate / base[round]!)),
          peer: null,
          note:
            `${medianOf(all).toFixed(1)} tokens/s against ${medianOf(base).toFixed(1)}, ` +
            `medians of ${all.length}, 0.5B, rank 8 on all linears`,
        };
      }
    }
  },
};

/** Tokens a second of one session with an adapter, of all with theirs, and of all without. */
async function rates(precision: Precision, context: Context) {
  const engine = await startEngine("05b", precision, context);
  // Once an engine has seen an adapter, its graphs have room for them.
  const bareEngine = await startEngine("05b", precision, context);
  const rounds = context.isQuick ? 2 : 7;
  const found = { one: [] as number[], all: [] as number[], bare: [] as number[] };
  const kinds = {
    one: { sessions: 1, isAdapted: true },
    all: { sessions, isAdapted: true },
    bare: { sessions, isAdapted: false },
  };
  try {
    for (let round = 0; round <= rounds; round++) {
      for (const kind of ["one", "all", "bare"] as const) {
        const asked = kind === "bare" ? bareEngine : engine;
        const { decodeRate } = await asked.call("replies", {
          ...kinds[kind],
          seed: `${kind} ${round}`,
          promptTokens: 64,
          replyTokens: sessions + (context.isQuick ? 8 : 24),
        });
        if (round > 0) found[kind].push(decodeRate);
      }
    }
  } finally {
    await engine.stop();
    await bareEngine.stop();
  }
  return found;
}
