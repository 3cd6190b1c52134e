/**
 * What the edge adds to the GPU service: milliseconds of one request and their parts, requests/s, CPU time. A minimal
 * Worker runs beside it in each run and separates the runtime's time from our code's.
 */
import type { Context, Family, Figure, Outcome } from "../figure.ts";
import { Edge } from "../support/edge.ts";
import { Floor } from "../support/floor.ts";
import { GpuProcess, gpuSecret } from "../support/gpu-process.ts";
import { medianOf } from "../support/statistics.ts";

const connections = 16;
const messages = [{ role: "user", content: "Sort them, as plain text: 6 2 9 4 1" }];
const chat = { model: "rosa2", messages, max_tokens: 16, temperature: 0 };
const alone = {
  tenant: "t",
  adapter: null,
  messages,
  sampling: { max_tokens: 16, temperature: 0 },
};
/** The request that the edge sends for a reply without a stream. */
const whole = { ...alone, deltas: false };

const first: Figure = {
  id: "added_first",
  what: "milliseconds that the edge adds to the first token of a stateless chat (p50, sequential)",
  unit: "ms",
  target: 5,
  bound: "at most",
};
const end: Figure = {
  id: "added_end",
  what: "milliseconds that the edge adds from the last token to the stream's end (p50, sequential)",
  unit: "ms",
  target: 5,
  bound: "at most",
};
const rate: Figure = {
  id: "added_rate",
  what: `chats/s with ${connections} connections, against 1/(1/GPU service + 1/bare route)`,
  unit: "×",
  target: 0.9,
  bound: "at least",
};
const cpu: Figure = {
  id: "added_cpu",
  what: `CPU of the runtime for a chat with ${connections} connections, objects and SQLite included`,
  unit: "ms",
  // CPU time that the platform's free plan allows for a request.
  target: 10,
  bound: "at most",
};

const floorFirst: Figure = {
  ...first,
  id: "added_first_floor",
  what: "the same of the least Worker that has a Durable Object write a row",
};
const floorRate: Figure = {
  ...rate,
  id: "added_rate_floor",
  what: "chats/s of the least Worker with a Durable Object, against the same",
};

const streams = [first, end, floorFirst];
const rates = [rate, cpu, floorRate];

export const added: Family = {
  figures: [...streams, ...rates],

  async *measure(wanted, context) {
    const gpu = await GpuProcess.spawn("mini", context);
    const variables = { GPU_URL: gpu.url, GPU_SECRET: gpuSecret };
    let edge: Edge | null = null;
    let floor: Floor | null = null;
    try {
      await gpu.firstReply(alone);
      edge = await Edge.start(1, variables);
      floor = await Floor.start(variables);
      const sides = { edge, floor, gpu };
      const outcomes: Outcome[] = [];
      if (streams.some((figure) => wanted.includes(figure))) {
        outcomes.push(...(await measureStreams(sides, context)));
      }
      if (rates.some((figure) => wanted.includes(figure))) {
        outcomes.push(...(await measureRates(sides, context)));
      }
      yield* outcomes.filter(({ figure }) => wanted.includes(figure));
    } finally {
      await edge?.stop();
      await floor?.stop();
      await gpu.stop();
    }
  },
};

interface Sides {
  edge: Edge;
  floor: Floor;
  gpu: GpuProcess;
}

/** Requests one after the other, each way in turn; then the parts of the edge's added time. */
async function measureStreams({ edge, floor, gpu }: Sides, { isQuick, say }: Context) {
  const { key } = edge.tenants[0]!;
  const repeats = isQuick ? 20 : 200;
  say(`${repeats} streams through the edge, as many without it and through the least Worker`);
  const ways = {
    gpu: () => gpu.post(alone),
    pipe: () => floor.reply("pipe", alone),
    object: () => floor.reply("object", alone),
    edge: () => edge.call(key, "/v1/chat/completions", { ...chat, stream: true }),
  };
  type Way = keyof typeof ways;
  const times: Record<Way, Stream[]> = { gpu: [], pipe: [], object: [], edge: [] };
  for (let n = -10; n < repeats; n++) {
    if (n === 0) await edge.gpuMs();
    for (const way of Object.keys(ways) as Way[]) {
      const time = await timesOf(ways[way]());
      if (n >= 0) times[way].push(time);
    }
  }
  const gpuMs = await edge.gpuMs();
  const of = (way: Way, what: keyof Stream) => medianOf(times[way].map((one) => one[what]));
  const addedBy = (way: Way, what: keyof Stream) => of(way, what) - of("gpu", what);
  const addedMs = addedBy("edge", "firstMs");
  say("the parts of a request");
  const runtimeMs = await wholeOf(repeats, () => floor.constant());
  const bareMs = await wholeOf(repeats, () => edge.call(key, "/v1/models/rosa2"));
  const refusedMs = await wholeOf(repeats, () =>
    // A request whose last field is wrong: the whole body is read and validated, and nothing else is done.
    fetch(`${edge.url}/v1/chat/completions`, {
      method: "POST",
      headers: { authorization: `Bearer ${key}`, "content-type": "application/json" },
      body: JSON.stringify({ ...chat, top_logprobs: 99 }),
    }),
  );
  const parts = {
    "the runtime's own answer": runtimeMs,
    "middleware and key": bareMs - runtimeMs,
    "body and validation": refusedMs - bareMs,
    "hop to the GPU service (mean)": gpuMs - of("gpu", "headMs"),
  };
  const known = Object.values(parts).reduce((sum, ms) => sum + ms, 0);
  const told = Object.entries({ ...parts, "serialisation and the rest": addedMs - known })
    .map(([what, ms]) => `${what} ${ms.toFixed(1)}`)
    .join(", ");
  const pair = (what: keyof Stream, way: Way = "edge") =>
    `${of(way, what).toFixed(1)} ms against ${of("gpu", what).toFixed(1)}, medians of ${repeats}`;
  return [
    {
      figure: first,
      value: addedMs,
      peer: "GPU service alone",
      note: `${pair("firstMs")}; ${told}`,
    },
    {
      figure: end,
      value: addedBy("edge", "endMs"),
      peer: "GPU service alone",
      note: pair("endMs"),
    },
    {
      figure: floorFirst,
      value: addedBy("object", "firstMs"),
      peer: "GPU service alone",
      note: `${pair("firstMs", "object")}; a pipe alone +${addedBy("pipe", "firstMs").toFixed(1)}, a constant ${runtimeMs.toFixed(1)}`,
    },
  ];
}

