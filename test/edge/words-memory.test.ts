import { evictDurableObject, runInDurableObject } from "cloudflare:test";
import { describe, expect, it, vi } from "vitest";
import type { WordsStateBody } from "../../edge/src/contract/index.ts";
import { sessionStub } from "../../edge/src/session-address.ts";
import {
  ask,
  bindings,
  judge,
  newTenant,
  openSession,
  orderSense,
  readEvents,
} from "./support/client.ts";

const stubOf = (sessionId: string) =>
  sessionStub(bindings, sessionId) as unknown as DurableObjectStub;

async function taught() {
  const caller = await newTenant();
  const { id } = await openSession(caller, { lexicon: { senses: [orderSense] } });
  const turn = await ask(caller, id, "Sort them: 31, 7, 12");
  await judge(caller, id, turn.id, { reward: -1, text: "largest first", retry: true });
  const promptOfNext = async () => (await ask(caller, id, "Sort them: 4, 9, 1")).prompt;
  return { caller, id, promptOfNext, path: `/v1/sessions/${id}/words` };
}

describe("a session's words", () => {
  it("can be read", async () => {
    const { caller, path } = await taught();
    const words = await caller.get<WordsStateBody>(path);
    expect(words.undoable).toBe(1);
    const order = words.senses.find(({ id }) => id === "order");
    expect(order?.readings.down).toBeGreaterThan(0.9);
  });

  it("forget a revision that is taken back, once", async () => {
    const { caller, path, promptOfNext } = await taught();
    expect(await promptOfNext()).toContain("largest to smallest");
    expect(await caller.make<WordsStateBody>(`${path}/undo`, {})).toMatchObject({
      senses: [],
      undoable: 0,
    });
    expect(await promptOfNext()).toBe("Sort them: 4, 9, 1");
    expect((await caller.post(`${path}/undo`, {})).status).toBe(409);
  });

  it("forget one sense on request", async () => {
    const { caller, path, promptOfNext } = await taught();
    const forgotten = await caller.fetch(`${path}/senses/order`, { method: "DELETE" });
    expect(forgotten.status).toBe(200);
    expect(await promptOfNext()).not.toContain("largest");
    const again = await caller.fetch(`${path}/senses/order`, { method: "DELETE" });
    expect(again.status).toBe(404);
  });
});

describe("a long session", () => {
  it("keeps its words small, and grows with what was said: 100 feedbacks with 8 wordings of 2 kB each", async () => {
    const caller = await newTenant();
    const { id } = await openSession(caller);
    const letters = (n: number) =>
      [...String(n)].map((digit) => "klmnoprstu"[Number(digit)]).join("");
    const thingsOf = (n: number) =>
      Array.from({ length: 90 }, (_, i) => `${letters(n)}-thing-${letters(i)}`).join(" ");
    const requestOf = (n: number) => `describe topic ${letters(n)} with ${thingsOf(n)}`;
    const wordingsOf = (n: number) =>
      Array.from({ length: 8 }, (_, way) => {
        const wording = `on topic ${letters(n)} describe ${thingsOf(n)} like`;
        return `${wording} ${`${letters(way)}ish `.repeat(1_000)}`.slice(0, 2_000);
      });
    await caller.behave({
      replies: [{ to: "topic", reply: "No idea" }],
      samples: Array.from({ length: 100 }, (_, n) => ({
        to: `not ${letters(n)},`,
        texts: wordingsOf(n),
      })),
    });
    const sizes: number[] = [];
    for (let n = 0; n < 100; n++) {
      const turn = await ask(caller, id, requestOf(n));
      const { words } = await judge(caller, id, turn.id, {
        reward: -1,
        text: `not ${letters(n)}, as I said`,
        wait: true,
      });
      expect(words.rewriter).toMatchObject({ failure: null, drawn: 8, kept: 8 });
      if (n % 25 !== 24) continue;
      const { row, bytes } = await runInDurableObject(stubOf(id), (_, { storage: { sql } }) => ({
        row: sql.exec("SELECT length(CAST(state AS BLOB)) AS n FROM words").one().n as number,
        bytes: sql.databaseSize,
      }));
      expect(row).toBeLessThanOrEqual(65_536);
      sizes.push(bytes);
    }
    const [first = 0, second = 0, third = 0, last = 0] = sizes;
    // 25 feedbacks are 25 × (1 kB said, 16 kB proposed); whatever is kept of them, later ones cost no more than earlier ones.
    expect(last - third).toBeLessThan(1.1 * (second - first));
    expect(last).toBeLessThan(100 * 100_000);
    console.log(`a quarter of 100 feedbacks each: ${sizes.join(", ")} bytes`);
  }, 300_000);

  it("reads its words once for a streamed turn", async () => {
    const { caller, id } = await taught();
    await evictDurableObject(stubOf(id));
    const parse = vi.spyOn(JSON, "parse");
    try {
      const body = { content: "Sort them: 9, 8", stream: true };
      const events = await readEvents(await caller.post(`/v1/sessions/${id}/turns`, body));
      expect(events.at(-1)?.data.prompt).toContain("largest to smallest");
      const wordsRead = () =>
        parse.mock.calls.filter(([text]) => String(text).startsWith('{"version":1,"ledgers":'));
      expect(wordsRead()).toHaveLength(1);
      await readEvents(await caller.post(`/v1/sessions/${id}/turns`, body));
      expect(wordsRead()).toHaveLength(1);
    } finally {
      parse.mockRestore();
    }
  });

  it("takes back what was learnt before it slept, one revision after the other, also in a fork", async () => {
    const { caller, id, path } = await taught();
    const other = await ask(caller, id, "Say hello");
    await judge(caller, id, other.id, { reward: -1, text: "Always answer in French." });
    const taughtBoth = await caller.get<WordsStateBody>(path);
    expect(taughtBoth).toMatchObject({ undoable: 2, constraints: [{ topic: "language" }] });
    const fork = await caller.make<{ id: string }>(`/v1/sessions/${id}/fork`, {});
    for (const session of [id, fork.id]) {
      await evictDurableObject(stubOf(session));
      const words = `/v1/sessions/${session}/words`;
      const once = await caller.make<WordsStateBody>(`${words}/undo`, {});
      expect(once).toMatchObject({ undoable: 1, constraints: [] });
      expect(once.senses).toEqual(taughtBoth.senses);
      expect(await caller.make(`${words}/undo`, {})).toMatchObject({ undoable: 0, senses: [] });
      expect((await caller.post(`${words}/undo`, {})).status).toBe(409);
    }
  });
});
