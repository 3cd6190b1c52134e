/**
 * What the model is shown: a pure policy over instructions, dialogue and request; it knows no storage and no tokenizer.
 *
 * - `request`: instructions and the rewritten request alone. The words axis makes a request stand on its own,
 *   and a small model follows a short clear prompt better than a long one.
 * - `dialogue`: instructions, then the finished exchanges (of a problem tried several times only its last
 *   try), then the request. Exchanges are dropped from the oldest on until the estimate fits the window. If the
 *   estimate was too low, or the model's window is smaller than was set, `shorterDialogue` drops more of them.
 *
 * Instructions and the current request are never cut: if they alone are too long the GPU service says so
 * (`context_length_exceeded`), rather than an answer to half a question coming back.
 */
import type { Message } from "@rosa2/shared/protocol";
import type { ContextPolicy } from "../../contract/index.ts";
import { estimateTokens } from "../../inference/estimate.ts";

export interface Exchange {
  prompt: string;
  reply: string;
}

export interface PromptInput {
  instructions: string | null;
  policy: ContextPolicy;
  /** Oldest first. */
  dialogue: readonly Exchange[];
  request: string;
  /** Tokens that the prompt may take. */
  tokensMax: number;
}

export function buildPrompt(input: PromptInput): Message[] {
  const system: Message[] =
    input.instructions === null ? [] : [{ role: "system", content: input.instructions }];
  const request: Message = { role: "user", content: input.request };
  if (input.policy === "request") return [...system, request];
  let left = input.tokensMax - estimateTokens(system) - estimateTokens([request]);
  const kept: Message[] = [];
  for (const { prompt, reply } of [...input.dialogue].reverse()) {
    const exchange: Message[] = [
      { role: "user", content: prompt },
      { role: "assistant", content: reply },
    ];
    left -= estimateTokens(exchange);
    if (left < 0) break;
    kept.unshift(...exchange);
  }
  return [...system, ...kept, request];
}

/** The messages without the older half of their exchanges; null if they have none. */
export function shorterDialogue(messages: readonly Message[]): Message[] | null {
  const first = messages.findIndex(({ role }) => role !== "system");
  const exchanges = Math.floor((messages.length - 1 - first) / 2);
  if (exchanges < 1) return null;
  return [...messages.slice(0, first), ...messages.slice(first + 2 * Math.ceil(exchanges / 2))];
}

/** The messages with the request replaced by another wording. */
export function withRequest(messages: readonly Message[], request: string): Message[] {
  return [...messages.slice(0, -1), { role: "user", content: request }];
}
