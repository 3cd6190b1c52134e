/** The service under load, when callers vanish, and when its engine dies. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, describe, expect, it } from "vitest";
import { Engine } from "../../../gpu-service/src/engine/queue/engine.ts";
import { fakeRuntimeModule } from "../support/fake-runtime.ts";
import { ask, collect, eventsOf, type ServiceOptions, TestService } from "../support/service.ts";

let service: TestService | undefined;
afterEach(async () => {
  await service?.stop();
  service = undefined;
});

async function start(options: ServiceOptions): Promise<TestService> {
  service = await TestService.start(options);
  return service;
}

const endless = `say ${"a".repeat(400)}`;
const update = { tenant: "t", rows: [{ ...ask("say hi"), reply: "HI", kind: "corrected" }] };

describe("load", () => {
  it.each([
    ["a reply is generated", (own: TestService) => own.generate(ask("say hi"))],
    ["an update runs", (own: TestService) => own.post("/v1/adapt", update)],
  ])("answers /health while %s, however long a run of the model takes", async (_, work) => {
    const folder = mkdtempSync(join(tmpdir(), "rosa2-held-"));
    const holdFile = join(folder, "held");
    const own = await start({ runtime: { holdFile } });
    writeFileSync(holdFile, "0");
    const working = work(own);
    await expect.poll(() => own.engine.inFlight).toBe(1);
    // The model's thread cannot go on: answers that needed it would never come.
    for (let n = 0; n < 20; n++) expect((await fetch(`${own.url}/health`)).status).toBe(200);
    expect(own.engine.inFlight).toBe(1);
    rmSync(folder, { recursive: true });
    await working;
  });

  it("refuses work beyond the queue with 429 and a time to retry", async () => {
    const own = await start({
      runtime: { runMs: 20 },
      admission: { rowsMax: 1, queueMax: 2, tenantQueueMax: 2 },
    });
    const controller = new AbortController();
    const taken = await Promise.all(
      [1, 2, 3].map(() => own.post("/v1/generate", { tenant: "t", ...ask(endless) }, controller)),
    );
    expect(taken.map(({ status }) => status)).toEqual([200, 200, 200]);
    const refused = await own.post("/v1/generate", { tenant: "u", ...ask("say hi") });
    expect(refused.status).toBe(429);
    expect(Number(refused.headers.get("retry-after"))).toBeGreaterThanOrEqual(1);
    expect(await refused.json()).toMatchObject({ error: { code: "queue_full" } });

    controller.abort();
    await Promise.allSettled(taken.map((response) => response.text()));
    // Places come free when callers go away.
    await expect.poll(() => own.engine.inFlight).toBe(0);
    expect((await own.generate(ask("say hi"))).at(-1)).toMatchObject({ text: "hi" });
  });

  it("keeps room in the queue for other tenants", async () => {
    const own = await start({
      runtime: { runMs: 20 },
      admission: { rowsMax: 1, queueMax: 4, tenantQueueMax: 1 },
    });
    const controller = new AbortController();
    const send = (tenant: string) =>
      own.post("/v1/generate", { tenant, ...ask(endless) }, controller);
    const statuses = [];
    for (const tenant of ["a", "a", "a", "b"]) statuses.push((await send(tenant)).status);
    expect(statuses).toEqual([200, 200, 429, 200]);
    controller.abort();
  });

  it("ends a reply when its caller goes away, and gives its place to the next", async () => {
    const own = await start({ runtime: { runMs: 100 }, admission: { rowsMax: 1 } });
    const controller = new AbortController();
    const response = await own.post("/v1/generate", { tenant: "t", ...ask(endless) }, controller);
    const events = eventsOf(response);
    await events.next();
    const next = own.generate(ask("say next"));
    const abortedAt = performance.now();
    controller.abort();
    await events.next().catch(() => {});
    expect((await next).at(-1)).toMatchObject({ text: "next" });
    // The abandoned reply would have taken 40 s more.
    expect(performance.now() - abortedAt).toBeLessThan(20_000);
    await expect.poll(() => own.engine.health.queue.running).toBe(0);
  });

  it("ends an update when its caller goes away", async () => {
    const own = await start({ runtime: { runMs: 15, updateSlices: 10_000 } });
    const controller = new AbortController();
    const update = own.post(
      "/v1/adapt",
      { tenant: "t", rows: [{ ...ask("a"), reply: "b", kind: "corrected" }] },
      controller,
    );
    update.catch(() => {});
    await expect.poll(() => own.engine.inFlight).toBe(1);
    controller.abort();
    await expect.poll(() => own.engine.inFlight).toBe(0);
    await expect.poll(() => own.engine.health.queue.running).toBe(0);
  });
});

describe("the engine's worker", () => {
  it("is started again when it dies; requests in flight fail with an error that says so", async () => {
    const own = await start({ runtime: { runMs: 5 } });
    const response = await own.post("/v1/generate", { tenant: "t", ...ask(endless) });
    const events = eventsOf(response);
    await events.next();
    const crashing = await own.post("/v1/generate", { tenant: "t", ...ask("crash now") });
    const rest = await collect(events);
    expect(rest.at(-1)).toMatchObject({ type: "error", error: { code: "gpu_unavailable" } });
    expect((await collect(eventsOf(crashing))).at(-1)).toMatchObject({ type: "error" });

    const cold = await own.post("/v1/generate", { tenant: "t", ...ask("say hi") });
    expect(cold.status).toBe(503);
    expect(cold.headers.get("retry-after")).toBe("1");
    expect(await cold.json()).toMatchObject({ error: { code: "gpu_cold" } });
    expect((await fetch(`${own.url}/health`)).status).toBe(503);

    await expect.poll(() => own.engine.health.status).toBe("ok");
    expect((await own.generate(ask("say back"))).at(-1)).toMatchObject({ text: "back" });
  });

  it("says why a model cannot be loaded", async () => {
    const engine = new Engine({
      worker: {
        runtime: { module: fakeRuntimeModule, options: { unloadable: true } },
        rowsMax: 1,
        prefillTokens: 16,
        backgroundShare: 0.5,
        kvBytesMax: 1,
        adapterCacheBytesMax: 1,
      },
      admission: { rowsMax: 1, queueMax: 1, tenantQueueMax: 1, backgroundMax: 1 },
      provider: "fake",
    });
    await expect(engine.ready).rejects.toMatchObject({
      code: "checkpoint_invalid",
      message: "Cannot load: told so",
    });
    expect(engine.health.status).toBe("loading");
    await engine.stop(0);
  });

  it("finishes what is in flight before it stops, and accepts nothing new", async () => {
    const own = await start({ runtime: { runMs: 5 } });
    const response = await own.post("/v1/generate", { tenant: "t", ...ask("say farewell") });
    const stopped = own.engine.stop(5000);
    const late = await own.post("/v1/generate", { tenant: "t", ...ask("say hi") });
    expect(late.status).toBe(503);
    expect(await late.json()).toMatchObject({ error: { code: "shutting_down" } });
    const events = await collect(eventsOf(response));
    expect(events.at(-1)).toMatchObject({ type: "done", text: "farewell" });
    await stopped;
  });

  it("cuts off what is still in flight after the grace period", async () => {
    const own = await start({ runtime: { runMs: 100 } });
    const response = await own.post("/v1/generate", { tenant: "t", ...ask(endless) });
    const startedAt = performance.now();
    await own.engine.stop(100);
    // The reply would have taken 40 s.
    expect(performance.now() - startedAt).toBeLessThan(20_000);
    const events = await collect(eventsOf(response));
    expect(events.at(-1)).toMatchObject({ type: "error", error: { code: "shutting_down" } });
  });
});
