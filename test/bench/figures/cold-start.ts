/** From the start of the process to the first token of a reply, with files in the disk cache. */
import type { Context, Family, Figure } from "../figure.ts";
import { GpuProcess } from "../support/gpu-process.ts";
import { type ModelName, modelNames } from "../support/models.ts";
import { medianOf } from "../support/statistics.ts";

const targetS = { mini: 2, "05b": 6 };
const figureOf = (model: ModelName): Figure => ({
  id: `cold_start_${model}`,
  what: "process start to first token, f32, warm disk cache",
  unit: "s",
  target: targetS[model],
  bound: "at most",
});

export const coldStart: Family = {
  figures: modelNames.map(figureOf),

  async *measure(wanted, context) {
    for (const model of modelNames) {
      const figure = wanted.find(({ id }) => id === figureOf(model).id);
      if (!figure) continue;
      context.say(figure.id);
      const rounds = context.isQuick ? 1 : 5;
      const times: number[] = [];
      for (let round = 0; round <= rounds; round++) {
        const seconds = await startOnce(model, context);
        // The first start fills the caches.
        if (round > 0) times.push(seconds);
      }
      yield {
        figure,
        value: medianOf(times),
        peer: null,
        note: `median of ${rounds}, slowest ${Math.max(...times).toFixed(2)} s; over HTTP, one token asked for`,
      };
    }
  },
};

async function startOnce(model: ModelName, context: Context): Promise<number> {
  const startedAt = performance.now();
  const service = await GpuProcess.spawn(model, context);
  try {
    await service.firstReply({
      tenant: "bench",
      messages: [{ role: "user", content: "Reverse 1 2 3" }],
      sampling: { max_tokens: 1 },
    });
    return (performance.now() - startedAt) / 1000;
  } finally {
    await service.stop();
  }
}
