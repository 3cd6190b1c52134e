/**
 * How often a request waits for a call outside its region before the first token. Beside it, the times with every such
 * call 150 ms late.
 */
import { createHash, randomUUID } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import { SignJWT } from "jose";
import type { Behaviour } from "../../support/fake-gpu-calls.ts";
import type { Family, Figure } from "../figure.ts";
import { Edge, tokenSecret } from "../support/edge.ts";
import { medianOf } from "../support/statistics.ts";

const lateMs = 150;
/** Delay of such calls when waits are counted: long relative to everything else on the machine. */
const countedMs = 1_000;

interface Row {
  id: string;
  what: string;
  /** Allowed number of waits. */
  target: number;
  /** Whether the time is that from the last token to the stream's end. */
  isEnd?: boolean;
  /** Prepares the state without delays, and returns the call to measure. */
  prepare(edge: Edge): Promise<() => Promise<Response>>;
}

const hello = {
  model: "fake-mini",
  messages: [{ role: "user", content: "one two three four" }],
  stream: true,
};
const turn = { content: "one two three four", stream: true };

const rows: Row[] = [
  {
    id: "wan_chat",
    what: "stateless chat, key and region known",
    target: 0,
    async prepare(edge) {
      const { key } = edge.tenants[0]!;
      await (await edge.call(key, "/v1/chat/completions", hello)).text();
      return () => edge.call(key, "/v1/chat/completions", hello);
    },
  },
  {
    id: "wan_cold_key",
    what: "stateless chat with a key that this isolate does not know",
    target: 1,
    async prepare(edge) {
      const { key: admin } = edge.tenants[0]!;
      await (await edge.call(admin, "/v1/chat/completions", hello)).text();
      const { key } = await edge.make<{ key: string }>(admin, "/v1/keys", { name: "cold" });
      return () => edge.call(key, "/v1/chat/completions", hello);
    },
  },
  {
    id: "wan_token",
    what: "stateless chat with a client token seen for the first time",
    target: 0,
    async prepare(edge) {
      const { key } = edge.tenants[0]!;
      await (await edge.call(key, "/v1/chat/completions", hello)).text();
      const owner = randomUUID();
      const { token } = await edge.make<{ token: string }>(key, "/v1/client_tokens", { owner });
      return () => edge.call(token, "/v1/chat/completions", hello);
    },
  },
  {
    id: "wan_idempotent_chat",
    what: "stateless chat with an Idempotency-Key",
    target: 1,
    async prepare(edge) {
      const { key } = edge.tenants[0]!;
      await (await edge.call(key, "/v1/chat/completions", hello)).text();
      const keyed = { "idempotency-key": randomUUID() };
      return () => edge.call(key, "/v1/chat/completions", hello, keyed);
    },
  },
  {
    id: "wan_first_turn",
    what: "a session's first turn",
    target: 0,
    async prepare(edge) {
      const { key } = edge.tenants[0]!;
      const { id } = await edge.make<{ id: string }>(key, "/v1/sessions", {});
      return () => edge.call(key, `/v1/sessions/${id}/turns`, turn);
    },
  },
  {
    id: "wan_idempotent_turn",
    what: "a later turn with an Idempotency-Key",
    target: 0,
    async prepare(edge) {
      const { key } = edge.tenants[0]!;
      const { id } = await edge.make<{ id: string }>(key, "/v1/sessions", {});
      await (await edge.call(key, `/v1/sessions/${id}/turns`, turn)).text();
      const keyed = { "idempotency-key": randomUUID() };
      return () => edge.call(key, `/v1/sessions/${id}/turns`, turn, keyed);
    },
  },
  {
    id: "wan_rested_turn",
    what: "a turn of a session that has given its lease back, no cap set",
    target: 0,
    async prepare(edge) {
      const { key } = edge.tenants[0]!;
      const { id } = await edge.make<{ id: string }>(key, "/v1/sessions", {});
      await (await edge.call(key, `/v1/sessions/${id}/turns`, turn)).text();
      await giveBack(edge, key);
      return () => edge.call(key, `/v1/sessions/${id}/turns`, turn);
    },
  },
  {
    id: "wan_rested_chat",
    what: "stateless chat where the region's purse has given its lease back, no cap set",
    target: 0,
    async prepare(edge) {
      const { key } = edge.tenants[0]!;
      await (await edge.call(key, "/v1/chat/completions", hello)).text();
      await giveBack(edge, key);
      return () => edge.call(key, "/v1/chat/completions", hello);
    },
  },
  {
    id: "wan_stream_end",
    what: "from a turn's last token to the end of its stream",
    target: 0,
    isEnd: true,
    async prepare(edge) {
      const { key } = edge.tenants[0]!;
      const { id } = await edge.make<{ id: string }>(key, "/v1/sessions", {});
      return () => edge.call(key, `/v1/sessions/${id}/turns`, turn);
    },
  },
  {
    id: "wan_feedback",
    what: "feedback with correction and retry",
    target: 1,
    async prepare(edge) {
      const { key } = edge.tenants[0]!;
      const path = await corrected(edge, key);
      return () =>
        edge.call(key, path, { reward: -1, correction: randomUUID(), retry: true, stream: true });
    },
  },
  {
    id: "wan_open",
    what: "opening a session, to the answer",
    target: 1,
    async prepare(edge) {
      const { key } = edge.tenants[0]!;
      return () => edge.call(key, "/v1/sessions", {});
    },
  },
  {
    id: "wan_named",
    what: "the first stateless chat of an owner with a cap: its purse is met by name, then lent money",
    target: 2,
    async prepare(edge) {
      const { key } = edge.tenants[0]!;
      const { token } = await edge.make<{ token: string }>(key, "/v1/client_tokens", {
        owner: randomUUID(),
        cap_usd: 1,
      });
      return () => edge.call(token, "/v1/chat/completions", hello);
    },
  },
  {
    id: "wan_cold_adapter",
    what: "a turn where the GPU service lacks the session's adapter (409, then R2)",
    target: 1,
    async prepare(edge) {
      const { key, id: tenant } = edge.tenants[0]!;
      const path = await corrected(edge, key);
      const feedback = { reward: -1, correction: "five six", retry: true };
      await (await edge.call(key, path, feedback)).text();
      await fetch(`${edge.gpuUrls[0]}/__forget?tenant=${tenant}`, { method: "POST" });
      const session = path.split("/").slice(0, 4).join("/");
      return () => edge.call(key, `${session}/turns`, turn);
    },
  },
  {
    id: "wan_cold_revocations",
    what: "stateless chat with a client token of a tenant whose revocations this isolate does not know",
    target: 1,
    async prepare(edge) {
      const { key, id: tenantId } = unmet(edge);
      await (await edge.call(key, "/v1/chat/completions", hello)).text();
      const token = await oldToken(tenantId);
      return () => edge.call(token, "/v1/chat/completions", hello);
    },
  },
  {
    id: "wan_pool_near",
    what: "a turn answered by the GPU service of the session's region, which is the caller's",
    target: 0,
    async prepare(edge) {
      const { key } = edge.tenants[0]!;
      const { id } = await edge.make<{ id: string }>(key, "/v1/sessions", { region: "enam" });
      return () => edge.call(key, `/v1/sessions/${id}/turns`, turn);
    },
  },
  {
    id: "wan_pool_next",
    what: "a turn where that GPU service is away: the next region's answers",
    target: 1,
    async prepare(edge) {
      const { key, id: tenant } = edge.tenants.at(-1)!;
      const { id } = await edge.make<{ id: string }>(key, "/v1/sessions", { region: "enam" });
      await behave(edge, tenant, { down: ["/v1/generate"] });
      return () => edge.call(key, `/v1/sessions/${id}/turns`, turn);
    },
  },
  {
    id: "wan_pool_adapter",
    what: "the same where the next region's lacks the session's adapter (409 while R2 is asked, then the bytes)",
    target: 2,
    async prepare(edge) {
      const { key, id: tenant } = edge.tenants.at(-1)!;
      await behave(edge, tenant, {});
      const path = await corrected(edge, key);
      const feedback = { reward: -1, correction: randomUUID(), retry: true };
      await (await edge.call(key, path, feedback)).text();
      await behave(edge, tenant, { down: ["/v1/generate"] });
      const session = path.split("/").slice(0, 4).join("/");
      return () => edge.call(key, `${session}/turns`, turn);
    },
  },
];

