/** W3C Trace Context: the trace of a request, by which log lines of both services can be joined. */
import { randomHex } from "../ids.ts";

const shape = /^(?!ff)[0-9a-f]{2}-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}$/;

/** The caller's `traceparent`, or a new trace that is not sampled. */
export function traceparentOf(given: string | undefined): string {
  if (given !== undefined && shape.test(given)) return given;
  return `00-${randomHex(4)}-${randomHex(2)}-00`;
}
