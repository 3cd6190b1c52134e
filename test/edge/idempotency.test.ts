import { describe, expect, it } from "vitest";
import type { SessionDetail, TurnBody } from "../../edge/src/contract/index.ts";
import { account, accountRows } from "./support/account.ts";
import {
  apiDocument,
  ask,
  eventually,
  judge,
  newTenant,
  openSession,
  readEvents,
  textOf,
} from "./support/client.ts";

const header = (key: string) => ({ "idempotency-key": key });
const hello = { model: "fake-mini", messages: [{ role: "user", content: "hello" }] };

describe("Idempotency-Key outside sessions", () => {
  it("opens one session for concurrent calls with one key", async () => {
    const caller = await newTenant();
    const made = await Promise.all(
      Array.from({ length: 10 }, () =>
        caller.make<SessionDetail>("/v1/sessions", { title: "one" }, header("a")),
      ),
    );
    expect(new Set(made.map(({ id }) => id)).size).toBe(1);
    expect((await caller.get<{ data: unknown[] }>("/v1/sessions")).data).toHaveLength(1);
  });

  it("refuses a key that came with another request", async () => {
    const caller = await newTenant();
    await caller.make("/v1/sessions", { title: "one" }, header("a"));
    const other = await caller.post("/v1/sessions", { title: "two" }, header("a"));
    expect(other.status).toBe(422);
    expect(await other.json()).toMatchObject({ error: { code: "idempotency_mismatch" } });
    const stranger = await newTenant();
    expect((await stranger.post("/v1/sessions", { title: "two" }, header("a"))).status).toBe(201);
  });

  it("gives a stateless completion again without asking the GPU service, streamed ones too", async () => {
    const caller = await newTenant();
    for (const stream of [false, true]) {
      const body = { ...hello, stream };
      const first = await caller.post("/v1/chat/completions", body, header(`k${stream}`));
      const text = await first.text();
      const second = await caller.post("/v1/chat/completions", body, header(`k${stream}`));
      expect(await second.text()).toBe(text);
      expect(second.headers.get("idempotency-replayed")).toBe("true");
      expect(second.headers.get("content-type")).toBe(first.headers.get("content-type"));
    }
    expect(await caller.calls("/v1/generate")).toHaveLength(2);
  });

  it("does not keep a failure that a retry could mend", async () => {
    const caller = await newTenant();
    await caller.behave({ down: ["/v1/generate"] });
    expect((await caller.post("/v1/chat/completions", hello, header("a"))).status).toBe(503);
    await caller.behave({});
    expect((await caller.post("/v1/chat/completions", hello, header("a"))).status).toBe(200);
  });

  it("never stores a new API key in the saved answer", async () => {
    const caller = await newTenant();
    const made = await caller.make<{ id: string; key: string }>(
      "/v1/keys",
      { name: "x" },
      header("a"),
    );
    const again = await caller.make<{ id: string; key?: string }>(
      "/v1/keys",
      { name: "x" },
      header("a"),
    );
    expect(again.id).toBe(made.id);
    expect(again.key).toBeUndefined();
    const saved = await accountRows(caller.tenantId, "SELECT * FROM answer_parts");
    expect(saved).toHaveLength(1);
    expect(JSON.stringify(saved)).not.toContain(made.key);
  });

  it("refuses keys that no header should hold", async () => {
    const caller = await newTenant();
    const long = await caller.post("/v1/sessions", {}, header("x".repeat(256)));
    expect(long.status).toBe(400);
  });
});