/** Reading the budget returns unused parts of leases, as happens at rest. */
async function giveBack(edge: Edge, key: string): Promise<void> {
  // What a call has cost is settled behind its answer.
  for (;;) {
    const budget = await edge.make<{ reserved_usd: number }>(key, "/v1/budget");
    if (budget.reserved_usd === 0) return;
    await sleep(20);
  }
}

/** Tenants without any earlier request, each returned once. */
let met = 1;
function unmet(edge: Edge) {
  const tenant = edge.tenants[met++];
  if (tenant === undefined || met === edge.tenants.length) throw new Error("Too few tenants");
  return tenant;
}

/** A client token made a minute ago: a token younger than fifteen seconds needs no revocation list. */
async function oldToken(tenant: string): Promise<string> {
  const madeAt = Math.floor(Date.now() / 1000) - 60;
  const kid = createHash("sha256").update(`kid of ${tokenSecret}`).digest("hex").slice(0, 16);
  return await new SignJWT({ tenant, key: "key_bench", requests_per_minute: 1200 })
    .setProtectedHeader({ alg: "HS256", typ: "JWT", kid })
    .setSubject(randomUUID())
    .setAudience("rosa2")
    .setIssuedAt(madeAt)
    .setExpirationTime(madeAt + 900)
    .sign(new TextEncoder().encode(tokenSecret));
}

