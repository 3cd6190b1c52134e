import { afterEach, describe, expect, it } from "vitest";
import { adapterOf, Serving } from "../support/serving.ts";

let serving: Serving | undefined;
afterEach(async () => {
  await serving?.stop();
  serving = undefined;
});

function start(options: ConstructorParameters<typeof Serving>[0] = {}): Serving {
  serving = new Serving(options);
  return serving;
}

const babble = { temperature: 1, seed: 5 };

describe("Scheduler", () => {
  it("answers a request with what the model says, and reports usage and times", async () => {
    const own = start();
    const said = own.ask({ content: "say hello there" });
    await said.over;
    expect(said.text).toBe("hello there");
    expect(said.end).toMatchObject({
      finish: "stop",
      usage: { prompt_tokens: 18, completion_tokens: 12, cached_tokens: 0 },
    });
    for (const ms of Object.values(said.end?.ms ?? {})) expect(ms).toBeGreaterThanOrEqual(0);
  });

  it("gives each of many sequences the text that it has alone, whatever else is in the batch", async () => {
    const asks = Array.from({ length: 12 }, (_, i) => ({
      content: i % 3 === 0 ? `say number ${i}` : "x".repeat(7 * i + 1),
      adapter: i % 4 === 0 ? adapterOf(`adapter ${i}`, i / 12) : null,
      tenant: `tenant ${i % 2}`,
      sampling: { temperature: 1, seed: i },
      tokensMax: 5 + 3 * i,
    }));
    const alone: string[] = [];
    for (const one of asks) {
      const own = new Serving();
      const said = own.ask(one);
      await said.over;
      alone.push(said.text);
      await own.stop();
    }
    expect(new Set(alone).size).toBe(asks.length);

    const own = start({ rowsMax: 5, slots: 7 });
    const together = asks.map((one) => own.ask(one));
    await Promise.all(together.map(({ over }) => over));
    expect(together.map(({ text }) => text)).toEqual(alone);
    expect(Math.max(...own.model.runs.map(({ rows }) => rows))).toBe(5);
  });

  it("lets sequences join while others are being decoded", async () => {
    const own = start();
    const long = own.ask({ content: `say ${"a".repeat(100)}`, tokensMax: 101 });
    while (long.text.length < 10) await turn();
    const short = own.ask({ content: "say b" });
    await short.over;
    expect(long.end).toBeUndefined();
    await long.over;
    expect(own.model.runs.some(({ kind, rows }) => kind === "decode" && rows === 2)).toBe(true);
  });

  it("computes a long prompt in chunks, with decode steps of others in between", async () => {
    const own = start({ prefillTokens: 16 });
    const early = own.ask({ content: `say ${"a".repeat(200)}`, tokensMax: 150 });
    while (early.text.length < 2) await turn();
    own.model.runs.length = 0;
    // Another tenant's, so that it does not share even the template's first token.
    const late = own.ask({ content: "y".repeat(157), tenant: "late", tokensMax: 2 });
    await late.over;
    const runs = own.model.runs.map(({ kind, length }) => (kind === "prefill" ? length : 0));
    const chunks = runs.filter((length) => length > 0);
    expect(chunks).toEqual(new Array(10).fill(16));
    // Never two chunks in a row: a decode step lies between.
    for (let i = 1; i < runs.length; i++) expect(runs[i]! > 0 && runs[i - 1]! > 0).toBe(false);
  });

  it("lets a short prompt pass a long one, and the long one still finishes", async () => {
    const own = start({ prefillTokens: 8, rowsMax: 4 });
    const long = own.ask({ content: "z".repeat(300), tokensMax: 1 });
    const shorts = Array.from({ length: 60 }, (_, i) => own.ask({ content: `say s${i}` }));
    await Promise.all([long, ...shorts].map(({ over }) => over));
    expect(own.began.indexOf(long.id)).toBeGreaterThan(2);
    expect(own.began.indexOf(long.id)).toBeLessThan(60);
  });

  it("does not let one tenant's backlog keep another waiting", async () => {
    const own = start({ rowsMax: 2, slots: 3 });
    const flood = Array.from({ length: 10 }, () => own.ask({ content: "say flood", tenant: "a" }));
    const other = own.ask({ content: "say other", tenant: "b" });
    await Promise.all([...flood, other].map(({ over }) => over));
    expect(own.ended.indexOf(other.id)).toBeLessThanOrEqual(2);
  });

  it("frees a cancelled sequence's place within one step and sends its owner nothing more", async () => {
    const own = start({ rowsMax: 1, slots: 2 });
    const first = own.ask({ content: `say ${"a".repeat(200)}`, tokensMax: 200 });
    const second = own.ask({ content: "say next" });
    while (first.text.length < 5) await turn();
    const runsBefore = own.model.runs.length;
    own.scheduler.cancel(first.id);
    const textBefore = first.text;
    while (second.text === "") await turn();
    // At most the running step, then the other prompt's two chunks and its first tokens.
    expect(own.model.runs.length - runsBefore).toBeLessThanOrEqual(4);
    await second.over;
    expect(second.text).toBe("next");
    expect(first.text).toBe(textBefore);
    expect([first.end, first.error]).toEqual([undefined, undefined]);
  });

  it("keeps every neighbour right when sequences are cancelled in the middle of a run", async () => {
    // Babble depends on every token in the cache, so a token lost in a move would show.
    const asks = Array.from({ length: 16 }, (_, i) => ({
      content: `tell ${i}`,
      sampling: { temperature: 1, seed: i },
      tokensMax: 10 + i,
    }));
    const alone: string[] = [];
    for (const one of asks) {
      const fresh = new Serving();
      const said = fresh.ask(one);
      await said.over;
      alone.push(said.text);
      await fresh.stop();
    }
    const own = start({ rowsMax: 4, slots: 6 });
    const victims = asks.map((_, i) => i + 1).filter((id) => id % 3 === 2);
    own.model.onRun = ({ rows }) => {
      if (rows > 2 && victims.length > 0) own.scheduler.cancel(victims.shift()!);
    };
    const said = asks.map((one) => own.ask(one));
    const survivors = said.filter(({ id }) => id % 3 !== 2);
    await Promise.all(survivors.map(({ over }) => over));
    for (const { id, text, error } of survivors) {
      expect(error).toBeUndefined();
      expect(text).toBe(alone[id - 1]);
    }
    expect(victims).toEqual([]);
  });

  it("cancels a request that still waits", async () => {
    const own = start({ rowsMax: 1, slots: 2 });
    const first = own.ask({ content: "say one" });
    const second = own.ask({ content: "say two" });
    own.scheduler.cancel(second.id);
    await first.over;
    await turn();
    expect(second.text).toBe("");
    expect(own.scheduler.counts).toMatchObject({ waiting: 0, running: 0 });
  });

  it("fails only the sequences of the step that failed, and keeps nothing of them", async () => {
    const own = start({ rowsMax: 2 });
    own.model.onRun = ({ kind }) => {
      if (kind === "prefill") throw new Error("broken");
    };
    const bad = own.ask({ content: "say bad" });
    await bad.over;
    expect(bad.error).toBeInstanceOf(Error);
    own.model.onRun = () => {};
    const again = own.ask({ content: "say bad" });
    await again.over;
    expect(again.text).toBe("bad");
    expect(again.end?.usage.cached_tokens).toBe(0);
  });

  it("gives the same text for the same seed and another for another", async () => {
    const own = start();
    const texts: string[] = [];
    for (const seed of [5, 5, 6]) {
      const said = own.ask({ content: "tell me", sampling: { ...babble, seed } });
      await said.over;
      texts.push(said.text);
    }
    expect(texts[0]).toBe(texts[1]);
    expect(texts[2]).not.toBe(texts[0]);
  });

  it("stops at once and fails what is unfinished", async () => {
    const own = start({ rowsMax: 1, slots: 2 });
    const running = own.ask({ content: `say ${"a".repeat(100)}` });
    const waiting = own.ask({ content: "say b" });
    while (running.text === "") await turn();
    await own.stop();
    for (const { error } of [running, waiting]) {
      expect(error).toMatchObject({ code: "shutting_down" });
    }
  });
});

