/** Checks a request against the model's vocabulary and context. */
import { RosaError } from "@rosa2/shared/errors";
import type { Sampling } from "@rosa2/shared/protocol";

/** Throws `invalid_request` for a token that the vocabulary does not have. */
export function checkBias(
  bias: Sampling["logit_bias"],
  { vocabSize }: { vocabSize: number },
): void {
  const unknown = Object.keys(bias ?? {}).find((id) => Number(id) >= vocabSize);
  if (unknown === undefined) return;
  throw new RosaError(
    "invalid_request",
    `Cannot bias token ${unknown}: the vocabulary has ${vocabSize} tokens`,
    { param: "logit_bias" },
  );
}

/**
 * The longest reply in tokens in a context of `tokensMax`. An explicit limit that does not fit is refused; without one
 * the reply may fill the context.
 */
export function replyTokensMax(
  promptTokens: number,
  tokensMax: number,
  { max_tokens: asked, max_tokens_may_shrink: mayShrink = false }: Partial<Sampling>,
): number {
  const room = tokensMax - promptTokens;
  const needed = mayShrink ? 1 : (asked ?? 1);
  if (needed > room) {
    throw new RosaError(
      "context_length_exceeded",
      `Cannot fit ${promptTokens} prompt tokens and ${needed} reply tokens: the context holds ${tokensMax}`,
      { param: "messages" },
    );
  }
  return Math.min(asked ?? room, room);
}
