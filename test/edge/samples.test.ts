/** Several replies to one prompt, as the client of the GPU service asks for them. */
import { expect, it } from "vitest";
import { configOf } from "../../edge/src/config.ts";
import { GpuClient } from "../../edge/src/gpu-client/index.ts";
import { bindings, newTenant } from "./support/client.ts";

const gpu = new GpuClient(configOf(bindings).gpu, null);
const loadAdapter = () => Promise.reject(new Error("no adapter is named"));

it("asks for all replies in one call, and gets them in order with what they cost", async () => {
  const caller = await newTenant();
  await caller.behave({ samples: [{ to: "sort", texts: ["by size", "by name"] }] });
  const messages = [{ role: "user" as const, content: "sort these" }];
  const result = await gpu.sample(
    { tenant: caller.tenantId, messages, count: 3 },
    { loadAdapter, requestId: "req_samples" },
  );
  expect(result.samples.map(({ text }) => text)).toEqual(["by size", "by name", "by size"]);
  expect(result.samples.map(({ logprob }) => logprob)).toEqual([-1.2, -2.2, -3.2]);
  expect(result.usage).toEqual({ prompt_tokens: 2, completion_tokens: 6, cached_tokens: 0 });
  expect(await caller.calls("/v1/sample")).toMatchObject([
    { requestId: "req_samples", messages, status: 200 },
  ]);
});

it("gives all replies up when the caller goes away", async () => {
  const caller = await newTenant();
  await caller.behave({ hold: ["/v1/sample"] });
  const going = new AbortController();
  const messages = [{ role: "user" as const, content: "sort these" }];
  const asked = gpu.sample(
    { tenant: caller.tenantId, messages, count: 2 },
    { loadAdapter, signal: going.signal },
  );
  setTimeout(() => going.abort(), 100);
  await expect(asked).rejects.toThrow();
});