describe("Scheduler, prefix reuse", () => {
  it("computes only what is new in the next turn of a conversation", async () => {
    const own = start();
    const first = own.ask({ content: "say one" });
    await first.over;
    const next = {
      content: "tell me more",
      history: [{ content: "say one", reply: "one" }],
      sampling: babble,
    };
    own.model.runs.length = 0;
    const second = own.ask(next);
    await second.over;
    // <user> say one <end> <assistant> one: the end token was chosen but never fed.
    expect(second.end?.usage.cached_tokens).toBe(13);
    const computed = own.model.runs.filter(({ kind }) => kind === "prefill");
    expect(computed.reduce((sum, { length }) => sum + length, 0)).toBe(
      second.end!.usage.prompt_tokens - 13,
    );

    const fresh = new Serving();
    const reference = fresh.ask(next);
    await reference.over;
    expect(second.text).toBe(reference.text);
    await fresh.stop();
  });

  it("never reuses across tenants or adapters, nor another generation's cache", async () => {
    const own = start();
    const request = { content: "say the same words again" };
    const cached: number[] = [];
    for (const [tenant, adapter] of [
      ["a", null],
      ["b", null],
      ["a", adapterOf("d1")],
      ["a", adapterOf("d2")],
      ["b", adapterOf("d1")],
      ["a", null],
      ["a", adapterOf("d2")],
    ] as const) {
      const said = own.ask({ ...request, tenant, adapter });
      await said.over;
      cached.push(said.end!.usage.cached_tokens);
    }
    const whole = 26; // all but the last of 27 prompt tokens
    expect(cached).toEqual([0, 0, 0, 0, 0, whole, whole]);
  });

  it("reads instructions once for all sessions of a tenant, also while one of them is in service", async () => {
    const own = start({ rowsMax: 6, slots: 9 });
    const instructions = "always answer in rhymes and never with numbers. ";
    const long = own.ask({ content: `${instructions}${"a".repeat(20)}`, tokensMax: 200 });
    while (long.text.length < 3) await turn();
    own.model.runs.length = 0;
    const asks = [
      { content: `${instructions}first`, sampling: { temperature: 1, seed: 1 } },
      { content: `${instructions}second`, sampling: { temperature: 1, seed: 2 } },
      { content: `${instructions}third`, tenant: "another", sampling: { temperature: 1, seed: 3 } },
      { content: `${instructions}fourth`, adapter: adapterOf("d"), sampling: { temperature: 1 } },
    ];
    const said = asks.map((one) => own.ask(one));
    await Promise.all(said.map(({ over }) => over));
    const shared = instructions.length + 1; // and the mark of the user's turn
    const cached = said.map(({ end }) => end!.usage.cached_tokens);
    expect(cached).toEqual([shared, shared, 0, 0]);
    for (const [i, one] of asks.entries()) {
      const fresh = new Serving();
      const reference = fresh.ask(one);
      await reference.over;
      expect(said[i]!.text).toBe(reference.text);
      await fresh.stop();
    }
  });

  it("shares with another session under the same adapter, and changes neither conversation", async () => {
    const own = start({ rowsMax: 6, slots: 9 });
    const adapter = adapterOf("d", 0.9);
    const long = own.ask({ content: `say ${"abc".repeat(20)}`, adapter, tokensMax: 61 });
    while (long.text.length < 5) await turn();
    const other = own.ask({ content: "say abcabcabx", adapter });
    await Promise.all([long.over, other.over]);
    expect(other.end!.usage.cached_tokens).toBe("say abcabcab".length + 1);
    expect([other.text, long.text]).toEqual(["ABCABCABX", "ABC".repeat(20)]);
  });

  it("gives the right text through any mix of turns, tenants and evictions", async () => {
    const own = start({ rowsMax: 3, slots: 4 });
    const turns = Array.from({ length: 30 }, (_, i) => {
      const user = i % 5;
      return {
        tenant: `tenant ${user % 2}`,
        adapter: user === 3 ? adapterOf("d3") : null,
        content: `turn ${Math.floor(i / 5)} of ${user}`,
        history: Array.from({ length: Math.floor(i / 5) }, (_, k) => ({
          content: `turn ${k} of ${user}`,
          reply: "some reply",
        })),
        sampling: { temperature: 1, seed: i },
        tokensMax: 12,
      };
    });
    const said = turns.map((one) => own.ask(one));
    await Promise.all(said.map(({ over }) => over));
    for (const [i, one] of turns.entries()) {
      const fresh = new Serving();
      const reference = fresh.ask(one);
      await reference.over;
      expect(said[i]!.text, `turn ${i}`).toBe(reference.text);
      await fresh.stop();
    }
    expect(said.some(({ end }) => end!.usage.cached_tokens > 0)).toBe(true);
  });
});

