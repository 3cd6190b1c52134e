/** The cost of several replies to one prompt, relative to one reply: the words rewriter asks for several. */

import { pick, seededRandom } from "@rosa2/shared/random";
import { rewriteTokensMax } from "../../../edge/src/words/providers/index.ts";
import { families as operations } from "../../../gpu-service/language/operations.ts";
import { type Chain, pairs, triples } from "../../../gpu-service/language/skills.ts";
import { drawRewriting, vagueList } from "../../../gpu-service/train/measure.ts";
import type { EngineMethods } from "../contenders/engine.ts";
import type { Context, Family, Figure } from "../figure.ts";
import type { Contender } from "../support/contender.ts";
import { type ModelName, startEngine } from "../support/models.ts";
import { medianOf } from "../support/statistics.ts";

const count = 8;
/** About the lengths of a rewriting prompt and its answer. */
const size = { promptTokens: 160, replyTokens: 32 };

const figureOf = (model: ModelName): Figure => ({
  id: `samples8_${model}`,
  what: `${count} replies of random tokens to one prompt, time against one reply`,
  unit: "×",
  target: 1.5,
  bound: "at most",
});
const rewrites: Figure = {
  id: "rewrites8_mini",
  what: `${count} rewrites of an ambiguous request, time against one`,
  unit: "×",
  target: 1.5,
  bound: "at most",
};

export const samples: Family = {
  figures: [rewrites, figureOf("mini"), figureOf("05b")],

  async *measure(wanted, context) {
    for (const model of ["mini", "05b"] as const) {
      const [own, ofRandom] = [rewrites, figureOf(model)].map(({ id }) =>
        wanted.find((figure) => figure.id === id),
      );
      const isMini = model === "mini";
      if (ofRandom === undefined && !(isMini && own !== undefined)) continue;
      const engine = await startEngine(model, "f32", context);
      try {
        if (isMini && own !== undefined) {
          context.say(own.id);
          yield { figure: own, peer: null, ...(await measureRewrites(engine, context)) };
        }
        if (ofRandom !== undefined) {
          context.say(ofRandom.id);
          yield { figure: ofRandom, peer: null, ...(await measureRandom(engine, context)) };
        }
      } finally {
        await engine.stop();
      }
    }
  },
};

/** Requests of one to three operations, after "wrong", a hint and a statement in turn. */
async function measureRewrites(engine: Contender<EngineMethods>, { isQuick }: Context) {
  const random = seededRandom("rewrites");
  const chains: readonly (readonly Chain[])[] = [
    operations.map((one): Chain => [one]),
    pairs,
    triples,
  ];
  const remarks = ["wrong", "hint", "statement"] as const;
  const ms = { one: 0, all: 0 };
  const requests = isQuick ? 18 : 180;
  for (let i = -9; i < requests; i++) {
    const of = Math.abs(i);
    const { messages } = drawRewriting(
      random,
      () => vagueList(random, pick(random, chains[of % 3]!)),
      remarks[Math.floor(of / 3) % 3]!,
    );
    const tokensMax = rewriteTokensMax(messages[1]!.content);
    for (const kind of ["one", "all"] as const) {
      const request = { messages, tokensMax, count: kind === "one" ? 1 : count };
      const taken = await engine.call("rewrites", request);
      // The first ones warm the engine up.
      if (i >= 0) ms[kind] += taken;
    }
  }
  return {
    value: ms.all / ms.one,
    note:
      `${(ms.all / requests).toFixed(1)} ms against ${(ms.one / requests).toFixed(1)}, means of ${requests} requests of ` +
      "one to three operations, all at temperature 1",
  };
}

async function measureRandom(engine: Contender<EngineMethods>, { isQuick }: Context) {
  const rounds = isQuick ? 3 : 15;
  const ms = { one: [] as number[], all: [] as number[] };
  for (let round = 0; round <= rounds; round++) {
    for (const kind of ["one", "all"] as const) {
      const request = { ...size, seed: `${kind} ${round}`, count: kind === "one" ? 1 : count };
      const taken = await engine.call("samples", request);
      if (round > 0) ms[kind].push(taken);
    }
  }
  return {
    value: medianOf(ms.all.map((taken, round) => taken / ms.one[round]!)),
    note:
      `${medianOf(ms.all).toFixed(1)} ms against ${medianOf(ms.one).toFixed(1)}, medians of ${rounds}, ` +
      `${size.promptTokens} prompt and ${size.replyTokens} reply tokens`,
  };
}
