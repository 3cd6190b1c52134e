/** W3C Trace Context: the trace that a request belongs to, so that both services' lines can be joined. */
import { randomHex } from "../ids.ts";

const shape = /^(?!ff)[0-9a-f]{2}-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}$/;

/** The caller's `traceparent` as it came, or the beginning of a new trace, not sampled. */
export function traceparentOf(given: string | undefined): string {
  if (given !== undefined && shape.test(given)) return given;
  return `00-${randomHex(4)}-${randomHex(2)}-00`;
}
