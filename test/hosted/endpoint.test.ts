/** How endpoints with OpenAI's interface differ from one another, and how they fail. */
import type { RosaError } from "@rosa2/shared/errors";
import { describe, expect, it } from "vitest";
import { HostedInference } from "../../edge/src/inference/hosted.ts";
import type { ReplyEvent } from "../../edge/src/inference/inference.ts";
import { openAiModel } from "../../edge/src/inference/openai.ts";
import { bindings } from "../edge/support/client.ts";

const options = {
  url: String(bindings.ENDPOINT),
  key: "key-of-the-hosted-model",
  model: "host/chat",
  contextTokens: 8192,
  timeoutMs: 3000,
};
const context = { loadAdapter: () => Promise.reject(new Error("No adapter")) };

async function replyOf(change: Partial<typeof options>, sampling: object = {}) {
  const request = {
    tenant: "t",
    messages: [{ role: "user" as const, content: "hello" }],
    sampling: { temperature: 0, ...sampling },
  };
  const events: ReplyEvent[] = [];
  const inference = new HostedInference(openAiModel({ ...options, ...change }));
  for await (const event of inference.generate(request, context)) events.push(event);
  const done = events.at(-1);
  if (done?.type !== "done") throw new Error("The reply has no end");
  return { events, done };
}

const failureOf = (change: Partial<typeof options>, sampling?: object) =>
  replyOf(change, sampling).then(
    () => expect.unreachable(),
    (error: RosaError) => error,
  );

describe("an endpoint with OpenAI's interface", () => {
  it("that takes the length under its newer name only is asked again, and by that name from then on", async () => {
    for (let i = 0; i < 2; i++) {
      const { done } = await replyOf({ model: "thinker" }, { max_tokens: 9 });
      expect(done.text).toBe("echo: hello");
    }
    const seen = (await (await fetch(`${options.url}/__seen`)).json()) as { bodies: object[] };
    const asked = seen.bodies.filter((body) => (body as { model: string }).model === "thinker");
    expect(asked).toMatchObject([{ max_tokens: 9 }, {}, { max_completion_tokens: 9 }]);
  });

  it("thinks where it is told to, and thinking and reply come apart", async () => {
    const { done } = await replyOf({}, { output: { thinking: true } });
    expect(done).toMatchObject({ text: "echo: hello", reasoning: "Let me think. " });
  });

  it("reports log-probs of tokens when asked to, and no summed one", async () => {
    const { events, done } = await replyOf({}, { top_logprobs: 1 });
    const tokens = events.flatMap((event) =>
      event.type === "delta" ? (event.logprobs ?? []) : [],
    );
    expect(tokens.map(({ token }) => token).join("")).toBe("echo: hello");
    expect(tokens[0]).toMatchObject({ logprob: -0.25, top: [{ logprob: -0.25 }] });
    expect(done.logprob).toBeNull();
  });

  it("that reports no usage is counted by text and chunks", async () => {
    const { done } = await replyOf({ model: "silent" });
    expect(done.usage).toEqual({ prompt_tokens: 6, completion_tokens: 2, cached_tokens: 0 });
  });

  it("that refuses a parameter is quoted, with the parameter's name", async () => {
    expect(await failureOf({ model: "strict" }, { top_k: 3 })).toMatchObject({
      code: "unsupported_parameter",
      param: "top_k",
      message: expect.stringContaining("Unrecognized request argument"),
    });
  });

  it("that breaks off, is not there or refuses the key counts as away, and the key is not shown", async () => {
    expect(await failureOf({ model: "cut" })).toMatchObject({ code: "gpu_unavailable" });
    expect(await failureOf({ url: "http://127.0.0.1:9/v1" })).toMatchObject({
      code: "gpu_unavailable",
      message: "The model's endpoint cannot be reached",
    });
    const refused = await failureOf({ key: "another-key" });
    expect(refused).toMatchObject({ code: "gpu_unavailable" });
    expect(refused.message).not.toContain("another-key");
  });

  it("learns that its caller has gone away", async () => {
    const inference = new HostedInference(openAiModel(options));
    const messages = [{ role: "user" as const, content: "slow" }];
    const before = await abortedCount();
    for await (const event of inference.generate({ tenant: "t", messages }, context)) {
      if (event.type === "delta") break;
    }
    await expect.poll(abortedCount).toBeGreaterThan(before);
  });

  it("takes no adapters", async () => {
    const inference = new HostedInference(openAiModel(options));
    const adapter = { digest: "0".repeat(64) };
    const messages = [{ role: "user" as const, content: "hello" }];
    const asked = inference.generate({ tenant: "t", adapter, messages }, context).next();
    await expect(asked).rejects.toMatchObject({ code: "conflict" });
    await expect(inference.adapt()).rejects.toMatchObject({ code: "conflict" });
  });
});

async function abortedCount(): Promise<number> {
  const seen = await (await fetch(`${options.url}/__seen`)).json();
  return (seen as { aborted: number }).aborted;
}
