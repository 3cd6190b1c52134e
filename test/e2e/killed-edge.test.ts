/**
 * An edge that is killed in the middle of a call. The same Idempotency-Key continues where the call stopped, and
 * nothing happens twice.
 */
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { Api } from "../../edge/local/api.ts";
import type {
  FeedbackResult,
  SessionDetail,
  TurnBody,
  UsageReport,
} from "../../edge/src/contract/index.ts";
import { type PacedEdge, startPacedEdge } from "./browser/support/edge.ts";
import { makeStateFolder } from "./support/rosa.ts";

/**
 * From the first sign of life of the restarted edge to the answer of the repeated call (ms): five seconds on an idle
 * machine, where the edge restarts within one.
 */
const answerMsMax = (restartMs: number) => 5 * Math.max(1_000, restartMs);
/** A call is still running when the edge is killed. */
const held = { holdAfter: 1, hold: ["/v1/adapt"] };

const state = makeStateFolder();
let edge: PacedEdge;
let api: Api;
let count = 0;

beforeAll(async () => {
  edge = await startPacedEdge(state.path);
  api = new Api(edge);
});
beforeEach(() => edge.behave({}));
afterAll(async () => {
  await edge?.stop();
  state.remove();
});

function post(path: string, body: object, key: string): Promise<Response> {
  return fetch(`${edge.url}${path}`, {
    method: "POST",
    headers: {
      authorization: `Bearer ${edge.key}`,
      "content-type": "application/json",
      "idempotency-key": key,
    },
    body: JSON.stringify(body),
  });
}

/** Asks again while a restarted object answers 409 with a time to retry, as every client does. */
async function postUntilTaken(path: string, body: object, key: string): Promise<Response> {
  for (;;) {
    const answer = await post(path, body, key);
    const pauseS = Number(answer.headers.get("retry-after") ?? Number.NaN);
    if (answer.status !== 503 || Number.isNaN(pauseS)) return answer;
    await sleep(1_000 * pauseS);
  }
}

/**
 * Makes a call, kills the edge once the GPU service works on `path`, and repeats the call. Gives its answer, which must
 * be a success within the time.
 */
async function callThroughDeath<T>(path: string, body: object, gpuPath: string): Promise<T> {
  const key = `through death ${++count}`.replaceAll(" ", "-");
  const asked = async () => (await edge.calls()).filter((call) => call.path === gpuPath).length;
  const before = await asked();
  await edge.behave(held);
  const lost = post(path, body, key).then(
    async (answer) => `${answer.status} ${await answer.text()}`,
    () => "lost",
  );
  await expect.poll(asked).toBeGreaterThan(before);
  await sleep(300);
  const killedAt = performance.now();
  await edge.killAndStart();
  const startedAt = performance.now();
  await edge.behave({});
  expect(await lost).toBe("lost");
  const answer = await postUntilTaken(path, body, key);
  const text = await answer.text();
  expect(`${answer.status} ${text}`).toMatch(/^20/);
  expect(performance.now() - startedAt).toBeLessThan(answerMsMax(startedAt - killedAt));
  const again = await post(path, body, key);
  expect(await again.text()).toBe(text);
  return JSON.parse(text) as T;
}

async function repliesMetered(): Promise<number> {
  const { data } = await api.get<UsageReport>("/v1/usage");
  return data.reduce((n, day) => n + day.replies, 0);
}

describe("an edge that is killed with SIGKILL", () => {
  it("in a stateless chat: the same key is answered within five seconds, and billed once", async () => {
    const before = await repliesMetered();
    const messages = [{ role: "user", content: "one two three" }];
    const chat = await callThroughDeath<{ choices: { message: { content: string } }[] }>(
      "/v1/chat/completions",
      { model: "rosa2", messages },
      "/v1/generate",
    );
    expect(chat.choices[0]?.message.content).toBe("echo: one two three");
    expect(await repliesMetered()).toBe(before + 1);
  });

  it("in a turn: the same key gives the turn that it had begun", async () => {
    const { id } = await api.post<SessionDetail>("/v1/sessions", {});
    const before = await repliesMetered();
    const turn = await callThroughDeath<TurnBody>(
      `/v1/sessions/${id}/turns`,
      { content: "one two three" },
      "/v1/generate",
    );
    expect(turn).toMatchObject({ status: "completed", reply: "echo: one two three" });
    expect((await api.get<SessionDetail>(`/v1/sessions/${id}`)).turns).toHaveLength(1);
    expect(await repliesMetered()).toBe(before + 1);
  });

  it("in an update: the same key gives one generation and one new turn", async () => {
    const { id } = await api.post<SessionDetail>("/v1/sessions", {});
    const turn = await api.post<TurnBody>(`/v1/sessions/${id}/turns`, { content: "one two" });
    const result = await callThroughDeath<FeedbackResult>(
      `/v1/sessions/${id}/turns/${turn.id}/feedback`,
      { reward: -1, correction: "three four", retry: true },
      "/v1/adapt",
    );
    expect(result).toMatchObject({
      status: "done",
      weights: { decision: "updated" },
      turn: { reply: "three four" },
    });
    const { totals } = await api.get<SessionDetail>(`/v1/sessions/${id}`);
    expect(totals).toMatchObject({ feedback: 1, generations: 1, turns: 2 });
  });
});
