/**
 * What the fuzzer loads: the target that FUZZ_TARGET names, which each time is tried with the fuzzer's input and with
 * FUZZ_EDITS edits of it. What breaks it is written to test/fuzz/found as it was.
 */
import { createHash } from "node:crypto";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { withEdits } from "./edits.ts";
import { targets } from "./targets.ts";

// Refusals are errors by the thousand, and their stacks are what takes the time; the test that replays a finding has one.
Error.stackTraceLimit = 0;
const name = process.env.FUZZ_TARGET;
const target = targets[name];
const editCount = Number(process.env.FUZZ_EDITS);
const found = join(import.meta.dirname, "found");

/** Parsers get bytes of their own, as they do in the service: the fuzzer's are a view of its memory. */
export function fuzz(data) {
  const inputs = withEdits(new Uint8Array(data), editCount);
  for (const input of inputs) {
    const taken = attempt(input, () => target(input));
    if (taken instanceof Promise) return goOn(taken, input, inputs);
  }
  return undefined;
}

async function goOn(first, input, inputs) {
  await first.catch((error) => keep(input, error));
  for (const next of inputs)
    await Promise.resolve(target(next)).catch((error) => keep(next, error));
}

function attempt(input, work) {
  try {
    return work();
  } catch (error) {
    return keep(input, error);
  }
}

function keep(input, error) {
  mkdirSync(found, { recursive: true });
  const digest = createHash("sha256").update(input).digest("hex").slice(0, 16);
  writeFileSync(join(found, `${name}-${digest}`), input);
  throw error;
}
