import { describe, expect, it } from "vitest";
import type { SessionDetail, WordsStateBody } from "../../edge/src/contract/index.ts";
import { ask, type Caller, judge, newTenant, openSession } from "./support/client.ts";

const closing = {
  id: "closing",
  label: "closing",
  spans: ["close the ticket"],
  readings: [
    { id: "resolved", phrase: "as resolved", cues: ["it is fixed"] },
    { id: "rejected", phrase: "as rejected", cues: ["we will not do it"] },
  ],
};
const request = "Please close the ticket about the door";

function put(caller: Caller, path: string, senses: unknown): Promise<Response> {
  return caller.fetch(path, {
    method: "PUT",
    body: JSON.stringify({ senses }),
    headers: { "content-type": "application/json" },
  });
}

/** Learns in a session which reading is meant, and gives the words of the next request. */
async function learn(caller: Caller, sessionId: string): Promise<string> {
  const turn = await ask(caller, sessionId, request);
  await judge(caller, sessionId, turn.id, { reward: -1, text: "No, we will not do it" });
  return (await ask(caller, sessionId, request)).prompt;
}

describe("own senses", () => {
  it("of a session are understood in it and nowhere else", async () => {
    const caller = await newTenant();
    const { id } = await openSession(caller, { lexicon: { senses: [closing] } });
    expect((await ask(caller, id, request)).prompt).toBe(request);
    expect(await learn(caller, id)).toContain("as rejected");
    const words = await caller.get<WordsStateBody>(`/v1/sessions/${id}/words`);
    expect(words.senses.map((sense) => sense.id)).toContain("closing");
    const plain = await openSession(caller);
    expect(await learn(caller, plain.id)).not.toContain("as rejected");
  });

  it("of the tenant go into new sessions, where the session's own come first", async () => {
    const caller = await newTenant();
    const before = await openSession(caller);
    const other = { ...closing, id: "other", spans: ["open the ticket"] };
    expect((await put(caller, "/v1/tenant/lexicon", [closing, other])).status).toBe(200);
    const stored = await caller.get<{ senses: { id: string }[] }>("/v1/tenant/lexicon");
    expect(stored.senses.map(({ id }) => id)).toEqual(["closing", "other"]);
    const after = await openSession(caller, {
      lexicon: { senses: [{ ...closing, label: "mine" }] },
    });
    const labels = async (id: string) =>
      (
        await caller.get<{ senses: { label: string }[] }>(`/v1/sessions/${id}/words/lexicon`)
      ).senses.map(({ label }) => label);
    expect(await labels(after.id)).toEqual(["mine", "closing"]);
    expect(await labels(before.id)).toEqual([]);
    expect(await learn(caller, (await openSession(caller)).id)).toContain("as rejected");
  });

  it("go along with a fork", async () => {
    const caller = await newTenant();
    const { id } = await openSession(caller, { lexicon: { senses: [closing] } });
    const fork = await caller.make<SessionDetail>(`/v1/sessions/${id}/fork`, {});
    expect(await learn(caller, fork.id)).toContain("as rejected");
  });

  it("can be set later; what was learnt about other readings is forgotten", async () => {
    const caller = await newTenant();
    const { id } = await openSession(caller);
    const path = `/v1/sessions/${id}/words/lexicon`;
    expect((await put(caller, path, [closing])).status).toBe(200);
    expect(await learn(caller, id)).toContain("as rejected");
    const known = async () =>
      (await caller.get<WordsStateBody>(`/v1/sessions/${id}/words`)).senses.map((one) => one.id);
    // Another label leaves the readings, and so what was learnt of them.
    await put(caller, path, [{ ...closing, label: "closing it" }]);
    expect(await known()).toContain("closing");
    const [resolved] = closing.readings;
    await put(caller, path, [
      { ...closing, readings: [resolved, { id: "moved", phrase: "moved" }] },
    ]);
    expect(await known()).not.toContain("closing");
    expect((await ask(caller, id, request)).prompt).toBe(request);
    expect((await caller.post(`/v1/sessions/${id}/words/undo`, {})).status).toBe(409);
  });

  it.each([
    ["a reading alone", [{ ...closing, readings: closing.readings.slice(0, 1) }]],
    ["one id twice", [closing, closing]],
    ["an id that is none", [{ ...closing, id: "No!" }]],
    ["no senses at all", undefined],
  ])("are refused with %s, wherever they are given", async (_, senses) => {
    const caller = await newTenant();
    const { id } = await openSession(caller);
    for (const path of ["/v1/tenant/lexicon", `/v1/sessions/${id}/words/lexicon`]) {
      expect((await put(caller, path, senses)).status, path).toBe(400);
    }
    const opened = await caller.post("/v1/sessions", { lexicon: { senses } });
    expect(opened.status).toBe(400);
  });
});