describe("saved answers", () => {
  it("of opened and forked sessions are erased with them, and no others", async () => {
    const caller = await newTenant();
    const opened = await caller.make<SessionDetail>(
      "/v1/sessions",
      { instructions: "speak of xylophones" },
      header("a"),
    );
    await ask(caller, opened.id, "hello");
    const fork = `/v1/sessions/${opened.id}/fork`;
    const forked = await caller.make<SessionDetail>(fork, {}, header("b"));
    expect((await caller.make<SessionDetail>(fork, {}, header("b"))).id).toBe(forked.id);
    const saved = () =>
      accountRows<{ key: string }>(caller.tenantId, "SELECT key FROM saved_answers ORDER BY key");
    expect(await saved()).toHaveLength(2);
    await caller.fetch(`/v1/sessions/${opened.id}`, { method: "DELETE" });
    expect((await saved()).map(({ key }) => key)).toEqual(["b"]);
    await caller.fetch(`/v1/sessions/${forked.id}`, { method: "DELETE" });
    expect(await saved()).toEqual([]);
    expect(await accountRows(caller.tenantId, "SELECT * FROM answer_parts")).toEqual([]);
  });

  it("leave nothing of a failed call but the session that it may have opened", async () => {
    const { tenantId } = await newTenant();
    const home = account(tenantId);
    for (const [key, sessionId] of [
      ["opens none", null],
      ["opens one", "ses_1"],
    ] as const) {
      const call = { key, fingerprint: "same", token: "first", sessionId };
      expect(await home.claimAnswer(tenantId, call)).toEqual({ ok: true, value: { sessionId } });
      await home.dropClaim(key, "first");
    }
    const left = await accountRows(tenantId, "SELECT key, session_id FROM saved_answers");
    expect(left).toEqual([{ key: "opens one", session_id: "ses_1" }]);
    const again = { key: "opens one", fingerprint: "same", token: "second", sessionId: "ses_2" };
    expect(await home.claimAnswer(tenantId, again)).toEqual({
      ok: true,
      value: { sessionId: "ses_1" },
    });
  });

  it("are given again whole however long they are", async () => {
    const caller = await newTenant();
    // More than one row of the account can hold.
    const reply = Array.from({ length: 3 }, (_, i) => `${i}`.repeat(320_000)).join(" ");
    await caller.behave({ replies: [{ to: "hello", reply }] });
    for (const stream of [false, true]) {
      const call = { ...hello, stream };
      const key = header(`long-${stream}`);
      const first = await (await caller.post("/v1/chat/completions", call, key)).text();
      expect(first.length).toBeGreaterThan(reply.length);
      const again = await caller.post("/v1/chat/completions", call, key);
      expect(again.headers.get("idempotency-replayed")).toBe("true");
      expect((await again.text()) === first).toBe(true);
    }
    expect(await caller.calls("/v1/generate")).toHaveLength(2);
  });

  it("answer a caller that went away before the first answer came", async () => {
    const caller = await newTenant();
    await caller.behave({ hold: ["/v1/generate"] });
    const abort = new AbortController();
    const lost = caller
      .fetch("/v1/chat/completions", {
        method: "POST",
        body: JSON.stringify(hello),
        headers: { "content-type": "application/json", ...header("gone") },
        signal: abort.signal,
      })
      .catch(() => {});
    await eventually(
      () => caller.calls("/v1/generate"),
      (calls) => calls.length === 1,
    );
    abort.abort();
    await lost;
    const repeated = caller.post("/v1/chat/completions", hello, header("gone"));
    await caller.behave({});
    const again = await repeated;
    expect(again.status).toBe(200);
    expect(again.headers.get("idempotency-replayed")).toBe("true");
    expect(await caller.calls("/v1/generate")).toHaveLength(1);
  });
});

