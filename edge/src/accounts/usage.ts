/** A metered event: its kind, its cost, and how usage is shown. It knows no storage. */
import type { Usage } from "@rosa2/shared/protocol";
import type { Prices } from "../config.ts";
import type { Cost, MessageData, UsageBody } from "../contract/index.ts";
import type { usageKinds, WebhookEvent } from "../contract/sets.ts";

export interface UsageEvent {
  eventId: string;
  tenantId: string;
  keyId: string | null;
  sessionId: string | null;
  /** The owner among the tenant's users; left out if the purse that settles it knows. */
  owner?: string | null;
  kind: (typeof usageKinds)[number];
  at: number;
  promptTokens?: number;
  cachedTokens?: number;
  completionTokens?: number;
  adaptationsAccepted?: number;
  adaptationsRejected?: number;
  rewriterCalls?: number;
  gpuMs?: number;
  costNanos: number;
  /** What webhooks are told of it; no text of the conversation. */
  notice?: Notice;
}

export type Notice = {
  [Type in WebhookEvent]: { type: Type; data: MessageData<Type> };
}[WebhookEvent];

/** Nano-dollars of a reply, rounded up, so that no work is free by rounding. */
export function replyCostNanos(prices: Prices, usage: Usage): number {
  const fresh = Math.max(0, usage.prompt_tokens - usage.cached_tokens);
  return Math.ceil(
    fresh * prices.inputNanos +
      usage.cached_tokens * prices.cachedNanos +
      usage.completion_tokens * prices.outputNanos,
  );
}

/** The most that a reply can cost: a token holds at least one byte of text; the template adds a few tokens. */
export function replyCostNanosMax(
  prices: Prices,
  messages: readonly { content: string }[],
  replyTokensMax: number,
): number {
  let bytes = 0;
  for (const { content } of messages) bytes += utf8Bytes(content) + 16;
  return Math.ceil(bytes * prices.inputNanos + replyTokensMax * prices.outputNanos);
}

/** A reply's price, never more than was reserved: so the cap holds whatever a model's template adds. */
export function settledCostNanos(
  prices: Prices,
  usage: Usage,
  asked: { messages: readonly { content: string }[]; sampling: { max_tokens: number } },
): number {
  const { messages, sampling } = asked;
  return Math.min(
    replyCostNanos(prices, usage),
    replyCostNanosMax(prices, messages, sampling.max_tokens),
  );
}

const encoder = new TextEncoder();
function utf8Bytes(text: string): number {
  return encoder.encode(text).byteLength;
}

export function costBody(nanos: number): Cost {
  return { usd: nanos / 1e9 };
}

export function usageBody(usage: Usage): UsageBody {
  return {
    prompt_tokens: usage.prompt_tokens,
    completion_tokens: usage.completion_tokens,
    total_tokens: usage.prompt_tokens + usage.completion_tokens,
    prompt_tokens_details: { cached_tokens: usage.cached_tokens },
  };
}
