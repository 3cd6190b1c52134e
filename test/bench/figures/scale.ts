/** What many sessions of many tenants cost the shared parts, and whether the sessions slow each other down. */
import { setTimeout as sleep } from "node:timers/promises";
import type { Context, Family, Figure, Outcome } from "../figure.ts";
import { Edge } from "../support/edge.ts";

const tenantCounts = [1, 10, 100];
const turnsPerSession = 10;
const atOnce = 8;
/** How long usage may wait before it is reported to the account; deployed it is five minutes. */
const meteringMs = 5_000;

const d1: Figure = {
  id: "scale_d1",
  what: "D1 statements for 1,000 turns, the most of any number of tenants",
  unit: "statements",
  target: 2,
  bound: "at most",
};
const account: Figure = {
  id: "scale_account",
  what: `calls on account objects for each session of ${turnsPerSession} turns`,
  unit: "calls",
  // Three a session, and twenty for a thousand turns.
  target: 3 + (20 * turnsPerSession) / 1000,
  bound: "at most",
};
const speed: Figure = {
  id: "scale_speed",
  what: `turns/s with ${tenantCounts.at(-1)} tenants against one`,
  unit: "×",
  target: 0.9,
  bound: "at least",
};
const bytes: Figure = {
  id: "scale_bytes",
  what: "bytes kept for each turn, session and account together",
  unit: "bytes",
  target: 20_000,
  bound: "at most",
};

interface Load {
  tenants: number;
  turnsPerS: number;
  d1PerThousand: number;
  accountPerSession: number;
  bytesPerTurn: number;
}

export const scale: Family = {
  figures: [d1, account, speed, bytes],

  async *measure(wanted, context) {
    const edge = await Edge.start(tenantCounts.at(-1)!, { METERING_MS: String(meteringMs) });
    try {
      const loads: Load[] = [];
      for (const tenants of tenantCounts) loads.push(await run(edge, tenants, context));
      yield* outcomesOf(loads).filter(({ figure }) => wanted.includes(figure));
    } finally {
      await edge.stop();
    }
  },
};

function outcomesOf(loads: readonly Load[]): Outcome[] {
  const each = (of: (load: Load) => number, digits: number) =>
    loads.map((load) => `${load.tenants}: ${of(load).toFixed(digits)}`).join(", ");
  const [one, many] = [loads[0]!, loads.at(-1)!];
  const most = (of: (load: Load) => number) => Math.max(...loads.map(of));
  const outcome = (figure: Figure, value: number, note: string) => ({
    figure,
    value,
    peer: null,
    note: `by tenants ${note}`,
  });
  return [
    outcome(
      d1,
      most((load) => load.d1PerThousand),
      each((load) => load.d1PerThousand, 2),
    ),
    outcome(
      account,
      most((load) => load.accountPerSession),
      each((load) => load.accountPerSession, 2),
    ),
    outcome(
      speed,
      many.turnsPerS / one.turnsPerS,
      each((load) => load.turnsPerS, 1),
    ),
    outcome(
      bytes,
      most((load) => load.bytesPerTurn),
      each((load) => load.bytesPerTurn, 0),
    ),
  ];
}

/**
 * Runs sessions of `tenants` tenants, some at a time, each with its turns one after the other; then waits until the
 * world is at rest.
 */
async function run(edge: Edge, tenants: number, { isQuick, say }: Context): Promise<Load> {
  const sessions = isQuick ? Math.max(8, tenants) : 200;
  say(`${tenants} tenants, ${sessions} sessions of ${turnsPerSession} turns, ${atOnce} at once`);
  // An isolate looks a key up once. That is done here, before anything is counted.
  for (const { key } of edge.tenants.slice(0, tenants))
    await edge.make(key, "/v1/sessions?limit=1");
  await sleep(2 * meteringMs);
  await edge.late(0);
  const before = edge.bytes();
  const startedAt = performance.now();
  let next = 0;
  const work = async () => {
    while (next < sessions) {
      const { key } = edge.tenants[next++ % tenants]!;
      const { id } = await edge.make<{ id: string }>(key, "/v1/sessions", {});
      for (let turn = 0; turn < turnsPerSession; turn++) {
        await edge.make(key, `/v1/sessions/${id}/turns`, {
          content: `turn ${turn}: one two three`,
        });
      }
    }
  };
  await Promise.all(Array.from({ length: atOnce }, work));
  const seconds = (performance.now() - startedAt) / 1000;
  // Everything that is reported after the answers has arrived.
  await sleep(4 * meteringMs);
  const calls = await edge.late(0);
  const turns = sessions * turnsPerSession;
  return {
    tenants,
    turnsPerS: turns / seconds,
    d1PerThousand: (calls.d1 * 1000) / turns,
    accountPerSession: calls.account / sessions,
    bytesPerTurn: (edge.bytes() - before) / turns,
  };
}
