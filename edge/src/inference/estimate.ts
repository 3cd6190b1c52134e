/** Estimates tokens: three bytes of UTF-8 per token and four tokens of template per message, more than most text needs. */
export function estimateTokens(messages: readonly { content: string }[]): number {
  let tokens = 0;
  for (const { content } of messages) {
    tokens += Math.ceil(new TextEncoder().encode(content).byteLength / 3) + 4;
  }
  return tokens;
}
