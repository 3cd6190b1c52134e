/** The distribution of a model's next token from its logits, in double precision. */
import type { NextToken } from "../../../gpu-service/src/language-model.ts";

export function nextToken(logits_V: Float32Array): NextToken {
  const peak = logits_V.reduce((a, b) => Math.max(a, b));
  const sum = logits_V.reduce((total, logit) => total + Math.exp(logit - peak), 0);
  return { best: logits_V.indexOf(peak), peak, logZ: peak + Math.log(sum), logits_V };
}