describe("Scheduler, background work", () => {
  it("runs slices between decode steps and returns the task's result", async () => {
    const own = start({ now: () => 0 });
    const order: string[] = [];
    own.model.onRun = ({ kind }) => void order.push(kind);
    const said = own.ask({ content: `say ${"a".repeat(40)}`, tokensMax: 41 });
    while (said.text.length < 3) await turn();
    const result = await own.scheduler.runBackground(
      { id: 900, tenant: "t", priority: 0 },
      (async function* () {
        for (let i = 0; i < 3; i++) {
          order.push("slice");
          yield;
        }
        return "result";
      })(),
    );
    expect(result).toBe("result");
    await said.over;
    const between = order.join(" ").match(/slice( decode)+ slice( decode)+ slice/);
    expect(between).not.toBeNull();
  });

  it("takes no more than its share of the time while replies are being decoded", async () => {
    let nowMs = 0;
    const own = start({ backgroundShare: 0.2, now: () => nowMs });
    let slices = 0;
    let steps = 0;
    own.model.onRun = () => {
      nowMs += 10;
      steps++;
    };
    const said = own.ask({ content: `say ${"a".repeat(100)}`, tokensMax: 100 });
    const task = own.scheduler.runBackground(
      { id: 900, tenant: "t", priority: 0 },
      (async function* () {
        for (;;) {
          nowMs += 10;
          slices++;
          yield;
        }
      })(),
    );
    task.catch(() => {});
    await said.over;
    own.scheduler.cancel(900);
    // One part of background to four of decoding.
    expect(slices / steps).toBeGreaterThan(0.2);
    expect(slices / steps).toBeLessThan(0.3);
  });

  it("puts scores before updates and takes turns among equals", async () => {
    const own = start();
    const order: string[] = [];
    const task = (name: string, priority: number) =>
      own.scheduler.runBackground(
        { id: order.length, tenant: "t", priority },
        (async function* () {
          for (let i = 0; i < 2; i++) {
            order.push(name);
            yield;
          }
        })(),
      );
    await Promise.all([task("u1", 1), task("u2", 1), task("s", 0)]);
    expect(order).toEqual(["s", "s", "u1", "u2", "u1", "u2"]);
  });

  it("rejects with the error that a slice threw, and continues", async () => {
    const own = start();
    const failing = own.scheduler.runBackground(
      { id: 900, tenant: "t", priority: 0 },
      // biome-ignore lint/correctness/useYield: fails before its first slice ends
      (async function* () {
        throw new Error("slice failed");
      })(),
    );
    await expect(failing).rejects.toThrow("slice failed");
    const said = own.ask({ content: "say fine" });
    await said.over;
    expect(said.text).toBe("fine");
  });

  it("cancels a task between two slices and lets it clean up", async () => {
    const own = start();
    let cleaned = false;
    let slices = 0;
    const task = own.scheduler.runBackground(
      { id: 900, tenant: "t", priority: 0 },
      (async function* () {
        try {
          for (;;) {
            slices++;
            yield;
          }
        } finally {
          cleaned = true;
        }
      })(),
    );
    task.catch(() => {});
    while (slices < 3) await turn();
    own.scheduler.cancel(900);
    await expect(task).rejects.toThrow("Cancelled");
    const after = slices;
    await turn();
    await turn();
    expect(slices - after).toBeLessThanOrEqual(1);
    expect(cleaned).toBe(true);
  });
});

function turn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
