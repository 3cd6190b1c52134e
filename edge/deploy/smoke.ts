/** Checks that every part of a deployed rosa2 answers; leaves nothing behind. */
import { setTimeout as sleep } from "node:timers/promises";
import { Failure } from "../../shared/command/failure.ts";
import { Api, ApiError } from "../local/api.ts";
import type { SessionDetail, TurnBody } from "../src/contract/index.ts";

interface HealthBody {
  status: "ok" | "degraded";
  gpu: { status: string; model: string | null };
  inference: { status: string; model: string | null; provider: string | null } | null;
}

const pauseMs = 1_000;

/**
 * Waits for the address and the GPU service, then checks that a wrong key is refused, and with the key
 * that a session answers a request. Without a key it ends after the first two. Throws `Failure`.
 */
export async function smokeTest(
  url: string,
  key: string | null,
  waitMs: number,
  say: (line: string) => void,
): Promise<void> {
  const until = performance.now() + waitMs;
  const health = await untilAnswers(url, until);
  const { gpu, inference } = health;
  const who = gpu.status === "absent" ? inference?.provider : "the GPU service";
  say(`the edge answers; ${who} serves ${(inference ?? gpu).model}`);
  await refusesStranger(url);
  say("a key that it does not know is refused");
  if (key === null) {
    say("no admin key on this machine, so no request was made");
    return;
  }
  const api = new Api({ url, key });
  const session = await untilWarm(
    () => api.post<SessionDetail>("/v1/sessions", { title: "Smoke test" }),
    until,
  );
  try {
    const turn = await untilWarm(
      () => api.post<TurnBody>(`/v1/sessions/${session.id}/turns`, { content: "Hello" }),
      until,
    );
    if (turn.status !== "completed") throw new Failure(`The request ended as ${turn.status}`);
    say(`a session answered a request (${turn.usage?.completion_tokens ?? 0} tokens)`);
  } finally {
    await erase(api, session.id);
  }
}

/** A new address takes a while to resolve, and a sleeping GPU service to wake. */
async function untilAnswers(url: string, until: number): Promise<HealthBody> {
  let last = "nothing answered";
  for (;;) {
    try {
      const response = await fetch(`${url}/health`, { signal: AbortSignal.timeout(10_000) });
      if (response.ok) {
        const health = (await response.json()) as HealthBody;
        if (health.status === "ok") return health;
        last = `the edge answers, but the GPU service is ${health.gpu.status}`;
        if (health.inference !== null) last += ` and what gives replies ${health.inference.status}`;
      } else {
        last = `GET /health answered ${response.status}`;
      }
    } catch (error) {
      last = `GET /health failed: ${(error as Error).message}`;
    }
    if (performance.now() > until) {
      throw new Failure(`It is deployed at ${url}, but the smoke test gave up: ${last}`);
    }
    await sleep(pauseMs);
  }
}

async function refusesStranger(url: string): Promise<void> {
  const response = await fetch(`${url}/v1/usage`, {
    headers: { authorization: `Bearer rosa2_${"0".repeat(43)}` },
  });
  await response.body?.cancel();
  if (response.status !== 401) {
    throw new Failure(`An unknown key should be refused with 401, was ${response.status}`);
  }
}

async function untilWarm<T>(call: () => Promise<T>, until: number): Promise<T> {
  for (;;) {
    try {
      return await call();
    } catch (error) {
      const cold = error instanceof ApiError && error.status === 503;
      if (cold && performance.now() < until) await sleep(pauseMs);
      else if (error instanceof ApiError) throw new Failure(`A request failed: ${error.message}`);
      else throw error;
    }
  }
}

async function erase(api: Api, sessionId: string): Promise<void> {
  const response = await fetch(`${api.url}/v1/sessions/${sessionId}`, {
    method: "DELETE",
    headers: { authorization: `Bearer ${api.key}` },
  });
  await response.body?.cancel();
  if (!response.ok) throw new Failure(`Erasing the session answered ${response.status}`);
}
