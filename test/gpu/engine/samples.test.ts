/** Several replies to one prompt in one batch, on the fake model. */
import { afterEach, describe, expect, it } from "vitest";
import { independentDraws } from "../../../gpu-service/src/engine/batch/draws.ts";
import { Reply } from "../../../gpu-service/src/engine/batch/reply.ts";
import { endId } from "../support/byte-tokenizer.ts";
import { samplingRules } from "../support/greedy.ts";
import { Serving } from "../support/serving.ts";

let serving: Serving;
afterEach(() => serving.stop());

const prompt = "tell me something";

/** Asks for `count` babbled replies to one prompt; resolves with their texts. */
async function sample(
  count: number,
  id = 100,
  {
    content = prompt,
    temperature = 1,
    seedOf = (i: number) => i,
    isWhole = false,
    isDrafted = false,
  } = {},
): Promise<string[]> {
  const { scheduler, tokenizer } = serving;
  const replies = Array.from({ length: count }, (_, i) => {
    const options = { sampling: samplingRules({ temperature }), eosIds: [endId], tokensMax: 30 };
    return new Reply(tokenizer, { ...options, draws: independentDraws(seedOf(i)), isWhole });
  });
  const ends = replies.map(() => Promise.withResolvers<unknown>());
  const [first, ...siblings] = replies.map((reply, i) => ({
    reply,
    listener: { piece: () => {}, finish: ends[i]!.resolve, fail: ends[i]!.reject },
  }));
  const request = { id, tenant: "t", adapter: null, reply: first!.reply, siblings };
  const ids = tokenizer.promptIds([{ role: "user", content }]);
  const source = isDrafted ? { source: ids } : {};
  scheduler.add({ ...request, ...source, prompt: ids }, first!.listener);
  await Promise.all(ends.map(({ promise }) => promise));
  return replies.map(({ text }) => text);
}

async function alone(seed: number): Promise<string> {
  const own = new Serving();
  const said = own.ask({ content: prompt, sampling: { temperature: 1, seed }, tokensMax: 30 });
  await said.over;
  await own.stop();
  return said.text;
}

describe("several replies to one prompt", () => {
  it("are those that each would be alone, and the prompt is read once", async () => {
    serving = new Serving({ rowsMax: 8, prefillTokens: 16 });
    const texts = await sample(8);
    for (const [seed, text] of texts.entries()) expect(text).toBe(await alone(seed));
    const reads = serving.model.runs.filter(({ kind }) => kind === "prefill");
    // 17 characters and four tokens of the template, in chunks of 16.
    expect(reads.reduce((sum, { length }) => sum + length, 0)).toBeLessThanOrEqual(24);
    expect(reads).toHaveLength(2);
    expect(serving.model.runs.some(({ rows }) => rows === 8)).toBe(true);
  });

  it("share one row of a step as long as they are the same", async () => {
    serving = new Serving({ rowsMax: 8 });
    const same = { content: "say hello there", temperature: 0 };
    expect(await sample(5, 100, same)).toEqual(new Array(5).fill("hello there"));
    expect(Math.max(...serving.model.runs.map(({ rows }) => rows))).toBe(1);
    // Two different replies, each drawn three times.
    const texts = await sample(6, 101, { seedOf: (i) => i % 2 });
    expect(new Set(texts)).toEqual(new Set([await alone(0), await alone(1)]));
    expect(Math.max(...serving.model.runs.map(({ rows }) => rows))).toBe(2);
  });

  it("have the same text where nobody reads it before it ends", async () => {
    serving = new Serving({ rowsMax: 8 });
    const texts = await sample(4, 100, { isWhole: true });
    for (const [seed, text] of texts.entries()) expect(text).toBe(await alone(seed));
  });

  it("take fewer steps where they repeat their prompt, and are the same", async () => {
    serving = new Serving({ rowsMax: 8 });
    const steps = () => serving.model.runs.filter(({ kind }) => kind !== "prefill").length;
    const same = { content: "say hello there", temperature: 0 };
    const plain = await sample(3, 100, same);
    const plainSteps = steps();
    expect(await sample(3, 101, { ...same, isDrafted: true })).toEqual(plain);
    expect(steps() - plainSteps).toBeLessThan(plainSteps / 2);
    // Replies that go apart, and end one by one.
    const drawn = { content: "say hello there", temperature: 1.5 };
    for (let round = 0; round < 12; round++) {
      const seedOf = (i: number) => 10 * round + i;
      const expected = await sample(8, 200 + round, { ...drawn, seedOf });
      const drafted = await sample(8, 300 + round, { ...drawn, seedOf, isDrafted: true });
      expect(drafted).toEqual(expected);
    }
  });

  it("wait for room when there are more than rows, and are the same", async () => {
    serving = new Serving({ rowsMax: 3, slots: 4 });
    const texts = await sample(7);
    for (const [seed, text] of texts.entries()) expect(text).toBe(await alone(seed));
    expect(Math.max(...serving.model.runs.map(({ rows }) => rows))).toBe(3);
  });

  it("leave the cache to others: only one of them stays parked", async () => {
    serving = new Serving({ rowsMax: 8 });
    await sample(6);
    const parked = serving.scheduler.counts.parkedTokens;
    expect(parked).toBeGreaterThan(prompt.length);
    expect(parked).toBeLessThan(prompt.length + 40);
  });

  it("do not keep another tenant waiting longer than one reply would", async () => {
    serving = new Serving({ rowsMax: 4, slots: 6 });
    const samples = sample(12);
    const other = serving.ask({ content: "say other", tenant: "b" });
    await other.over;
    expect(other.text).toBe("other");
    expect(serving.scheduler.counts.waiting).toBeGreaterThan(3);
    await samples;
  });

  it("end together when they are cancelled, those that still wait too", async () => {
    serving = new Serving({ rowsMax: 3, slots: 4 });
    void sample(9, 7).catch(() => {});
    while (serving.model.runs.length < 6) await turn();
    serving.scheduler.cancel(7);
    await turn();
    await turn();
    expect(serving.scheduler.counts).toMatchObject({ waiting: 0, running: 0 });
    const next = serving.ask({ content: "say next" });
    await next.over;
    expect(next.text).toBe("next");
  });

  it("fail together when the model does", async () => {
    serving = new Serving({ rowsMax: 4 });
    serving.model.onRun = ({ rows }) => {
      if (rows > 1) throw new Error("the model broke");
    };
    await expect(sample(4)).rejects.toThrow("the model broke");
  });
});

function turn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
