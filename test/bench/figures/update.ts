/** The cost of an update beside serving: memory, time relative to the reply it learns from, and other sessions' tokens. */
import { readFileSync } from "node:fs";
import { gpuNodeOptions } from "../../../edge/local/services.ts";
import type { Context, Family, Figure } from "../figure.ts";
import { type ModelName, modelNames, startEngine } from "../support/models.ts";
import { medianOf } from "../support/statistics.ts";

/** The row that is learned. */
const row = { promptTokens: 128, replyTokens: 256 };

const memory = (model: ModelName): Figure => ({
  id: `memory_ratio_${model}`,
  what: "peak resident memory, serving and updating against serving",
  unit: "×",
  target: 1.15,
  bound: "at most",
});
const stall = (model: ModelName): Figure => ({
  id: `stall_${model}`,
  what: "p99 gap between another session's tokens, while one updates against not",
  unit: "×",
  target: model === "mini" ? 2 : 4,
  bound: "at most",
});
const versusReply: Figure = {
  id: "update_vs_reply",
  what: "one update of one row against generating its reply, 0.5B",
  unit: "×",
  target: 0.5,
  bound: "at most",
};

export const update: Family = {
  figures: [...modelNames.map(memory), ...modelNames.map(stall), versusReply],

  async *measure(wanted, context) {
    for (const model of modelNames) {
      const asked = (figure: Figure) => wanted.find(({ id }) => id === figure.id);
      const memoryFigure = asked(memory(model));
      if (memoryFigure) {
        context.say(memoryFigure.id);
        yield { figure: memoryFigure, ...(await memoryOf(model, context)) };
      }
      const stallFigure = asked(stall(model));
      if (stallFigure) {
        context.say(stallFigure.id);
        yield { figure: stallFigure, ...(await stallOf(model, context)) };
      }
    }
    if (!wanted.some(({ id }) => id === versusReply.id)) return;
    context.say(versusReply.id);
    yield { figure: versusReply, ...(await againstReply(context)) };
  },
};

/** A garbage collection more or less moves a peak by 10 MB, so processes come in pairs. */
async function memoryOf(model: ModelName, context: Context) {
  const rounds = context.isQuick || model === "05b" ? 1 : 5;
  const peaks = { serving: [] as number[], updating: [] as number[] };
  for (let round = 0; round < rounds; round++) {
    peaks.serving.push(await peakBytes(model, context, false));
    peaks.updating.push(await peakBytes(model, context, true));
  }
  const updating = medianOf(peaks.updating);
  const serving = medianOf(peaks.serving);
  return {
    value: updating / serving,
    peer: null,
    note:
      `${megabytes(updating)} against ${megabytes(serving)} MB (VmHWM), medians of ${rounds} processes each, fp32; ` +
      "all make a reply with an adapter, one half learn a row of 384 tokens before it",
  };
}

async function peakBytes(model: ModelName, context: Context, updates: boolean): Promise<number> {
  // The service is started with this too. Without it V8's young generation grows with the garbage of updates.
  const engine = await startEngine(model, "f32", context, { nodeOptions: gpuNodeOptions });
  try {
    if (updates) await engine.call("update", { ...row, rows: 1, iterations: 2 });
    await engine.call("replies", { ...row, seed: "memory", sessions: 1, isAdapted: true });
    const status = readFileSync(`/proc/${engine.pid}/status`, "utf8");
    return 1024 * Number(/VmHWM:\s+(\d+)/.exec(status)?.[1]);
  } finally {
    await engine.stop();
  }
}

async function stallOf(model: ModelName, context: Context) {
  const engine = await startEngine(model, "f32", context);
  const replyTokens = context.isQuick ? 48 : 256;
  const rounds = context.isQuick ? 1 : 5;
  const found = { still: [] as number[], busy: [] as number[] };
  try {
    for (let round = 0; round <= rounds; round++) {
      for (const kind of ["still", "busy"] as const) {
        const request = { seed: `${kind} ${round}`, promptTokens: 64, replyTokens };
        const p99 = await engine.call("p99Gap", { ...request, updates: kind === "busy" });
        if (round > 0) found[kind].push(p99);
      }
    }
  } finally {
    await engine.stop();
  }
  return {
    value: medianOf(found.busy.map((ms, round) => ms / found.still[round]!)),
    peer: null,
    note:
      `${medianOf(found.busy).toFixed(1)} against ${medianOf(found.still).toFixed(1)} ms, ` +
      `medians of ${rounds} replies of ${replyTokens} tokens; updates of 6 rows of 128 tokens all the while`,
  };
}

async function againstReply(context: Context) {
  const engine = await startEngine("05b", "f32", context);
  const rounds = context.isQuick ? 1 : 3;
  const times = { update: [] as number[], reply: [] as number[] };
  try {
    for (let round = 0; round <= rounds; round++) {
      const update = await engine.call("update", { ...row, rows: 1, iterations: 1 });
      const startedAt = performance.now();
      await engine.call("replies", {
        ...row,
        seed: `reply ${round}`,
        sessions: 1,
        isAdapted: false,
      });
      if (round === 0) continue;
      times.update.push(update);
      times.reply.push(performance.now() - startedAt);
    }
  } finally {
    await engine.stop();
  }
  const seconds = (values: number[]) => (medianOf(values) / 1000).toFixed(2);
  return {
    value: medianOf(times.update.map((ms, round) => ms / times.reply[round]!)),
    peer: null,
    note:
      `${seconds(times.update)} against ${seconds(times.reply)} s, medians of ${rounds}, fp32; one iteration: ` +
      "forward, back, and forward again to see where the step led",
  };
}

function megabytes(bytes: number): string {
  return (bytes / 1e6).toFixed(0);
}