describe("every POST", () => {
  it("takes an Idempotency-Key, and says so", () => {
    const { paths = {} } = apiDocument();
    const posts = Object.entries(paths).flatMap(([path, { post }]) =>
      post === undefined ? [] : [{ path, ...post }],
    );
    expect(posts.length).toBeGreaterThan(9);
    for (const { path, parameters = [], responses } of posts) {
      expect(
        parameters.map(({ name }) => name),
        path,
      ).toContain("idempotency-key");
      expect(Object.keys(responses), path).toContain("422");
    }
  });

  it("that changes a session does so once per key, and answers alike whatever came between", async () => {
    const caller = await newTenant();
    const { id } = await openSession(caller);
    const turn = await ask(caller, id, "Sort them: 31, 7, 12");
    const feedback = { reward: -1, text: "largest first", correction: "31, 12, 7", wait: true };
    const { weights } = await judge(caller, id, turn.id, feedback);
    const base = `/v1/sessions/${id}`;
    const activate = `${base}/generations/base/activate`;
    const activated = await caller.make(activate, {}, header("a"));
    await caller.make(`${base}/generations/${weights.generation}/activate`, {});
    // A retry that comes late must not roll back again.
    expect(await caller.make(activate, {}, header("a"))).toEqual(activated);
    expect(await caller.get(base)).toMatchObject({ generation: weights.generation });

    const second = await ask(caller, id, "Sort them: 5, 6");
    await judge(caller, id, second.id, { reward: -1, text: "as a list with dashes", wait: true });
    const { undoable } = await caller.get<{ undoable: number }>(`${base}/words`);
    expect(undoable).toBe(2);
    const undone = await Promise.all(
      Array.from({ length: 5 }, () => caller.make(`${base}/words/undo`, {}, header("u"))),
    );
    expect(new Set(undone.map((one) => JSON.stringify(one))).size).toBe(1);
    expect(await caller.get(`${base}/words`)).toMatchObject({ undoable: 1 });

    const crossed = await caller.post(`${base}/words/undo`, {}, header("a"));
    expect(crossed.status).toBe(422);
    const stopped = await caller.make(`${base}/turns/${turn.id}/stop`, {}, header("s"));
    expect(await caller.make(`${base}/turns/${turn.id}/stop`, {}, header("s"))).toEqual(stopped);
    expect((await caller.post(`${base}/turns/${second.id}/stop`, {}, header("s"))).status).toBe(
      422,
    );
  });

  it("that runs a turn again does so once per key, streamed or not", async () => {
    const caller = await newTenant();
    for (const stream of [false, true]) {
      const { id } = await openSession(caller);
      await caller.behave({ breakAfter: 2 });
      const body = { content: "one two three", stream: true };
      const failed = await caller.post(`/v1/sessions/${id}/turns`, body);
      const shown = textOf(await readEvents(failed));
      await caller.behave({});
      const path = `/v1/sessions/${id}/turns/${failed.headers.get("x-rosa2-turn")}/retry`;
      const answers = [];
      for (let i = 0; i < 2; i++) {
        const response = await caller.post(path, { stream }, header(`r${stream}`));
        expect(response.status).toBe(200);
        answers.push(stream ? await readEvents(response) : await response.json());
      }
      expect(answers[1]).toEqual(answers[0]);
      if (stream) {
        const [events = []] = answers as Awaited<ReturnType<typeof readEvents>>[];
        expect(shown + textOf(events)).toBe("echo: one two three");
      }
      expect((await caller.post(path, { stream })).status).toBe(409);
    }
  });
});

describe("Idempotency-Key inside a session", () => {
  it("takes one turn for concurrent calls, and answers all of them", async () => {
    const caller = await newTenant();
    await caller.behave({ deltaMs: 20 });
    const { id } = await openSession(caller);
    const path = `/v1/sessions/${id}/turns`;
    const turns = await Promise.all(
      Array.from({ length: 10 }, () =>
        caller.make<TurnBody>(path, { content: "hello you" }, header("t1")),
      ),
    );
    expect(new Set(turns.map((turn) => JSON.stringify(turn))).size).toBe(1);
    expect(await caller.calls("/v1/generate")).toHaveLength(1);
    const mismatch = await caller.post(path, { content: "other" }, header("t1"));
    expect(mismatch.status).toBe(422);
  });

  it("replays a streamed turn event for event", async () => {
    const caller = await newTenant();
    const { id } = await openSession(caller);
    const body = { content: "hello you there", stream: true };
    const path = `/v1/sessions/${id}/turns`;
    const first = await readEvents(await caller.post(path, body, header("s1")));
    const second = await readEvents(await caller.post(path, body, header("s1")));
    expect(second).toEqual(first);
  });

  it("runs a failed turn again when the same request comes with the same key", async () => {
    const caller = await newTenant();
    const { id } = await openSession(caller);
    const path = `/v1/sessions/${id}/turns`;
    await caller.behave({ down: ["/v1/generate"] });
    const failed = await caller.post(path, { content: "hello" }, header("t1"));
    expect(failed.status).toBe(503);
    await caller.behave({});
    const turn = await caller.make<TurnBody>(path, { content: "hello" }, header("t1"));
    expect(turn).toMatchObject({
      id: failed.headers.get("x-rosa2-turn"),
      status: "completed",
      index: 0,
    });
  });

  it("does not mix up turns and feedback, nor sessions", async () => {
    const caller = await newTenant();
    const [a, b] = [await openSession(caller), await openSession(caller)];
    const turn = await ask(caller, a.id, "hello");
    await caller.make(`/v1/sessions/${a.id}/turns`, { content: "x" }, header("k"));
    const crossed = await caller.post(
      `/v1/sessions/${a.id}/turns/${turn.id}/feedback`,
      { reward: 1 },
      header("k"),
    );
    expect(crossed.status).toBe(422);
    await caller.make(`/v1/sessions/${b.id}/turns`, { content: "x" }, header("k"));
  });
});
