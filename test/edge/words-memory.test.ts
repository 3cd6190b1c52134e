import { describe, expect, it } from "vitest";
import type { WordsStateBody } from "../../edge/src/contract/index.ts";
import { ask, judge, newTenant, openSession, orderSense } from "./support/client.ts";

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
