/**
 * Spreads saved answers of stateless calls over objects of their own, by key, so that a tenant's calls do not queue at
 * one object.
 */
import type { Env } from "../../env.ts";
import type { Result } from "../../rpc.ts";
import type { Owed } from "../region-calls.ts";
import type { Claim, ClaimingCall, SavedAnswer } from "./answers.ts";

const shardCount = 16;

/** The calls on saved answers, which an account object has as well. */
export interface AnswerCalls {
  claimAnswer(tenantId: string, call: ClaimingCall): Promise<Result<Claim>>;
  keepAlive(key: string, token: string): Promise<boolean>;
  saveAnswer(
    call: { key: string; token: string },
    answer: SavedAnswer,
    sessionId: string | null,
    owed: Owed | null,
  ): Promise<void>;
  dropClaim(key: string, token: string): Promise<void>;
  forgetAnswers(): Promise<void>;
}

/** A key's only home in the world. */
export function shardOf(env: Env, tenantId: string, key: string): AnswerCalls {
  let hash = 0;
  for (let i = 0; i < key.length; i++) hash = (Math.imul(hash, 31) + key.charCodeAt(i)) >>> 0;
  return shard(env, tenantId, hash % shardCount);
}

export function answerShards(env: Env, tenantId: string): AnswerCalls[] {
  return Array.from({ length: shardCount }, (_, index) => shard(env, tenantId, index));
}

function shard(env: Env, tenantId: string, index: number): AnswerCalls {
  return env.ACCOUNTS.getByName(`${tenantId}/answers/${index}`) as unknown as AnswerCalls;
}
