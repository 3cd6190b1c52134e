/** How long a tenant waits beside one that floods, on the fake model and a clock that only its runs move. */
import { afterEach, describe, expect, it } from "vitest";
import { StepTimes, TenantShares } from "../../../gpu-service/src/engine/batch/tenant-shares.ts";
import { Serving } from "../support/serving.ts";

let nowMs = 0;
let serving: Serving | undefined;
afterEach(async () => {
  await serving?.stop();
  serving = undefined;
});

/** `stepMs` is the time of a decode step, by its rows. A prompt's chunk takes 4 ms and a slice 30 ms. */
function start(stepMs: (rows: number) => number, options: { rowsMax?: number } = {}): Serving {
  nowMs = 0;
  const own = new Serving({ rowsMax: 16, slots: 60, ...options, now: () => nowMs });
  own.model.onRun = ({ kind, rows }) => {
    nowMs += kind === "decode" ? stepMs(rows) : 4;
  };
  serving = own;
  return own;
}

/** As on a CPU: every row takes time. */
const onCpu = (rows: number) => 1 + rows / 2;
/** As on a GPU: further rows take hardly any time. */
const onGpu = (rows: number) => 20 + rows / 8;

async function* slices(count: number): AsyncGenerator<undefined, number, boolean> {
  for (let i = 0; i < count; i++) {
    nowMs += 30;
    yield undefined;
  }
  return nowMs;
}

/** Keeps `replies` long replies of one tenant running, and as many updates as wanted, until `isOver`. */
function flood(
  own: Serving,
  replies: number,
  isOver: () => boolean,
  updates = 0,
): Promise<unknown> {
  let lastId = 10_000;
  const reply = async (i: number) => {
    for (let n = 0; !isOver(); n++) {
      const content = `say ${String.fromCharCode(97 + i).repeat(100 + ((i * 37 + n) % 90))}`;
      await own.ask({ content, tenant: "heavy", tokensMax: 200 }).over;
    }
  };
  const update = async () => {
    while (!isOver())
      await own.scheduler.runBackground({ id: ++lastId, tenant: "heavy", priority: 1 }, slices(5));
  };
  return Promise.all([
    ...Array.from({ length: replies }, (_, i) => reply(i)),
    ...Array.from({ length: updates }, update),
  ]);
}

/** Time of one short reply, for each time it is asked for. */
async function replies(own: Serving, times: number): Promise<number[]> {
  const waits: number[] = [];
  for (let n = 0; n < times; n++) {
    const askedAt = nowMs;
    await own.ask({ content: `say ${"b".repeat(20)}`, tenant: "light", tokensMax: 25 }).over;
    waits.push(nowMs - askedAt);
    for (let i = 0; i < 20; i++) await turn();
  }
  return waits;
}

