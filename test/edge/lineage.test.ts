import { describe, expect, it } from "vitest";
import type { Erased, SessionDetail } from "../../edge/src/contract/index.ts";
import { inAccount } from "./support/account.ts";
import {
  ask,
  bindings,
  type Caller,
  judge,
  newTenant,
  openSession,
  orderSense,
  readEvents,
} from "./support/client.ts";

async function teach(caller: Caller, sessionId: string, request: string, reply: string) {
  const turn = await ask(caller, sessionId, request);
  const { weights } = await judge(caller, sessionId, turn.id, {
    reward: -1,
    correction: reply,
    wait: true,
  });
  return { turn, generation: weights.generation ?? "" };
}

async function files(caller: Caller): Promise<number> {
  const prefix = `adapters/${caller.tenantId}/`;
  return (await bindings.ADAPTERS.list({ prefix })).objects.length;
}

describe("generations", () => {
  it("roll back to an older one and to the base model, and forward again", async () => {
    const caller = await newTenant();
    const { id } = await openSession(caller);
    const { generation } = await teach(caller, id, "Say hello", "hello");
    const activate = (name: string) =>
      caller.make<{ active: string }>(`/v1/sessions/${id}/generations/${name}/activate`, {});
    expect(await activate("base")).toMatchObject({ active: "base" });
    expect(await ask(caller, id, "Say hello")).toMatchObject({ reply: "echo: Say hello" });
    expect(await activate(generation)).toMatchObject({ active: generation });
    expect(await ask(caller, id, "Say hello")).toMatchObject({ reply: "hello", generation });
  });

  it("do not replay what was learnt after the one rolled back to", async () => {
    const caller = await newTenant();
    const { id } = await openSession(caller);
    await teach(caller, id, "Say hello", "hello");
    await caller.make(`/v1/sessions/${id}/generations/base/activate`, {});
    await teach(caller, id, "Say bye", "bye");
    const calls = await caller.calls("/v1/adapt");
    expect(calls.at(-1)).toMatchObject({ adapter: null, rows: [{ reply: "bye" }] });
  });

  it("download as an archive made by the GPU service, or as stored", async () => {
    const caller = await newTenant();
    const { id } = await openSession(caller);
    const { generation } = await teach(caller, id, "Say hello", "hello");
    const path = `/v1/sessions/${id}/generations/${generation}/adapter`;
    await caller.forgetAdapters();
    const archive = await caller.fetch(path);
    expect(archive.headers.get("content-type")).toBe("application/zip");
    expect(archive.headers.get("content-disposition")).toContain(`${generation}.zip`);
    const digest = new TextDecoder().decode(await archive.arrayBuffer()).replace("archive of ", "");
    const stored = await caller.fetch(`${path}?format=rosa2`);
    expect(stored.headers.get("etag")).toBe(`"${digest}"`);
    const file = new TextDecoder().decode(await stored.arrayBuffer());
    expect(JSON.parse(file)).toMatchObject({ learned: { "Say hello": "hello" } });
    expect((await caller.fetch(`/v1/sessions/${id}/generations/base/adapter`)).status).toBe(404);
  });
});

describe("a fork", () => {
  it("starts from everything as it is now, and goes its own way", async () => {
    const caller = await newTenant();
    const { id } = await openSession(caller, { title: "trunk", instructions: "Be brief." });
    await teach(caller, id, "Say hello", "hello");
    const fork = await caller.make<SessionDetail>(`/v1/sessions/${id}/fork`, { title: "branch" });
    expect(fork).toMatchObject({ title: "branch", forked_from: id, instructions: "Be brief." });
    expect(fork.turns.map(({ content }) => content)).toEqual(["Say hello"]);
    expect(await ask(caller, fork.id, "Say hello")).toMatchObject({ reply: "hello" });
    await teach(caller, fork.id, "Say bye", "bye");
    expect(await ask(caller, id, "Say bye")).toMatchObject({ reply: "echo: Say bye" });
    expect(fork.generation).not.toBe("base");
    const events = await readEvents(
      await caller.fetch(`/v1/sessions/${fork.id}/turns/${fork.turns[0]?.id}/events`),
    );
    expect(events.map(({ event }) => event)).toEqual(["done"]);
  });

  it("at a turn has that turn's generation and the words as they then were", async () => {
    const caller = await newTenant();
    const { id } = await openSession(caller, { lexicon: { senses: [orderSense] } });
    const first = await ask(caller, id, "Sort them: 3, 1");
    await judge(caller, id, first.id, {
      reward: -1,
      text: "largest first",
      correction: "3, 1",
      retry: true,
    });
    const fork = await caller.make<SessionDetail>(`/v1/sessions/${id}/fork`, { turn_id: first.id });
    expect(fork.turns).toHaveLength(1);
    expect(fork).toMatchObject({ generation: "base", feedback: [] });
    expect(await ask(caller, fork.id, "Sort them: 5, 6")).toMatchObject({
      prompt: "Sort them: 5, 6",
      generation: "base",
    });
    expect((await ask(caller, id, "Sort them: 5, 6")).prompt).not.toBe("Sort them: 5, 6");
  });
});

