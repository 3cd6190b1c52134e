/** What several replies to one prompt cost against one: the words rewriter asks for them. */
import type { Family, Figure } from "../figure.ts";
import { type ModelName, startEngine } from "../support/models.ts";
import { medianOf } from "../support/statistics.ts";

const count = 8;
/** About a rewriting prompt and what it is answered with. */
const size = { promptTokens: 160, replyTokens: 32 };

const figureOf = (model: ModelName): Figure => ({
  id: `samples8_${model}`,
  what: `${count} replies to one prompt, time against one reply`,
  unit: "×",
  target: 1.5,
  bound: "at most",
});

export const samples: Family = {
  figures: [figureOf("mini"), figureOf("05b")],

  async *measure(wanted, context) {
    for (const model of ["mini", "05b"] as const) {
      const figure = wanted.find(({ id }) => id === figureOf(model).id);
      if (figure === undefined) continue;
      context.say(figure.id);
      const engine = await startEngine(model, "f32", context);
      const rounds = context.isQuick ? 3 : 15;
      const ms = { one: [] as number[], all: [] as number[] };
      try {
        for (let round = 0; round <= rounds; round++) {
          for (const kind of ["one", "all"] as const) {
            const request = {
              ...size,
              seed: `${kind} ${round}`,
              count: kind === "one" ? 1 : count,
            };
            const taken = await engine.call("samples", request);
            if (round > 0) ms[kind].push(taken);
          }
        }
      } finally {
        await engine.stop();
      }
      yield {
        figure,
        value: medianOf(ms.all.map((taken, round) => taken / ms.one[round]!)),
        peer: null,
        note:
          `${medianOf(ms.all).toFixed(1)} ms against ${medianOf(ms.one).toFixed(1)}, medians of ${rounds}, ` +
          `${size.promptTokens} prompt and ${size.replyTokens} reply tokens`,
      };
    }
  },
};
