/** The order of scores and updates, by a clock that only slices move. */
import { expect, it } from "vitest";
import { BackgroundTasks } from "../../../gpu-service/src/engine/batch/background.ts";
import { TenantShares } from "../../../gpu-service/src/engine/batch/tenant-shares.ts";

let nowMs = 0;
let lastId = 0;

async function* slices(count: number, ms: number): AsyncGenerator<undefined, number, boolean> {
  for (let i = 1; i < count; i++) {
    nowMs += ms;
    yield undefined;
  }
  nowMs += ms;
  return nowMs;
}

function tasksOf() {
  const shares = new TenantShares(() => nowMs);
  const tasks = new BackgroundTasks(shares, () => nowMs);
  const start = (tenant: string, count: number, ms: number, priority = 1) =>
    tasks.run({ id: ++lastId, tenant, priority }, slices(count, ms));
  const runSlice = () => tasks.runSlice(shares.favoured(tasks.tenants), false);
  const runAll = async () => {
    while (tasks.length > 0) await runSlice();
  };
  return { start, runSlice, runAll };
}

it.each([
  ["updates in slices as long", 20, 5],
  ["updates in long slices", 4, 25],
  ["scores, which go first within a tenant", 20, 5, 0],
])(
  "a flood of one tenant's %s at most doubles another's time",
  async (_, count, ms, priority = 1) => {
    const { start, runSlice, runAll } = tasksOf();
    const flood = Array.from({ length: 67 }, () => start("heavy", count, ms, priority));
    for (let i = 0; i < 40; i++) await runSlice();
    const askedAt = nowMs;
    const endedAt = start("light", 10, 5);
    await runAll();
    // Its own 50 ms, 50 ms of the other, and the slice that ran when it came.
    expect((await endedAt) - askedAt).toBeLessThanOrEqual(2 * 50 + ms);
    await Promise.all(flood);
  },
);

it("shares by tenant, not by task, and gives a tenant that was idle a bounded start", async () => {
  const { start, runAll } = tasksOf();
  const before = start("a", 100, 5);
  await runAll();
  await before;
  const startedAt = nowMs;
  const took = async (ended: Promise<number>) => (await ended) - startedAt;
  const [a, a2, b] = [start("a", 100, 5), start("a", 100, 5), start("b", 160, 5)];
  await runAll();
  // 800 ms of its own: 250 at once, then as much for the other as for itself.
  expect(await took(b)).toBeGreaterThan(1_200);
  expect(await took(b)).toBeLessThan(1_400);
  expect(await took(a)).toBeGreaterThan(1_500);
  expect(await took(a2)).toBe(1_800);
});
