import { afterEach, beforeEach, expect, test } from "vitest";
import { Meter, sample } from "../../eval/meter.ts";
import { serveMetrics } from "./support/fake-metrics.ts";

let metrics: Awaited<ReturnType<typeof serveMetrics>>;
beforeEach(async () => {
  metrics = await serveMetrics("a secret of the tests");
});
afterEach(() => metrics.close());

test("reports the highest memory and the time spent while it watched", async () => {
  const watch = await new Meter(metrics.url, "a secret of the tests").watch();
  Object.assign(metrics.state, { prefill: 1.5, decode: 4, background: 0.75 });
  const reading = await watch.read();
  watch.stop();
  expect(reading).toMatchObject({ replySeconds: 2.5, learnSeconds: 0.75 });
  expect(reading.peakBytes).toBe((100 + metrics.state.looks) * 1_048_576);
});

test("takes the page's own address too", async () => {
  const watch = await new Meter(`${metrics.url}/metrics`, "a secret of the tests").watch();
  expect((await watch.read()).peakBytes).toBeGreaterThan(0);
  watch.stop();
});

test("says which address cannot be read, and why", async () => {
  await expect(new Meter(metrics.url, "another secret").watch()).rejects.toThrow(
    `Cannot read --gpu-metrics ${metrics.url}/metrics: it answered 401`,
  );
});

test("reads a series by name and label, and accepts that one is not there yet", () => {
  const text = 'a_total 3\na_total_more 4\nb{kind="x",row="1"} 5.5\nb{kind="y"} 6e-3 1700000000';
  expect(sample(text, "a_total")).toBe(3);
  expect(sample(text, "b", 'kind="x"')).toBe(5.5);
  expect(sample(text, "b", 'kind="y"')).toBe(0.006);
  expect(sample(text, "c")).toBe(0);
});
