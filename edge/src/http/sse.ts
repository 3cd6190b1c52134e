/** Server-sent events out of a session's log stream; it knows the log's lines and nothing of what they mean. */
import type { LogEvent } from "../contract/index.ts";

/** The log's lines as values; null is a heartbeat. Leaving the loop tells the session that nobody reads any more. */
export async function* readLog(
  stream: ReadableStream<Uint8Array>,
): AsyncGenerator<LogEvent | null> {
  const reader = stream.getReader();
  const decoder = new TextDecoder();
  let rest = "";
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return;
      const lines = (rest + decoder.decode(value, { stream: true })).split("\n");
      rest = lines.pop() ?? "";
      for (const line of lines) yield line === "" ? null : (JSON.parse(line) as LogEvent);
    }
  } finally {
    await reader.cancel().catch(() => {});
  }
}

export interface SseEvent {
  id?: number;
  event?: string;
  data: string;
}

/** A response of server-sent events; null becomes a comment that keeps the connection alive. */
export function sseResponse(
  events: AsyncIterable<SseEvent | null>,
  headers: Record<string, string> = {},
): Response {
  const encoder = new TextEncoder();
  const iterator = events[Symbol.asyncIterator]();
  const body = new ReadableStream<Uint8Array>({
    async pull(controller) {
      try {
        const { done, value } = await iterator.next();
        if (done) controller.close();
        else controller.enqueue(encoder.encode(value === null ? ": ping\n\n" : formatEvent(value)));
      } catch (error) {
        controller.error(error);
      }
    },
    async cancel() {
      await iterator.return?.();
    },
  });
  return new Response(body, {
    headers: {
      "content-type": "text/event-stream; charset=utf-8",
      "cache-control": "no-cache, no-transform",
      ...headers,
    },
  });
}

function formatEvent({ id, event, data }: SseEvent): string {
  const lines: string[] = [];
  if (id !== undefined) lines.push(`id: ${id}`);
  if (event !== undefined) lines.push(`event: ${event}`);
  for (const line of data.split("\n")) lines.push(`data: ${line}`);
  return `${lines.join("\n")}\n\n`;
}

/** The log as this API's own events. `rename` maps the log's types to the stream's. */
export async function* logEvents(
  stream: ReadableStream<Uint8Array>,
  rename: Partial<Record<LogEvent["type"], string>> = {},
): AsyncGenerator<SseEvent | null> {
  for await (const event of readLog(stream)) {
    if (event === null) yield null;
    else {
      const { id, type, data } = event;
      yield { id, event: rename[type] ?? type, data: JSON.stringify(data) };
    }
  }
}
