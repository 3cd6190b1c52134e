/** A reply that was just scored is ruled out without scoring it again. */
import {
  type GenerateEvent,
  generateRequestSchema,
  scoreRequestSchema,
} from "@rosa2/shared/protocol";
import { expect, it } from "vitest";
import { Scheduler } from "../../../gpu-service/src/engine/batch/scheduler.ts";
import { AdapterCache } from "../../../gpu-service/src/engine/queue/adapter-cache.ts";
import { Requests } from "../../../gpu-service/src/engine/queue/requests.ts";
import type { FakeModel } from "../support/fake-model.ts";
import { loadRuntime } from "../support/fake-runtime.ts";

const messages = [{ role: "user" as const, content: "say hello" }];
const other = [{ role: "user" as const, content: "please say hello" }];

it("a reply that the same tenant had scored under the same prompt is not scored again", async () => {
  const runtime = await loadRuntime({});
  const model = runtime.model as FakeModel;
  const cache = model.allocateCache(5, model.shape.contextLength);
  const options = { rowsMax: 4, prefillTokens: 64, backgroundShare: 0.5 };
  const scheduler = new Scheduler(model, cache, options);
  const running = scheduler.run();
  const requests = new Requests(runtime, scheduler, new AdapterCache(1e6), 200);
  let id = 0;
  /** The reply that is given instead, and how often the model scored for it. */
  const instead = async (tenant: string, asked = messages) => {
    const request = { tenant, messages: asked, rejected: ["hello"], sampling: { max_tokens: 20 } };
    const before = scored();
    const text = await new Promise<string>((resolve, reject) => {
      const event = (one: GenerateEvent) => one.type === "done" && resolve(one.text);
      const parsed = generateRequestSchema.parse({ adapter: null, ...request });
      requests.generate(++id, parsed, null, { event, fail: reject }).catch(reject);
    });
    return { text, runs: scored() - before };
  };
  const scored = () => model.runs.filter(({ kind }) => kind === "score").length;

  const unknown = await instead("a");
  expect(unknown.runs).toBe(1);
  const items = [{ messages, reply: "hello" }];
  await requests.score(++id, scoreRequestSchema.parse({ tenant: "a", adapter: null, items }), null);
  expect(await instead("a")).toEqual({ text: unknown.text, runs: 0 });
  expect(unknown.text).not.toBe("hello");
  // This holds neither for another prompt nor for another tenant.
  expect((await instead("a", other)).runs).toBe(1);
  expect((await instead("b")).runs).toBe(1);
  scheduler.stop();
  await running;
});
