/** The edge's client when a kept connection turns out to be closed. */
import { createServer, type RequestListener, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { afterEach, expect, it } from "vitest";
import { GpuClient } from "../../../edge/src/gpu-client/index.ts";

let server: Server | undefined;
afterEach(() => server?.close());

/** A service whose first `lost` requests end without an answer after `ms`. */
async function serve(lost: number, ms = 0): Promise<{ client: GpuClient; requests: () => number }> {
  let requests = 0;
  const answer: RequestListener = async (request, response) => {
    const n = ++requests;
    for await (const _ of request);
    await sleep(ms);
    if (n <= lost) return request.socket.destroy();
    response.setHeader("content-type", "application/json");
    const score = { logprob: -1, token_logprobs: [-1], prompt_tokens: 1 };
    response.end(JSON.stringify({ ms: { queue: 0, score: 1 }, scores: [score] }));
  };
  server = createServer(answer);
  await new Promise<void>((resolve) => server!.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  return { client: clientOf(`http://127.0.0.1:${port}`), requests: () => requests };
}

function clientOf(url: string): GpuClient {
  return new GpuClient(
    {
      ...{
        pools: [{ region: null, url }],
        replyPools: [{ region: null, url }],
        secret: "s",
        proxyHeaders: {},
      },
      ...{ timeoutMs: 60_000, updateTimeoutMs: 60_000, coldMs: 60_000, warmUpMs: 60_000 },
    },
    null,
  );
}

const score = (client: GpuClient) =>
  client.score(
    {
      tenant: "t",
      adapter: null,
      items: [{ messages: [{ role: "user", content: "a" }], reply: "b" }],
    },
    { loadAdapter: () => Promise.reject(new Error("no adapter")) },
  );

it("sends a request again that got lost at once", async () => {
  const { client, requests } = await serve(1);
  expect((await score(client)).scores[0]?.logprob).toBe(-1);
  expect(requests()).toBe(2);
});

it("gives up after the second loss", async () => {
  const { client, requests } = await serve(9);
  await expect(score(client)).rejects.toMatchObject({ code: "gpu_unavailable" });
  expect(requests()).toBe(2);
});

it("does not send again what the service had been working on", async () => {
  const { client, requests } = await serve(9, 1200);
  await expect(score(client)).rejects.toMatchObject({ code: "gpu_unavailable" });
  expect(requests()).toBe(1);
});
