/** The engine on a GPU against the engine on the CPU of the same machine: same weights, prompts and adapters. */
import type { EngineMethods } from "../contenders/engine.ts";
import type { Context, Family, Figure, Outcome } from "../figure.ts";
import type { Contender } from "../support/contender.ts";
import { type ModelName, modelNames, type Precision, startEngine } from "../support/models.ts";
import { medianOf } from "../support/statistics.ts";

type Engine = Contender<EngineMethods>;
/** A side's figure, and the tokens of the reply that it was measured on, if it was. */
type Measured = { value: number; ids?: number[] };

interface Kind {
  what: string;
  /** Whether less is better: the ratio is then the CPU's figure to the GPU's. */
  isTime?: boolean;
  unit: string;
  measure(engine: Engine, seed: string, isQuick: boolean): Promise<Measured>;
}

/** 16 rows fill a batch; prompts differ, and so do the adapters. */
const batchSessions = 16;

const replies = (engine: Engine, seed: string, request: object) =>
  engine.call("replies", {
    seed,
    sessions: 1,
    isAdapted: false,
    promptTokens: 128,
    replyTokens: 48,
    ...request,
  });

const kinds = {
  decode: {
    what: "tokens/s of one sequence after 128 tokens",
    unit: "tokens/s",
    async measure(engine, seed, isQuick) {
      const { decodeRate, ids } = await replies(engine, seed, isQuick ? { replyTokens: 8 } : {});
      return { value: decodeRate, ids };
    },
  },
  prefill: {
    what: "prompt tokens/s",
    unit: "tokens/s",
    async measure(engine, seed, isQuick) {
      const promptTokens = isQuick ? 64 : 480;
      const { prefillRate } = await replies(engine, seed, { promptTokens, replyTokens: 2 });
      return { value: prefillRate };
    },
  },
  batch16: {
    what: `tokens/s of ${batchSessions} sessions with as many adapters`,
    unit: "tokens/s",
    async measure(engine, seed, isQuick) {
      const { decodeRate } = await replies(engine, seed, {
        sessions: isQuick ? 2 : batchSessions,
        isAdapted: true,
        promptTokens: isQuick ? 8 : 64,
        replyTokens: batchSessions + (isQuick ? 0 : 16),
      });
      return { value: decodeRate };
    },
  },
  update: {
    what: "one update, 6 rows of 128 tokens, rank 8",
    isTime: true,
    unit: "ms",
    async measure(engine, _, isQuick) {
      const lengths = isQuick
        ? { promptTokens: 8, replyTokens: 8 }
        : { promptTokens: 96, replyTokens: 32 };
      const rows = isQuick ? 1 : 6;
      return { value: await engine.call("update", { rows, iterations: 1, ...lengths }) };
    },
  },
} satisfies Record<string, Kind>;

const kindNames = Object.keys(kinds) as (keyof typeof kinds)[];
const cells = modelNames.flatMap((model) =>
  (model === "mini" ? ["f32"] : ["f32", "q4"]).map((precision) => ({
    model,
    precision: precision as Precision,
  })),
);
const figureOf = (kind: keyof typeof kinds, model: ModelName, precision: Precision): Figure => ({
  id: `webgpu_${model}_${precision}_${kind}`,
  what: `${kinds[kind].what}, PROVIDER=webgpu against cpu`,
  unit: "×",
  target: 1,
  bound: "at least",
});

export const webgpu: Family = {
  figures: cells.flatMap(({ model, precision }) =>
    kindNames.map((kind) => figureOf(kind, model, precision)),
  ),

  async *measure(wanted, context) {
    for (const { model, precision } of cells) {
      const asked = kindNames.flatMap((kind) => {
        const { id } = figureOf(kind, model, precision);
        return wanted.filter((figure) => figure.id === id).map((figure) => ({ kind, figure }));
      });
      if (asked.length === 0) continue;
      const device = await startEngine(model, precision, context, { provider: "webgpu" }).catch(
        (error: Error) => error,
      );
      if (device instanceof Error) {
        for (const { figure } of asked) yield { figure, missing: firstLine(device) };
        continue;
      }
      const host = await startEngine(model, precision, context);
      try {
        for (const { kind, figure } of asked) {
          context.say(figure.id);
          yield await compare(figure, kinds[kind], { device, host }, context);
        }
      } finally {
        await Promise.all([device.stop(), host.stop()]);
      }
    }
  },
};

/** One measurement of each side on the same prompt in each round; the first round only warms up. */
async function compare(
  figure: Figure,
  kind: Kind,
  sides: { device: Engine; host: Engine },
  { isQuick, threads }: Context,
): Promise<Outcome> {
  const rounds = isQuick ? 1 : 3;
  const found = { device: [] as number[], host: [] as number[] };
  const same: string[] = [];
  for (let round = 0; round <= rounds; round++) {
    const seed = `${figure.id} ${round}`;
    const device = await kind.measure(sides.device, seed, isQuick);
    const host = await kind.measure(sides.host, seed, isQuick);
    if (device.ids && host.ids) same.push(sameStart(device.ids, host.ids));
    if (round === 0) continue;
    found.device.push(device.value);
    found.host.push(host.value);
  }
  const ratios = found.device.map((value, round) =>
    kind.isTime ? found.host[round]! / value : value / found.host[round]!,
  );
  const agreement = same.length === 0 ? "" : `; equal tokens of each reply: ${same.join(", ")}`;
  return {
    figure,
    value: medianOf(ratios),
    peer: "cpu",
    note:
      `${shown(medianOf(found.device))} against ${shown(medianOf(found.host))} ${kind.unit} ` +
      `of ${threads} threads, medians of ${rounds}${agreement}`,
  };
}

/** Number of equal tokens at the beginning of two replies, and the number compared. */
function sameStart(a: readonly number[], b: readonly number[]): string {
  let count = 0;
  while (count < a.length && a[count] === b[count]) count++;
  return `${count}/${a.length}`;
}

function shown(value: number): string {
  return value >= 1000 ? value.toFixed(0) : value.toPrecision(3);
}

function firstLine(error: Error): string {
  return error.message.split("\n")[0]!;
}