interface Stream {
  /** From the call to the answer's head, to its first token, and from its last token to its end. */
  headMs: number;
  firstMs: number;
  endMs: number;
}

async function timesOf(call: Promise<Response>): Promise<Stream> {
  const startedAt = performance.now();
  const response = await call;
  const headAt = performance.now();
  if (!response.ok) throw new Error(`${response.status}: ${await response.text()}`);
  const decoder = new TextDecoder();
  let firstAt: number | null = null;
  let lastAt = startedAt;
  for await (const chunk of response.body as unknown as AsyncIterable<Uint8Array>) {
    // A token of the GPU service's stream, or of OpenAI's.
    if (!/"type":"delta"|"delta":\{"content":"[^"]/.test(decoder.decode(chunk))) continue;
    lastAt = performance.now();
    firstAt ??= lastAt;
  }
  if (firstAt === null) throw new Error("The stream had no token");
  const endMs = performance.now() - lastAt;
  return { headMs: headAt - startedAt, firstMs: firstAt - startedAt, endMs };
}

/** The median of whole answers, milliseconds. */
async function wholeOf(repeats: number, call: () => Promise<Response>): Promise<number> {
  const times: number[] = [];
  for (let n = 0; n < repeats; n++) {
    const startedAt = performance.now();
    await (await call()).arrayBuffer();
    times.push(performance.now() - startedAt);
  }
  return medianOf(times);
}

/** Requests/s of each way in turn; the runtime's CPU time while it chats. */
async function measureRates({ edge, floor, gpu }: Sides, { isQuick, say }: Context) {
  const { key } = edge.tenants[0]!;
  const [rounds, calls] = isQuick ? [2, 64] : [7, 320];
  const ways = {
    gpu: () => gpu.post(whole),
    bare: () => edge.call(key, "/v1/models/rosa2"),
    chat: () => edge.call(key, "/v1/chat/completions", chat),
    constant: () => floor.constant(),
    pipe: () => floor.reply("pipe", whole),
    object: () => floor.reply("object", whole),
  };
  type Way = keyof typeof ways;
  const names = Object.keys(ways) as Way[];
  const empty = () => Object.fromEntries(names.map((way) => [way, []])) as unknown;
  const rates = empty() as Record<Way, number[]>;
  const cpuMs = empty() as Record<Way, number[]>;
  const spentMs = () => edge.cpuMs() + floor.cpuMs();
  for (let round = 0; round <= rounds; round++) {
    say(`${calls} calls of each, round ${round} of ${rounds}`);
    for (const way of names) {
      const before = spentMs();
      const perS = await rateOf(calls, ways[way]);
      // In the first round the runtimes still compile, so it is not counted.
      if (round === 0) continue;
      rates[way].push(perS);
      cpuMs[way].push((spentMs() - before) / calls);
    }
  }
  const of = (way: Way) => medianOf(rates[way]);
  const cpuOf = (way: Way) => `${medianOf(cpuMs[way]).toFixed(1)} ms`;
  const allowed = 1 / (1 / of("gpu") + 1 / of("bare"));
  const each = `${of("chat").toFixed(0)} chats/s; GPU service alone ${of("gpu").toFixed(0)}, bare route ${of("bare").toFixed(0)}, in a row ${allowed.toFixed(0)}; medians of ${rounds}`;
  return [
    { figure: rate, value: of("chat") / allowed, peer: "both in a row", note: each },
    {
      figure: cpu,
      value: medianOf(cpuMs.chat),
      peer: null,
      note: `medians of ${rounds} × ${calls} chats; a bare route ${cpuOf("bare")}, the least Worker's constant ${cpuOf("constant")}, pipe ${cpuOf("pipe")}, with an object ${cpuOf("object")}`,
    },
    {
      figure: floorRate,
      value: of("object") / allowed,
      peer: "both in a row",
      note: `${of("object").toFixed(0)} chats/s; a pipe alone ${of("pipe").toFixed(0)}, a constant ${of("constant").toFixed(0)}`,
    },
  ];
}

async function rateOf(calls: number, call: () => Promise<Response>): Promise<number> {
  const startedAt = performance.now();
  let next = 0;
  const work = async () => {
    while (next++ < calls) {
      const response = await call();
      if (!response.ok) throw new Error(`${response.status}: ${await response.text()}`);
      await response.arrayBuffer();
    }
  };
  await Promise.all(Array.from({ length: connections }, work));
  return (calls * 1000) / (performance.now() - startedAt);
}
