/** Checks by hand that spare a schema: they accept nothing that the schema refuses, and change nothing. */
import { generateEventSchema } from "@rosa2/shared/protocol";
import fc from "fast-check";
import { expect, it } from "vitest";
import { parseEvent } from "../../edge/src/gpu-client/wire.ts";
import { chatRequestSchema, isPlainRequest } from "../../edge/src/routes/openai/request.ts";

const values = fc.oneof(
  fc.constantFrom<unknown>(null, true, 0, -1, 1, 1.5, 2, 2.1, 32_768, 32_769, 1e300, "", "x"),
  fc.constantFrom<unknown>("y".repeat(257), "z".repeat(65_537), [], {}, ["x"]),
  fc.jsonValue({ maxDepth: 1 }),
);
const without = Symbol("a field that is left out");

/** The object with some of its fields replaced, left out or added. */
function changed<T extends object>(of: T, others: readonly string[] = []): fc.Arbitrary<unknown> {
  const fields = fc.constantFrom(...Object.keys(of), ...others);
  const change = fc.tuple(fields, fc.oneof(values, fc.constant<unknown>(without)));
  return fc.array(change, { maxLength: 3 }).map((changes) => {
    const entries = Object.entries({ ...of, ...Object.fromEntries(changes) });
    return Object.fromEntries(entries.filter(([, value]) => value !== without));
  });
}

const messages = fc.array(
  fc.oneof(
    fc.record({ role: fc.constantFrom("user", "system", "robot"), content: fc.string() }),
    changed({ role: "user", content: "hello" }, ["name", "tool_calls"]),
    values,
  ),
  { minLength: 0, maxLength: 3 },
);
const bodies = messages.chain((list) =>
  changed({ model: "m", messages: list, stream: true, max_tokens: 16, temperature: 0 }, [
    "stop",
    "tools",
    "n",
    "top_p",
    "metadata",
    "unknown",
  ]),
);

it("a plain request is one that the schema accepts as it is", async () => {
  let plain = 0;
  await fc.assert(
    fc.asyncProperty(fc.oneof(bodies, values), async (body) => {
      const bySchema = chatRequestSchema.safeParse(body);
      if (isPlainRequest(body)) {
        plain++;
        expect(bySchema).toEqual({ success: true, data: body });
      }
      const found = await chatRequestSchema.safeParseAsync(body);
      expect(found.success).toBe(bySchema.success);
      expect(found.data).toEqual(bySchema.data);
      expect(found.error?.issues).toEqual(bySchema.error?.issues);
    }),
    // One in 25 is plain, so that there are some 240.
    { numRuns: 6_000 },
  );
  expect(plain).toBeGreaterThan(100);
});

const usage = { prompt_tokens: 3, completion_tokens: 1, cached_tokens: 0 };
const ms = { queue: 0, prefill: 1.5, decode: 2e-7 };
const spent = fc.oneof(
  fc.constant<unknown>({ usage, ms }),
  changed(usage).map((usage): unknown => ({ usage, ms })),
  changed(ms).map((ms): unknown => ({ usage, ms })),
);
const events = fc
  .tuple(fc.string({ unit: "grapheme" }), spent)
  .chain(([text, spent]) =>
    fc.oneof(
      fc.constant<unknown>({ type: "delta", text, spent }),
      changed({ type: "delta", text, spent }, ["reasoning", "logprobs", "unknown"]),
      changed({ type: "done", text, finish_reason: "stop", logprob: -0.5, ...(spent as object) }, [
        "reasoning",
        "repeats_rejected",
      ]),
      changed({ type: "error", error: { code: "c", message: text } }),
      values,
    ),
  );

it("an event of a reply is read as the schema reads it", () => {
  let plain = 0;
  fc.assert(
    fc.property(events, fc.boolean(), (event, escapes) => {
      const json = JSON.stringify(event);
      const data = escapes ? json.replaceAll("/", "\\/") : json;
      const bySchema = generateEventSchema.safeParse(event);
      if (!bySchema.success) {
        expect(() => parseEvent(data)).toThrow("outside the protocol");
        return;
      }
      const { json: told, ...read } = parseEvent(data);
      expect(read).toMatchObject(bySchema.data);
      if (told === undefined) return;
      plain++;
      const { text, reasoning } = bySchema.data as { text: string; reasoning?: string };
      expect(JSON.parse(told)).toEqual(reasoning === undefined ? { text } : { text, reasoning });
    }),
    { numRuns: 3_000 },
  );
  expect(plain).toBeGreaterThan(100);
});

it.each([
  '{"type":"delta","text":"a","text":"b"',
  '{"type":"delta","text":"\\q"}',
  '{"type":"delta","text":"a\nb"}',
  '{"type":"delta","text":"a","spent":{"usage":{},"ms":{}}}',
  "null",
])("refuses the event %j", (data) => {
  expect(() => parseEvent(data)).toThrow("The GPU service answered");
});
