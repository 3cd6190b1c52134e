/** Several replies to one prompt as one result; their seeds, and higher temperatures after a near copy. */
import type { SampleResult, Sampling } from "@rosa2/shared/protocol";
import type { Reply } from "../batch/reply.ts";
import type { SequenceEnd } from "../batch/sequence.ts";

/** Usage and times are those of the first reply, which read the prompt; the tokens are those of all. */
export function sampleResult(
  replies: readonly Reply[],
  ends: readonly SequenceEnd[],
): SampleResult {
  const { usage, ms } = ends[0]!;
  return {
    samples: replies.map(({ text, logprob, tokenCount }, i) => ({
      text,
      finish_reason: ends[i]!.finish,
      logprob,
      completion_tokens: tokenCount,
    })),
    usage: {
      ...usage,
      completion_tokens: replies.reduce((sum, { tokenCount }) => sum + tokenCount, 0),
    },
    ms: { ...ms, decode: Math.max(...ends.map((end) => end.ms.decode)) },
  };
}

/** 32 bits of the requested seed, with the high bits of a longer one mixed in; random without a seed. */
export function seedOf({ seed }: Partial<Sampling>): number {
  if (seed === undefined) return crypto.getRandomValues(new Int32Array(1))[0] as number;
  const high = Math.floor(seed / 2 ** 32) - (seed < 0 ? -1 : 0);
  return (seed ^ Math.imul(high, 0x9e3779b1)) | 0;
}

/** Each further draw is .25 warmer, from .75 on. */
export function warmer<T extends { temperature: number }>(sampling: T, draw: number): T {
  return { ...sampling, temperature: Math.max(sampling.temperature, 0.5) + 0.25 * draw };
}
