/** Parameters of a reply through the whole service: bounds that the model sets, and seeds. */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { ask, TestService } from "../support/service.ts";

let service: TestService;
beforeAll(async () => {
  service = await TestService.start();
});
afterAll(() => service.stop());

async function textOf(request: object): Promise<string> {
  const done = (await service.generate(request)).at(-1);
  if (done?.type !== "done") throw new Error(`The reply ended with ${JSON.stringify(done)}`);
  return done.text;
}

const byte = (character: string) => String(character.charCodeAt(0));

describe("logit_bias", () => {
  it("forbids and prefers tokens of the served vocabulary", async () => {
    expect(await textOf(ask("say hello"))).toBe("hello");
    const sampling = { logit_bias: { [byte("l")]: -100, [byte("L")]: 80 }, max_tokens: 4 };
    const text = await textOf({ ...ask("say hello"), sampling });
    expect(text).toMatch(/L/);
    expect(text).not.toContain("l");
  });

  it("naming a token that the vocabulary lacks is refused", async () => {
    const request = { tenant: "t", ...ask("say hello"), sampling: { logit_bias: { "99999": 1 } } };
    const response = await service.post("/v1/generate", request);
    expect(response.status).toBe(400);
    expect(await response.json()).toMatchObject({
      error: { code: "invalid_request", param: "logit_bias" },
    });
  });
});

describe("a seed", () => {
  it("of any size draws the same reply again, and another seed draws another", async () => {
    const drawn = (seed: number) =>
      textOf({ ...ask("say hello"), sampling: { seed, temperature: 2, max_tokens: 40 } });
    const seeds = [7, 2 ** 33, 2 ** 53 + 2, 2 ** 62, -(2 ** 62), 2 ** 64];
    const first = await Promise.all(seeds.map(drawn));
    expect(await Promise.all(seeds.map(drawn))).toEqual(first);
    expect(new Set(first).size).toBe(seeds.length);
  });
});

describe("max_tokens_may_shrink", () => {
  it("lets a reply have what the prompt leaves of the window, where an exact length is refused", async () => {
    const { model } = service.engine.health;
    const window = model?.context_length ?? 0;
    const long = ask(`say ${"a".repeat(window - 60)}`);
    const sampling = { max_tokens: window };
    const exact = await service.post("/v1/generate", { tenant: "t", ...long, sampling });
    expect(exact.status).toBe(400);
    expect(await exact.json()).toMatchObject({ error: { code: "context_length_exceeded" } });
    const events = await service.generate({
      ...long,
      sampling: { ...sampling, max_tokens_may_shrink: true },
    });
    const done = events.at(-1);
    expect(done).toMatchObject({ type: "done", finish_reason: "length" });
    if (done?.type !== "done") return;
    expect(done.usage.prompt_tokens + done.usage.completion_tokens).toBe(window);
    const short = { max_tokens: 2, max_tokens_may_shrink: true };
    expect(await textOf({ ...ask("say hello"), sampling: short })).toBe("he");
  });
});