/** How the nearer GPU service behaves towards a tenant. */
async function behave(edge: Edge, tenant: string, behaviour: Behaviour): Promise<void> {
  await fetch(`${edge.gpuUrls[0]}/__behaviour?tenant=${tenant}`, {
    method: "POST",
    body: JSON.stringify(behaviour),
  });
}

/** The path of feedback on a turn of a new session. */
async function corrected(edge: Edge, key: string): Promise<string> {
  const { id } = await edge.make<{ id: string }>(key, "/v1/sessions", {});
  const turns = `/v1/sessions/${id}/turns`;
  const asked = await edge.make<{ id: string }>(key, turns, { content: "one two" });
  return `${turns}/${asked.id}/feedback`;
}

const figures = new Map<Figure, Row>(
  rows.map((row) => [
    {
      id: row.id,
      what: `waits outside the region: ${row.what}`,
      unit: "waits",
      target: row.target,
      bound: "at most",
    },
    row,
  ]),
);

export const wan: Family = {
  figures: [...figures.keys()],

  async *measure(wanted, { isQuick, say }) {
    const edge = await Edge.start(32);
    try {
      for (const figure of wanted) {
        say(figure.id);
        const row = figures.get(figure)!;
        const near = await timesOf(edge, row, 0, isQuick ? 3 : 9);
        const far = await timesOf(edge, row, lateMs, isQuick ? 3 : 9);
        // A busy machine only adds time, so the fastest call shows how often it waited.
        const late = await timesOf(edge, row, countedMs, 2);
        const waits = (Math.min(...late.times) - Math.min(...near.times)) / countedMs;
        yield {
          figure,
          value: Math.max(0, Math.round(waits)),
          peer: null,
          note: `${medianOf(near.times).toFixed(1)} ms near, ${medianOf(far.times).toFixed(1)} ms with every such call ${lateMs} ms late, medians of ${near.times.length}; such calls: ${far.calls}`,
        };
      }
    } finally {
      await edge.stop();
    }
  },
};

async function timesOf(edge: Edge, row: Row, ms: number, repeats: number) {
  const times: number[] = [];
  let calls = "";
  // In the first round the runtime still compiles, so it is not counted.
  for (let repeat = 0; repeat <= repeats; repeat++) {
    await edge.late(0);
    const call = await row.prepare(edge);
    await edge.late(ms);
    const time = await timeOf(call, row.isEnd === true);
    const counted = Object.entries(await edge.late(0)).filter(([, n]) => n > 0);
    calls = counted.map(([kind, n]) => `${n} ${kind}`).join(", ") || "none";
    if (repeat > 0) times.push(time);
  }
  return { times, calls };
}

/** Milliseconds to the first token (to the whole answer where there is no stream), or from the last to the end. */
async function timeOf(call: () => Promise<Response>, isEnd: boolean): Promise<number> {
  const startedAt = performance.now();
  const response = await call();
  const decoder = new TextDecoder();
  let firstAt: number | null = null;
  let lastAt = startedAt;
  for await (const chunk of response.body as unknown as AsyncIterable<Uint8Array>) {
    // A token of a session's stream, or of OpenAI's; other events are about requests and words.
    if (!/event: delta|"delta":\{"content":"[^"]/.test(decoder.decode(chunk))) continue;
    lastAt = performance.now();
    firstAt ??= lastAt;
  }
  const endedAt = performance.now();
  return isEnd ? endedAt - lastAt : (firstAt ?? endedAt) - startedAt;
}
