/** Server-sent events from a response's body, with a limit on time without data. It does not reconnect. */
import { ConnectionError, Rosa2Error, TimeoutError } from "./errors.ts";

export interface RawEvent {
  id: string | null;
  event: string;
  data: string;
}

/**
 * The events of a body until it ends. Leaving the loop cancels the body.
 *
 * @throws Rosa2Error `connection_failed` if it breaks off, or sends nothing for too long.
 */
export async function* readSse(response: Response, silenceMsMax: number): AsyncGenerator<RawEvent> {
  let rest = "";
  let fields: Record<string, string> = {};
  for await (const text of readText(response, silenceMsMax)) {
    // A carriage return at the very end may be the first half of a line's end.
    const lines = (rest + text).split(/\r\n|\n|\r(?!$)/);
    rest = lines.pop() ?? "";
    for (const line of lines) {
      if (line !== "") addField(fields, line);
      else if (fields.data !== undefined) {
        yield { id: fields.id ?? null, event: fields.event ?? "message", data: fields.data };
        fields = {};
      } else fields = {};
    }
  }
}

function addField(fields: Record<string, string>, line: string): void {
  const colon = line.indexOf(":");
  const name = colon < 0 ? line : line.slice(0, colon);
  const value = colon < 0 ? "" : line.slice(colon + 1).replace(/^ /, "");
  const before = fields[name];
  fields[name] = name === "data" && before !== undefined ? `${before}\n${value}` : value;
}

async function* readText(response: Response, silenceMsMax: number): AsyncGenerator<string> {
  const reader = response.body?.getReader();
  if (reader === undefined) {
    // React Native's own fetch has no streams, so the whole body comes at once.
    yield await response.text();
    return;
  }
  const decoder = new TextDecoder();
  try {
    for (;;) {
      const { done, value } = await withinSilence(reader.read(), silenceMsMax);
      if (done) return;
      yield decoder.decode(value, { stream: true });
    }
  } catch (cause) {
    throw cause instanceof Rosa2Error
      ? cause
      : new ConnectionError("The connection broke off", { cause });
  } finally {
    reader.cancel().catch(() => {});
  }
}

async function withinSilence<T>(read: Promise<T>, silenceMsMax: number): Promise<T> {
  let timer: ReturnType<typeof setTimeout> | null = null;
  const silence = new Promise<never>((_, reject) => {
    timer = setTimeout(
      () => reject(new TimeoutError(`The stream was silent for ${silenceMsMax} ms`)),
      silenceMsMax,
    );
  });
  try {
    return await Promise.race([read, silence]);
  } finally {
    if (timer !== null) clearTimeout(timer);
  }
}
