/** What the fuzzer loads: the target that FUZZ_TARGET names. */
import { targets } from "./targets.ts";

// Refusals are errors by the thousand, and their stacks are what takes the time.
Error.stackTraceLimit = 3;
const target = targets[process.env.FUZZ_TARGET];

/** Parsers get bytes of their own, as they do in the service: the fuzzer's are a view of its memory. */
export function fuzz(data) {
  const taken = target(new Uint8Array(data));
  return taken instanceof Promise ? taken.then(() => {}) : undefined;
}
