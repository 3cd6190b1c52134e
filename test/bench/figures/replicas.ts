/** What a second replica of the GPU service gains, and the cost of reaching a replica that lacks the session's adapter. */
import { fileURLToPath } from "node:url";
import { openCheckpoint } from "../../../gpu-service/src/checkpoint/checkpoint.ts";
import type { Context, Family, Figure } from "../figure.ts";
import { Replicas, randomAdapter } from "../support/replicas.ts";
import { medianOf } from "../support/statistics.ts";

const count = 2;
const sessions = 16;
const throughput: Figure = {
  id: "replicas_throughput",
  what: `${count} replicas behind one port, tokens/s of ${sessions} sessions against one replica`,
  unit: "×",
  target: 1.5,
  bound: "at least",
};
const miss: Figure = {
  id: "replicas_miss",
  what: "first reply on a replica without the session's adapter, against one that has it",
  unit: "ms more",
  target: 25,
  bound: "at most",
};

const model = fileURLToPath(new URL("../../../gpu-service/models/rosa2-mini", import.meta.url));
const checkpoint = openCheckpoint(model);

export const replicas: Family = {
  figures: [throughput, miss],

  async *measure(wanted, context) {
    const one = await Replicas.start(1, model);
    const several = await Replicas.start(count, model);
    try {
      for (const figure of wanted) {
        context.say(figure.id);
        yield figure === throughput
          ? await compareThroughput(one, several, context)
          : await measureMiss(one, context);
      }
    } finally {
      await Promise.all([one.stop(), several.stop()]);
    }
  },
};

/** Every session has its own adapter and sends its next request as soon as it has its reply. */
async function compareThroughput(one: Replicas, several: Replicas, { isQuick }: Context) {
  const rounds = isQuick ? 2 : 7;
  const adapters = Array.from({ length: sessions }, (_, n) =>
    randomAdapter(checkpoint, `session ${n}`),
  );
  const rates = { one: [] as number[], several: [] as number[] };
  const sides = { one, several };
  for (let round = 0; round <= rounds; round++) {
    for (const side of ["one", "several"] as const) {
      const startedAt = performance.now();
      const tokens = await Promise.all(
        adapters.map(async (adapter, session) => {
          let total = 0;
          for (let reply = 0; reply < (isQuick ? 2 : 6); reply++) {
            const seed = (round * 100 + reply) * 100 + session;
            total += (await sides[side].reply(adapter, { seed, tokens: 64 })).tokens;
          }
          return total;
        }),
      );
      const seconds = (performance.now() - startedAt) / 1000;
      // The first round brings the adapters to every replica.
      if (round > 0) rates[side].push(tokens.reduce((sum, n) => sum + n, 0) / seconds);
    }
  }
  return {
    figure: throughput,
    value: medianOf(rates.several.map((rate, round) => rate / rates.one[round]!)),
    peer: null,
    note:
      `${medianOf(rates.several).toFixed(0)} tokens/s against ${medianOf(rates.one).toFixed(0)}, ` +
      `medians of ${rounds}, rosa2-mini, one thread a replica, adapters of rank 8`,
  };
}

/** Asks for one token with a new adapter each time: once where no replica has it, once again. */
async function measureMiss(one: Replicas, { isQuick }: Context) {
  const rounds = isQuick ? 10 : 100;
  const missed: number[] = [];
  const had: number[] = [];
  for (let round = 0; round < rounds; round++) {
    const adapter = randomAdapter(checkpoint, `miss ${round}`);
    for (const times of [missed, had]) {
      const startedAt = performance.now();
      const { wasMissing } = await one.reply(adapter, { seed: round, tokens: 1 });
      times.push(performance.now() - startedAt);
      if (wasMissing !== (times === missed)) throw new Error("The cache is not as expected");
    }
  }
  const [cold, warm] = [medianOf(missed), medianOf(had)];
  return {
    figure: miss,
    value: cold - warm,
    peer: null,
    note:
      `${cold.toFixed(1)} against ${warm.toFixed(1)} ms, medians of ${rounds}, one-token replies, ` +
      `a file of ${Math.round(randomAdapter(checkpoint, "size").bytes.byteLength / 1024)} KiB`,
  };
}