describe("a tenant beside one that floods", () => {
  it.each([
    ["replies", 16, 0],
    ["more replies than there are rows", 40, 0],
    ["replies and updates", 16, 8],
    ["updates", 0, 8],
  ])(
    "waits at most twice its time for a reply, and for what runs when it comes: %s",
    async (_, heavy, updates) => {
      const own = start(onCpu);
      const [alone = 0] = (await replies(own, 3)).slice(-1);
      let isOver = false;
      const flooding = flood(own, heavy, () => isOver, updates);
      for (let i = 0; i < 200; i++) await turn();
      const waits = await replies(own, 30);
      isOver = true;
      await flooding;
      // What may run when it comes: a chunk, a step of all rows and a slice. A step of the others follows now and then.
      expect(Math.max(...waits)).toBeLessThan(2 * alone + 4 + onCpu(17) + 30);
    },
  );

  it("has its share of the rows at once, so several replies to one prompt wait for no other tenant", async () => {
    const own = start(onCpu);
    let isOver = false;
    const flooding = flood(own, 16, () => isOver);
    for (let i = 0; i < 200; i++) await turn();
    const askedAt = nowMs;
    await Promise.all(
      Array.from(
        { length: 8 },
        (_, i) => own.ask({ content: `say ${"c".repeat(20)}${i}`, tenant: "light" }).over,
      ),
    );
    const took = nowMs - askedAt;
    isOver = true;
    await flooding;
    // Eight prompts of two chunks each, and 22 steps of eight rows. This takes twice as long where the other has as
    // much.
    expect(took).toBeLessThan(2 * (8 * 2 * 4 + 22 * onCpu(8)) + onCpu(16));
  });

  it("gets no more than its share beside the one that floods, however long it goes on", async () => {
    const own = start(onCpu);
    let isOver = false;
    const flooding = flood(own, 8, () => isOver);
    for (let i = 0; i < 50; i++) await turn();
    const startedAt = nowMs;
    own.model.runs.length = 0;
    for (let i = 0; i < 5; i++)
      await own.ask({ content: `say ${"d".repeat(220)}`, tenant: "light", tokensMax: 225 }).over;
    const passedMs = nowMs - startedAt;
    const together = own.model.runs.filter(({ rows }) => rows > 1).map(({ rows }) => onCpu(rows));
    isOver = true;
    await flooding;
    // Half, less what the other tenant had in advance.
    expect(together.reduce((sum, ms) => sum + ms, 0) / passedMs).toBeGreaterThan(0.4);
  });

  it("shares steps with the others where rows take no time", async () => {
    const own = start(onGpu);
    await replies(own, 2);
    let isOver = false;
    const flooding = flood(own, 8, () => isOver);
    for (let i = 0; i < 200; i++) await turn();
    const light = own.ask({ content: `say ${"e".repeat(220)}`, tenant: "light", tokensMax: 225 });
    while (light.text.length < 3) await turn();
    own.model.runs.length = 0;
    while (light.text.length < 210) await turn();
    const steps = own.model.runs.filter(({ kind }) => kind === "decode");
    isOver = true;
    await Promise.all([flooding, light.over]);
    expect(steps.filter(({ rows }) => rows > 1).length / steps.length).toBeGreaterThan(0.95);
  });
});

describe("TenantShares", () => {
  const both = new Set(["a", "b"]);

  it("lets no tenant stand still for long, however much another is owed", () => {
    let now = 0;
    const shares = new TenantShares(() => now);
    shares.favoured(new Set(["a"]));
    shares.charge("a", 1_000);
    const seen: number[] = [];
    for (now = 0; now < 200; now += 10) seen.push(shares.favoured(both).size);
    expect(seen.filter((size) => size === 1).length).toBeGreaterThan(10);
    expect(seen.filter((size) => size === 2).length).toBeGreaterThanOrEqual(3);
  });

  it("returns the unused time of an idle tenant, and no more", () => {
    let now = 0;
    const shares = new TenantShares(() => now);
    shares.charge("a", 1_000);
    expect(shares.owed("a")).toBe(0);
    now = 10_000;
    shares.favoured(new Set(["b"]));
    expect(shares.owed("a")).toBe(shares.owed("never seen"));
  });
});

it("knows from the steps it saw what some rows of a step would have taken alone", () => {
  const times = new StepTimes();
  times.note(16, 9);
  expect(times.alone(4, 16, 9)).toBe(2.25);
  times.note(1, 2);
  times.note(8, 5);
  expect(times.alone(1, 16, 9)).toBe(2);
  expect(times.alone(8, 16, 9)).toBe(5);
  expect(times.alone(12, 16, 9)).toBe(7);
  expect(times.alone(16, 16, 9)).toBe(9);
  expect(times.alone(8, 16, 4)).toBe(4);
  expect(times.isWorthApart(1, 16)).toBe(true);
  expect(times.isWorthApart(12, 16)).toBe(false);
  expect(times.isWorthApart(1, 5)).toBe(true);
});

function turn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
