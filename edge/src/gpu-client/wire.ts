/** Bodies of requests to the GPU service, and its answers checked against the protocol. It knows no call. */
import { type GenerateEvent, generateEventSchema, type Spent } from "@rosa2/shared/protocol";
import type { z } from "zod";
import { goesOn } from "./cold-start.ts";
import { broken } from "./failures.ts";

/** How long the client waits for the end of an answer after its last event. */
const endMs = 100;

/** JSON as it is, or a form with the adapter's file beside it. */
export function bodyOf(json: string, adapter: Uint8Array<ArrayBuffer> | null): string | FormData {
  if (adapter === null) return json;
  const form = new FormData();
  form.append("request", new Blob([json], { type: "application/json" }), "request.json");
  form.append("adapter", new Blob([adapter]), "adapter.safetensors");
  return form;
}

const string = '"[^"\\\\]*(?:\\\\.[^"\\\\]*)*"';
const plainDelta = new RegExp(
  `^\\{"type":"delta",("text":${string}(?:,"reasoning":${string})?)(?:,"spent":\\{"usage":\\{[^{}]*\\},"ms":\\{[^{}]*\\}\\})?\\}$`,
);

/**
 * An event of a reply. A plain delta and a plain end are checked by hand, because the schema takes longer than all the
 * rest; everything else is checked against the schema. A plain delta carries its text's JSON, so that it is not encoded
 * again.
 */
export function parseEvent(data: string): GenerateEvent & { json?: string } {
  const value = parseJson(data) as GenerateEvent & Partial<Spent>;
  const told = plainDelta.exec(data)?.[1];
  if (told !== undefined) {
    const { spent } = value as { spent?: Spent };
    if (spent === undefined || isSpent(spent)) return { ...value, json: `{${told}}` };
  } else if (value?.type === "done" && isPlainDone(value)) return value;
  return validate(generateEventSchema, value);
}

function isPlainDone(value: Partial<Extract<GenerateEvent, { type: "done" }>>): boolean {
  const { text, reasoning, finish_reason: finish, logprob, repeats_rejected: repeats } = value;
  return (
    typeof text === "string" &&
    (finish === "stop" || finish === "length") &&
    Number.isFinite(logprob) &&
    reasoning === undefined &&
    repeats === undefined &&
    isSpent(value)
  );
}

function isSpent({ usage, ms }: Partial<Spent>): boolean {
  return (
    Number.isSafeInteger(usage?.prompt_tokens) &&
    Number.isSafeInteger(usage?.completion_tokens) &&
    Number.isSafeInteger(usage?.cached_tokens) &&
    Number.isFinite(ms?.queue) &&
    Number.isFinite(ms?.prefill) &&
    Number.isFinite(ms?.decode)
  );
}

export function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw broken("answered with invalid JSON", cause);
  }
}

export function validate<T>(schema: z.ZodType<T>, value: unknown): T {
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data;
  const issue = parsed.error.issues[0];
  throw broken(`answered outside the protocol: ${issue?.path.join(".")} ${issue?.message}`);
}

/**
 * Reads what follows the last event, so that the connection can serve the next call. Cancels it where that takes too
 * long.
 */
export async function readToEnd(reader: ReadableStreamDefaultReader<Uint8Array>): Promise<void> {
  const reading = (async () => {
    while (!(await reader.read()).done);
  })();
  if (await goesOn(reading, endMs)) await reader.cancel().catch(() => {});
}
