/**
 * Rounds of conversations with kills: during a few conversations, processes of their rosa2 are killed at moments that a
 * seed draws. At rest every invariant of `sound.ts` must hold.
 *
 * A seed decides the requests, the processes to kill and the moments. The state at a kill also depends on the machine.
 */
import assert from "node:assert/strict";
import { setTimeout as sleep } from "node:timers/promises";
import { pick, type Random, randomInt, seededRandom } from "@rosa2/shared/random";
import type { UsageReport } from "../../edge/src/contract/index.ts";
import { Caller } from "./caller.ts";
import { Conversation } from "./conversation.ts";
import { eventually, expectSound, nanos, sum } from "./sound.ts";
import { victims, type World } from "./world.ts";

/** How long a world runs before the next death (ms). */
const standsMs = { least: 20, most: 1_500 };

export interface RoundOptions {
  /** Conversations at a time; the world needs a tenant for each, and one more. */
  atOnce: number;
  killsMax: number;
}

export interface Round {
  turns: number;
  kills: number;
  /** Attempts of calls that failed. */
  lost: number;
  /** Null where everything holds. */
  failure: Error | null;
  /** What happened, in order. */
  story: string[];
}

interface Chat {
  rosa2: { cost: { usd: number } };
}

/** Holds the conversations of one seed while processes die, then checks the result. */
export async function runRound(world: World, seed: number, options: RoundOptions): Promise<Round> {
  const random = seededRandom(`kills ${seed}`);
  const startedAt = performance.now();
  const story: string[] = [];
  const tell = (line: string) => {
    story.push(`${((performance.now() - startedAt) / 1000).toFixed(2)} s ${line.slice(0, 300)}`);
  };
  const callers = Array.from({ length: options.atOnce }, (_, i) => callerOf(world, i, tell));
  const conversations = callers.map((caller, i) => {
    const own = seededRandom(`kills ${seed}, conversation ${i}`);
    return new Conversation(caller, own, `kills-${seed}-${i}`);
  });
  const chatting = callerOf(world, options.atOnce, tell);
  const usedBefore = await usedBy(chatting);
  // This comes before any death, because a session whose opening is killed keeps its lease for half an hour.
  await Promise.all(conversations.map((conversation) => conversation.open()));
  let isOver = false;
  const deaths = killNowAndThen(world, random, options.killsMax, () => isOver, tell);
  let failure: Error | null = null;
  try {
    const talking = conversations.map((conversation) => conversation.hold());
    const chats = holdChats(chatting, seed, options.atOnce);
    // All of them must end, even if one fails: nothing of this round may run into the next.
    const outcomes = await Promise.allSettled([...talking, chats]);
    isOver = true;
    await deaths;
    for (const outcome of outcomes) if (outcome.status === "rejected") throw outcome.reason;
    await Promise.all(conversations.map((one, i) => expectSound(callers[i]!, one)));
    await expectChatsPaidOnce(chatting, await chats, usedBefore);
  } catch (error) {
    failure = error as Error;
  }
  const kills = await deaths;
  return {
    turns: sum(conversations.map(({ turns }) => turns.length)),
    kills,
    lost: sum([...callers, chatting].map(({ lostCount }) => lostCount)),
    failure,
    story,
  };
}

function callerOf(world: World, index: number, tell: (line: string) => void): Caller {
  const tenant = world.tenants[index];
  if (tenant === undefined) throw new Error(`The world has no tenant ${index}`);
  return new Caller(world.url, tenant.key, tell);
}

/**
 * Kills, waits until all serve again, and kills again. It kills at least once, even if everything is soon over. Returns
 * the number of kills.
 */
async function killNowAndThen(
  world: World,
  random: Random,
  killsMax: number,
  isOver: () => boolean,
  tell: (line: string) => void,
): Promise<number> {
  const among = victims.filter((victim) => victim !== "replica" || world.replicas > 1);
  let kills = 0;
  while (kills < killsMax && (kills === 0 || !isOver())) {
    await sleep(randomInt(random, standsMs.least, standsMs.most));
    const victim = pick(random, among);
    tell(`kills ${victim}`);
    kills++;
    await world.kill(victim, randomInt(random, 0, 1_000));
    tell("all serve again");
  }
  return kills;
}

/** Chats outside sessions, one after the other, of a tenant of their own. */
async function holdChats(caller: Caller, seed: number, count: number): Promise<Chat[]> {
  const chats: Chat[] = [];
  for (let n = 0; n < count; n++) {
    const body = {
      model: "rosa2",
      messages: [{ role: "user", content: `Sort them: ${n} ${seed % 10} 5` }],
    };
    chats.push(await caller.post<Chat>("/v1/chat/completions", body, `chat-${seed}-${n}`));
  }
  return chats;
}

/** A chat is billed once, by its answer; `before` is the tenant's usage until then. */
async function expectChatsPaidOnce(
  caller: Caller,
  chats: readonly Chat[],
  before: Used,
): Promise<void> {
  await eventually("the account knows every chat", async () => {
    assert.deepEqual(
      await usedBy(caller),
      {
        replies: before.replies + chats.length,
        nanos: before.nanos + sum(chats.map(({ rosa2 }) => nanos(rosa2.cost.usd))),
      },
      "chats",
    );
  });
}

interface Used {
  replies: number;
  nanos: number;
}

async function usedBy(caller: Caller): Promise<Used> {
  const { data } = await caller.get<UsageReport>("/v1/usage?group_by=day");
  return {
    replies: sum(data.map(({ replies }) => replies)),
    nanos: sum(data.map(({ cost }) => nanos(cost.usd))),
  };
}
