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
 * An event of a reply. Nearly every event is a plain delta: it is checked by its form, and it carries its text's JSON,
 * so that it is not encoded again. All else is checked against the schema.
 */
export function parseEvent(data: string): GenerateEvent & { json?: string } {
  const value = parseJson(data);
  const told = plainDelta.exec(data)?.[1];
  if (told === undefined || !isSpent((value as { spent?: Spent }).spent)) {
    return validate(generateEventSchema, value);
  }
  return { ...(value as GenerateEvent), json: `{${told}}` };
}

function isSpent(spent: Spent | undefined): boolean {
  if (spent === undefined) return true;
  const { prompt_tokens, completion_tokens, cached_tokens } = spent.usage;
  const { queue, prefill, decode } = spent.ms;
  return (
    [prompt_tokens, completion_tokens, cached_tokens].every(Number.isSafeInteger) &&
    [queue, prefill, decode].every(Number.isFinite)
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
