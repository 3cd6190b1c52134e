/** Whose turn it is among scores and updates, by a clock that only slices move. */
import { expect, it } from "vitest";
import { BackgroundTasks } from "../../../gpu-service/src/engine/batch/background.ts";

/** No tenant has replies in service. */
const nobody: ReadonlySet<string> = new Set();
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
  const tasks = new BackgroundTasks(() => nowMs);
  const start = (tenant: string, count: number, ms: number, priority = 1) =>
    tasks.run({ id: ++lastId, tenant, priority }, slices(count, ms));
  const runAll = async () => {
    while (tasks.length > 0) await tasks.runSlice(nobody);
  };
  return { tasks, start, runAll };
}

it.each([
  ["updates in slices as long", 20, 5],
  ["updates in long slices", 4, 25],
  ["scores, which go first within a tenant", 20, 5, 0],
])(
  "a flood of one tenant's %s at most doubles another's time",
  async (_, count, ms, priority = 1) => {
    const { tasks, start, runAll } = tasksOf();
    const flood = Array.from({ length: 67 }, () => start("heavy", count, ms, priority));
    for (let i = 0; i < 40; i++) await tasks.runSlice(nobody);
    const askedAt = nowMs;
    const endedAt = start("light", 10, 5);
    await runAll();
    // Its own 50 ms, as much for the other, and the slice that ran when it came.
    expect((await endedAt) - askedAt).toBeLessThanOrEqual(2 * 50 + ms);
    await Promise.all(flood);
  },
);

it("shares by tenant, not by task, and gives nobody credit for having been idle", async () => {
  const { start, runAll } = tasksOf();
  const before = start("a", 100, 5);
  await runAll();
  await before;
  const startedAt = nowMs;
  const [a, b, c] = [start("a", 10, 5), start("b", 10, 5), start("c", 10, 5)];
  await runAll();
  for (const ended of [a, b, c]) expect((await ended) - startedAt).toBeGreaterThan(3 * 50 - 15);
  expect(nowMs - startedAt).toBe(150);
});

it("gives a tenant that also has replies written half of another's time", async () => {
  const { tasks, start } = tasksOf();
  const [heavy, light] = [start("heavy", 100, 5), start("light", 20, 5)];
  const startedAt = nowMs;
  while (tasks.tenants.has("light")) await tasks.runSlice(new Set(["heavy"]));
  expect((await light) - startedAt).toBeLessThanOrEqual(1.5 * 100 + 5);
  while (tasks.length > 0) await tasks.runSlice(nobody);
  await heavy;
});
