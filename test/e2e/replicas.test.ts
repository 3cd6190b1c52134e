/** Three GPU services behind one port: sessions hop between them, and one that is killed costs nothing. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { secretHeader } from "@rosa2/shared/protocol";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { ApiError } from "../../edge/local/api.ts";
import { readRunning } from "../../edge/local/state.ts";
import type { TurnBody } from "../../edge/src/contract/index.ts";
import { processTree } from "../support/process-tree.ts";
import { drawRequest } from "./support/requests.ts";
import { makeStateFolder, Rosa } from "./support/rosa.ts";

const replicas = 3;
const state = makeStateFolder();
let rosa: Rosa;

beforeAll(async () => {
  rosa = await Rosa.start(state.path, { REPLICAS: String(replicas), THREADS: "1" });
});
beforeEach(untilAllServe);
afterAll(async () => {
  await rosa?.process.stop();
  state.remove();
});

describe("three replicas of the GPU service", () => {
  it("take turns, and a session answers the same on each", async () => {
    const { content, answers } = drawRequest(31);
    const session = await rosa.openSession();
    const first = await rosa.ask(session.id, content);
    const correction = answers.find((answer) => answer !== first.reply) ?? "";
    const { turn, weights } = await rosa.correct(first, correction);
    expect(turn.reply).toBe(correction);
    expect(weights.decision).toBe("updated");
    // As many as there are replicas, so each of them gives at least one reply.
    const replies = [];
    for (let n = 0; n < 2 * replicas; n++) replies.push(await rosa.ask(session.id, content));
    expect(replies.map(({ reply }) => reply)).toEqual(replies.map(() => correction));
    expect(new Set(replies.map(({ generation }) => generation)).size).toBe(1);
    // Only the replica that made the adapter had it: the others asked for it.
    expect(gpuLog()).toContain("adapter_missing");
  });

  it("keep every turn when one is killed while they answer", async () => {
    const sessions = await Promise.all(Array.from({ length: 9 }, () => rosa.openSession()));
    const { content } = drawRequest(32);
    const asking = sessions.map(({ id }) => rosa.ask(id, content).catch((error) => error));
    await sleep(60);
    killReplica();
    const results: (TurnBody | ApiError)[] = await Promise.all(asking);
    const reply = await rosa.answerOfBase(content);
    for (const [index, result] of results.entries()) {
      const turn =
        result instanceof ApiError ? await retry(sessions[index]?.id ?? "", result) : result;
      expect(turn).toMatchObject({ status: "completed", reply });
    }
  });

  it("break replies off where their replicas are killed, instead of ending them", async () => {
    const secret = readFileSync(join(state.path, "gpu-secret"), "utf8").trim();
    const begun = Array.from({ length: 48 }, (_, seed) =>
      fetch(`${rosa.process.gpuUrl}/v1/generate`, {
        method: "POST",
        headers: { [secretHeader]: secret },
        body: JSON.stringify({
          tenant: "replicas",
          messages: [{ role: "user", content: "write a poem about the sea" }],
          sampling: { temperature: 1, max_tokens: 450, seed },
        }),
      }),
    );
    await Promise.race(begun);
    for (const pid of replicaPids()) process.kill(pid, "SIGKILL");
    const texts = await Promise.all(
      begun.map((response) => response.then((answer) => answer.text()).catch(() => null)),
    );
    // A reply that ended says so itself; a part never passes for the whole.
    for (const text of texts) if (text !== null) expect(text).toMatch(/"type":"done"|gpu_|cold/);
    expect(texts).toContain(null);
  });

  it.each([40, 150, 400])(
    "make one generation of a feedback although one is killed %i ms into it",
    async (delayMs) => {
      const { content, answers } = drawRequest(40 + delayMs);
      const undisturbed = await rosa.ask((await rosa.openSession()).id, content);
      const corrected = answers.find((answer) => answer !== undisturbed.reply) ?? "";
      const { turn: expected } = await rosa.correct(undisturbed, corrected);
      const session = await rosa.openSession();
      const first = await rosa.ask(session.id, content);
      const correction = answers.find((answer) => answer !== first.reply) ?? "";
      const feedback = { reward: -1, correction, retry: true };
      const judging = rosa.judge(first, feedback).catch((error: unknown) => error);
      await sleep(delayMs);
      killReplica();
      await judging;
      const result = await rosa.judgeUntilDone(first, feedback);
      expect(result.weights.decision).toBe("updated");
      // The result of the same conversation without a kill.
      expect(result.turn?.reply).toBe(expected.reply);
      expect(result?.turn?.generation).toBe(result?.weights.generation);
      const { totals } = await rosa.readSession(session.id);
      expect(totals).toMatchObject({ feedback: 1, generations: 1, turns: 2 });
    },
  );
});

/** A failed turn says that it can be tried again, and then succeeds. */
async function retry(sessionId: string, error: ApiError): Promise<TurnBody> {
  expect(error).toMatchObject({ status: 503, error: { code: "gpu_unavailable" } });
  const turnId = error.headers.get("x-rosa2-turn");
  return await rosa.post<TurnBody>(`/v1/sessions/${sessionId}/turns/${turnId}/retry`);
}

let killed = 0;
/** A different replica each time. */
function killReplica(): void {
  const pids = replicaPids();
  process.kill(pids[killed++ % pids.length] ?? 0, "SIGKILL");
}

function replicaPids(): number[] {
  const running = readRunning(state.path);
  if (running === null) throw new Error("Nothing runs");
  return processTree(running.gpuPid).slice(1);
}

/** Round robin reaches each of them in turn. Throws after a minute and a half. */
async function untilAllServe(): Promise<void> {
  const until = performance.now() + 90_000;
  while ((await countServing()) < replicas) {
    if (performance.now() > until) throw new Error(`Not all of ${replicas} replicas serve`);
    await sleep(300);
  }
}

async function countServing(): Promise<number> {
  const seen = new Set<string | null>();
  for (let n = 0; n < 2 * replicas; n++) {
    const response = await fetch(`${rosa.process.gpuUrl}/health`);
    await response.body?.cancel();
    if (response.ok) seen.add(response.headers.get("x-rosa2-replica"));
  }
  return seen.size;
}

function gpuLog(): string {
  return readFileSync(join(state.path, "logs/gpu.log"), "utf8");
}
