/** Bodies of requests to the GPU service, and its answers checked against the protocol. It knows no call. */
import { type GenerateEvent, generateEventSchema } from "@rosa2/shared/protocol";
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

/** An event of a reply. A delta also carries its JSON where possible, so that it is not encoded again. */
export function parseEvent(data: string): GenerateEvent & { json?: string } {
  const value = parseJson(data);
  const event = validate(generateEventSchema, value);
  if (event.type !== "delta") return event;
  const json = deltaJson(data, Object.keys(value as object));
  return json === null ? event : { ...event, json };
}

const deltaHead = '{"type":"delta",';
const spentKey = ',"spent":';

/**
 * A delta's JSON as it was written, without its first field (`type`) and its last (`spent`). Null when it is not
 * written in this way.
 */
function deltaJson(data: string, names: readonly string[]): string | null {
  const told = names.filter((name) => name !== "type" && name !== "spent");
  if (!data.startsWith(deltaHead) || told.some((name) => !toldNames.includes(name))) return null;
  if (!names.includes("spent")) return `{${data.slice(deltaHead.length)}`;
  // Inside a text the key's quotes would be escaped.
  const end = data.lastIndexOf(spentKey);
  if (names.at(-1) !== "spent" || end < 0) return null;
  return `{${data.slice(deltaHead.length, end)}}`;
}

const toldNames = ["text", "reasoning", "logprobs"];

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
