/**
 * Calls over connections that are kept open and are idle in between: waves of calls at once, then a silence in which
 * either side may close. No call may find its connection gone. The answers are not checked.
 */
import { Agent, request } from "node:http";
import { setTimeout as sleep } from "node:timers/promises";
import { secretHeader } from "@rosa2/shared/protocol";
import { randomInt, seededRandom } from "@rosa2/shared/random";
import type { World } from "./world.ts";

/** Queues of the GPU service that have room for a whole wave. */
export const queueVariables = { QUEUE: "100000", TENANT_QUEUE: "100000" };

export interface IdleOptions {
  /** Number of calls, half of them to the GPU service and half through the edge. */
  calls: number;
  connections: number;
  gapMs: { least: number; most: number };
  say(line: string): void;
}

/** Results of the calls to one of the two. */
export interface IdleCounts {
  calls: number;
  /** Calls on a connection that had stood idle. */
  reused: number;
  unavailable: number;
  /**
   * Calls sent once more, because the local runtime had closed the idle connection (after 5 s) while the call was on its
   * way. Any HTTP client does so on a reused connection. The GPU service closes later than its clients: there it is a
   * failure.
   */
  sentAgain: number;
  /** Every other failure, by its message. */
  others: Map<string, number>;
}

export type Way = "gpu" | "edge";

interface Connection {
  way: Way;
  agent: Agent;
  url: string;
  headers: Record<string, string>;
  body: string;
}

export async function callWithGaps(
  world: World,
  { calls, connections, gapMs, say }: IdleOptions,
): Promise<Record<Way, IdleCounts>> {
  const random = seededRandom("gaps");
  const counts = { gpu: emptyCounts(), edge: emptyCounts() };
  const open = Array.from({ length: connections }, (_, i) => connectionOf(world, i));
  try {
    for (let made = 0; made < calls; ) {
      const wave = open.slice(0, calls - made);
      await Promise.all(wave.map((connection) => callOnce(connection, counts[connection.way])));
      made += wave.length;
      say(
        `${made} of ${calls} calls: ${textOf("gpu", counts.gpu)}; ${textOf("edge", counts.edge)}`,
      );
      if (made < calls) await sleep(randomInt(random, gapMs.least, gapMs.most));
    }
  } finally {
    for (const { agent } of open) agent.destroy();
  }
  return counts;
}

export function textOf(way: Way, counts: IdleCounts): string {
  const { calls, reused, unavailable, sentAgain, others } = counts;
  const other = [...others].map(([what, count]) => `${count} × ${what}`).join(", ") || "none";
  return `${way} ${calls} calls, ${reused} on a kept connection, ${unavailable} were 503, ${sentAgain} sent again, other failures ${other}`;
}

function emptyCounts(): IdleCounts {
  return { calls: 0, reused: 0, unavailable: 0, sentAgain: 0, others: new Map() };
}

/** Every second one goes to the GPU service itself; each asks for one token. */
function connectionOf(world: World, index: number): Connection {
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  const messages = [{ role: "user", content: "Sort them: 3 1 2" }];
  if (index % 2 === 0) {
    return {
      way: "gpu",
      agent,
      url: `${world.gpuUrl}/v1/generate`,
      headers: { [secretHeader]: world.gpuSecret },
      body: JSON.stringify({ tenant: "idle", messages, sampling: { max_tokens: 1 } }),
    };
  }
  const tenant = world.tenants[index % world.tenants.length];
  return {
    way: "edge",
    agent,
    url: `${world.url}/v1/chat/completions`,
    headers: { authorization: `Bearer ${tenant?.key}` },
    body: JSON.stringify({ model: "rosa2", messages, max_tokens: 1 }),
  };
}

async function callOnce(connection: Connection, counts: IdleCounts): Promise<void> {
  counts.calls++;
  const note = (what: string) => counts.others.set(what, (counts.others.get(what) ?? 0) + 1);
  try {
    const { status, reused } = await post(connection).catch((error) => {
      if (connection.way === "gpu" || !isLateReset(error)) throw error;
      counts.sentAgain++;
      return post(connection);
    });
    if (reused) counts.reused++;
    if (status === 503) counts.unavailable++;
    else if (status !== 200) note(String(status));
  } catch (error) {
    note((error as NodeJS.ErrnoException).code ?? String(error));
  }
}

/** Reads the whole answer, so that the connection is free again. */
function post({
  agent,
  url,
  headers,
  body,
}: Connection): Promise<{ status: number; reused: boolean }> {
  return new Promise((settle, reject) => {
    const asked = request(
      url,
      { method: "POST", agent, headers: { ...headers, "content-type": "application/json" } },
      (answer) => {
        answer.resume();
        answer.once("error", reject);
        answer.once("end", () => {
          settle({ status: answer.statusCode ?? 0, reused: asked.reusedSocket });
        });
      },
    );
    asked.once("error", (error) => reject(Object.assign(error, { reused: asked.reusedSocket })));
    asked.end(body);
  });
}

function isLateReset({ code, reused }: NodeJS.ErrnoException & { reused?: boolean }): boolean {
  return code === "ECONNRESET" && reused === true;
}