describe("erasure", () => {
  it("deletes turns, events and adapters, says so, and keeps billing rows without text", async () => {
    const caller = await newTenant();
    const { id } = await openSession(caller);
    await teach(caller, id, "Say xylophone", "xylophone");
    expect(await files(caller)).toBe(1);
    const erased = (await (
      await caller.fetch(`/v1/sessions/${id}`, { method: "DELETE" })
    ).json()) as Erased;
    expect(erased).toMatchObject({
      id,
      object: "session.erased",
      erased: { turns: 1, generations: 1, adapters: 1 },
    });
    expect(await files(caller)).toBe(0);
    expect((await caller.fetch(`/v1/sessions/${id}`)).status).toBe(404);
    expect((await caller.fetch(`/v1/sessions/${id}`, { method: "DELETE" })).status).toBe(404);
    expect(await caller.get("/v1/sessions")).toMatchObject({ data: [] });
    const usage = await caller.get<{ data: { replies: number }[] }>("/v1/usage");
    expect(usage.data[0]).toMatchObject({ replies: 1, adaptations_accepted: 1 });
    const everything = await inAccount(caller.tenantId, (_, sql) =>
      sql
        .exec<{ name: string }>("SELECT name FROM sqlite_master WHERE type = 'table'")
        .toArray()
        .filter(({ name }) => !name.startsWith("_cf"))
        .map(({ name }) => [name, sql.exec(`SELECT * FROM ${name}`).toArray()]),
    );
    expect(everything.length).toBeGreaterThan(8);
    expect(JSON.stringify(everything)).not.toContain("xylophone");
  });

  it("keeps the adapter that a fork still holds, until the fork goes too", async () => {
    const caller = await newTenant();
    const { id } = await openSession(caller);
    await teach(caller, id, "Say hello", "hello");
    const fork = await caller.make<SessionDetail>(`/v1/sessions/${id}/fork`, {});
    await caller.fetch(`/v1/sessions/${id}`, { method: "DELETE" });
    await caller.forgetAdapters();
    expect(await ask(caller, fork.id, "Say hello")).toMatchObject({ reply: "hello" });
    await caller.fetch(`/v1/sessions/${fork.id}`, { method: "DELETE" });
    expect(await files(caller)).toBe(0);
  });

  it("leaves no fork with a missing adapter when both happen at once", async () => {
    for (let round = 0; round < 5; round++) {
      const caller = await newTenant();
      const { id } = await openSession(caller);
      await teach(caller, id, "Say hello", "hello");
      const [forked] = await Promise.all([
        caller.post(`/v1/sessions/${id}/fork`, {}),
        caller.fetch(`/v1/sessions/${id}`, { method: "DELETE" }),
      ]);
      if (forked.status !== 201) continue;
      const fork = (await forked.json()) as SessionDetail;
      await caller.forgetAdapters();
      expect(await ask(caller, fork.id, "Say hello")).toMatchObject({ reply: "hello" });
    }
  });

  it("ends a reply that is still being written", async () => {
    const caller = await newTenant();
    await caller.behave({ holdAfter: 2 });
    const { id } = await openSession(caller);
    const response = await caller.post(`/v1/sessions/${id}/turns`, {
      content: "one two three four five six seven eight",
      stream: true,
    });
    const reading = response.text().catch(() => "cut");
    expect((await caller.fetch(`/v1/sessions/${id}`, { method: "DELETE" })).status).toBe(200);
    await reading;
    expect((await caller.fetch(`/v1/sessions/${id}`)).status).toBe(404);
  });
});

describe("the list of sessions", () => {
  it("pages newest first without gap or repetition", async () => {
    const caller = await newTenant();
    const opened: string[] = [];
    for (let i = 0; i < 5; i++) opened.push((await openSession(caller, { title: `${i}` })).id);
    const seen: string[] = [];
    let cursor = "";
    do {
      const page = await caller.get<{ data: { id: string }[]; next_cursor: string | null }>(
        `/v1/sessions?limit=2${cursor}`,
      );
      expect(page.data.length).toBeLessThanOrEqual(2);
      seen.push(...page.data.map(({ id }) => id));
      cursor = page.next_cursor === null ? "" : `&cursor=${page.next_cursor}`;
    } while (cursor !== "");
    expect(seen).toEqual(opened.toReversed());
    expect((await caller.fetch("/v1/sessions?cursor=nonsense")).status).toBe(400);
  });
});

describe("a roll-back", () => {
  it("brings back the words of its moment, forwards and backwards, whatever was changed by hand since", async () => {
    const caller = await newTenant();
    const { id } = await openSession(caller);
    const words = () => caller.get<object>(`/v1/sessions/${id}/words`);
    const moments: { generation: string; words: object }[] = [
      { generation: "base", words: await words() },
    ];
    for (const text of ["largest first", "as a list with dashes"]) {
      const turn = await ask(caller, id, "Sort them: 31, 7, 12");
      const judged = await judge(caller, id, turn.id, {
        reward: -1,
        text,
        correction: `right: ${text}`,
        retry: true,
      });
      moments.push({ generation: judged.weights.generation ?? "", words: await words() });
    }
    const told = moments.map((moment) => JSON.stringify(moment.words));
    expect(new Set(told).size).toBe(3);
    await caller.make(`/v1/sessions/${id}/words/undo`, {});
    for (const at of [1, 0, 2, 1, 2, 0]) {
      const { generation, words: then } = moments[at] ?? expect.unreachable();
      await caller.make(`/v1/sessions/${id}/generations/${generation}/activate`, {});
      expect(await words(), `back to moment ${at}`).toEqual(then);
      expect(await caller.get(`/v1/sessions/${id}`)).toMatchObject({ generation });
    }
  });
});
