/** The tokens that end a reply, for a model whose config and tokenizer disagree. */
import { generateRequestSchema } from "@rosa2/shared/protocol";
import { expect, it } from "vitest";
import { Scheduler } from "../../../gpu-service/src/engine/batch/scheduler.ts";
import { AdapterCache } from "../../../gpu-service/src/engine/queue/adapter-cache.ts";
import { Requests } from "../../../gpu-service/src/engine/queue/requests.ts";
import { ChatTokenizer } from "../../../gpu-service/src/tokenizer/tokenizer.ts";
import { byteTokenizerFiles, userId } from "../support/byte-tokenizer.ts";
import { FakeModel } from "../support/fake-model.ts";
import { loadRuntime } from "../support/fake-runtime.ts";
import { ask } from "../support/service.ts";

it("ends a reply at the tokenizer's eos_token when the checkpoint names another one", async () => {
  const model = new FakeModel();
  // Such a model was trained further with a chat template, and its config was never changed.
  model.shape.eosIds = [userId];
  const tokenizer = new ChatTokenizer(byteTokenizerFiles, model.shape.eosIds);
  const scheduler = new Scheduler(model, model.allocateCache(3, 512), {
    rowsMax: 1,
    prefillTokens: 64,
    backgroundShare: 0.5,
  });
  const running = scheduler.run();
  const runtime = { ...(await loadRuntime({})), model, tokenizer };
  const requests = new Requests(runtime, scheduler, new AdapterCache(1e6), 512);
  const request = generateRequestSchema.parse({
    tenant: "t",
    ...ask("say hello"),
    sampling: { max_tokens: 50, temperature: 0 },
  });
  const done = await new Promise((resolve, reject) => {
    requests.generate(1, request, null, {
      event: (event) => event.type === "done" && resolve(event),
      fail: reject,
    });
  });
  expect(done).toMatchObject({ text: "hello", finish_reason: "stop" });
  scheduler.stop();
  await running;
});
