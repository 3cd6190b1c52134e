/** What the edge adds to the GPU service: milliseconds of one request and their parts, requests/s, CPU time. */
import type { Context, Family, Figure, Outcome } from "../figure.ts";
import { Edge } from "../support/edge.ts";
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
/** As the edge asks for a reply that nobody watches grow. */
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
  // What the platform's free plan lets a request take.
  target: 10,
  bound: "at most",
};

export const added: Family = {
  figures: [first, end, rate, cpu],

  async *measure(wanted, context) {
    const gpu = await GpuProcess.spawn("mini", context);
    let edge: Edge | null = null;
    try {
      await gpu.firstReply(alone);
      edge = await Edge.start(1, { GPU_URL: gpu.url, GPU_SECRET: gpuSecret });
      const outcomes: Outcome[] = [];
      if (wanted.includes(first) || wanted.includes(end)) {
        outcomes.push(...(await measureStreams(edge, gpu, context)));
      }
      if (wanted.includes(rate) || wanted.includes(cpu)) {
        outcomes.push(...(await measureRates(edge, gpu, context)));
      }
      yield* outcomes.filter(({ figure }) => wanted.includes(figure));
    } finally {
      await edge?.stop();
      await gpu.stop();
    }
  },
};

/** One after the other, the edge and the GPU service alone in turn; then the parts of what the edge adds. */
async function measureStreams(edge: Edge, gpu: GpuProcess, { isQuick, say }: Context) {
  const { key } = edge.tenants[0]!;
  const repeats = isQuick ? 20 : 200;
  say(`${repeats} streams through the edge and as many without it`);
  const through = () => edge.call(key, "/v1/chat/completions", { ...chat, stream: true });
  const times = { edge: [] as Stream[], gpu: [] as Stream[] };
  for (let n = -10; n < repeats; n++) {
    const [a, b] = [await timesOf(gpu.post(alone)), await timesOf(through())];
    if (n === 0) await edge.spent();
    if (n < 0) continue;
    times.gpu.push(a);
    times.edge.push(b);
  }
  const { purseMs, gpuMs } = await edge.spent();
  const of = (side: keyof typeof times, what: keyof Stream) =>
    medianOf(times[side].map((one) => one[what]));
  const addedMs = of("edge", "firstMs") - of("gpu", "firstMs");
  say("the parts of a request");
  const runtimeMs = await wholeOf(repeats, () =>
    fetch(`${edge.url}/v1/__spent`, { method: "POST" }),
  );
  const bareMs = await wholeOf(repeats, () => edge.call(key, "/v1/models/rosa2"));
  const refusedMs = await wholeOf(repeats, () =>
    // Its last field is wrong, so that the whole body is read and validated, and nothing is done.
    fetch(`${edge.url}/v1/chat/completions`, {
      method: "POST",
      headers: { authorization: `Bearer ${key}`, "content-type": "application/json" },
      body: JSON.stringify({ ...chat, top_logprobs: 99 }),
    }),
  );
  const gpuAloneMs = medianOf(times.gpu.map(({ headMs }) => headMs));
  const parts = {
    "the runtime's own answer": runtimeMs,
    "middleware and key": bareMs - runtimeMs,
    "body and validation": refusedMs - bareMs,
    "hop to the GPU service (mean)": gpuMs - gpuAloneMs,
  };
  const known = Object.values(parts).reduce((sum, ms) => sum + ms, 0);
  const told = Object.entries({ ...parts, "serialisation and the rest": addedMs - known })
    .map(([what, ms]) => `${what} ${ms.toFixed(1)}`)
    .join(", ");
  const pair = (what: keyof Stream) =>
    `${of("edge", what).toFixed(1)} ms against ${of("gpu", what).toFixed(1)}, medians of ${repeats}`;
  return [
    {
      figure: first,
      value: addedMs,
      peer: "GPU service alone",
      note: `${pair("firstMs")}; ${told}; beside the GPU service's part the purse ${purseMs.toFixed(1)}`,
    },
    {
      figure: end,
      value: of("edge", "endMs") - of("gpu", "endMs"),
      peer: "GPU service alone",
      note: pair("endMs"),
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

/** Requests/s of the three in turn; the edge's CPU time while it chats. */
async function measureRates(edge: Edge, gpu: GpuProcess, { isQuick, say }: Context) {
  const { key } = edge.tenants[0]!;
  const [rounds, calls] = isQuick ? [2, 64] : [7, 320];
  const sides = {
    gpu: () => gpu.post(whole),
    bare: () => edge.call(key, "/v1/models/rosa2"),
    chat: () => edge.call(key, "/v1/chat/completions", chat),
  };
  const rates = { gpu: [] as number[], bare: [] as number[], chat: [] as number[] };
  const cpuMs: number[] = [];
  for (let round = 0; round <= rounds; round++) {
    say(`${calls} calls of each, round ${round} of ${rounds}`);
    for (const side of ["gpu", "bare", "chat"] as const) {
      const cpuBefore = edge.cpuMs();
      const perS = await rateOf(calls, sides[side]);
      // The first round is for whatever the runtimes compile.
      if (round === 0) continue;
      rates[side].push(perS);
      if (side === "chat") cpuMs.push((edge.cpuMs() - cpuBefore) / calls);
    }
  }
  const of = (side: keyof typeof rates) => medianOf(rates[side]);
  const allowed = 1 / (1 / of("gpu") + 1 / of("bare"));
  const each = `${of("chat").toFixed(0)} chats/s; GPU service alone ${of("gpu").toFixed(0)}, bare route ${of("bare").toFixed(0)}, in a row ${allowed.toFixed(0)}; medians of ${rounds}`;
  return [
    { figure: rate, value: of("chat") / allowed, peer: "both in a row", note: each },
    {
      figure: cpu,
      value: medianOf(cpuMs),
      peer: null,
      note: `medians of ${rounds} × ${calls} chats`,
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
