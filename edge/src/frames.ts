/**
 * Server-sent events as text: each event is written once as a frame and passed on as it is. It does not know what
 * events mean.
 */
import { createParser } from "eventsource-parser";

/** A comment that keeps the connection alive. */
export const ping = ": ping\n\n";

export interface Frame {
  id?: number | string | undefined;
  event?: string | undefined;
  /** One line, as JSON is. */
  data: string;
}

export function frameOf({ id, event, data }: Frame): string {
  const head = `${id === undefined ? "" : `id: ${id}\n`}${event === undefined ? "" : `event: ${event}\n`}`;
  return `${head}data: ${data}\n\n`;
}

/**
 * The events of a stream; null is a comment. Leaving the loop cancels the stream, so its writer knows that nobody reads
 * any more.
 */
export async function* readFrames(
  stream: ReadableStream<Uint8Array>,
): AsyncGenerator<Frame | null> {
  const reader = stream.getReader();
  const decoder = new TextDecoder();
  const arrived: (Frame | null)[] = [];
  const parser = createParser({
    onEvent: (event) => arrived.push(event),
    onComment: () => arrived.push(null),
  });
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return;
      parser.feed(decoder.decode(value, { stream: true }));
      yield* arrived.splice(0);
    }
  } finally {
    await reader.cancel().catch(() => {});
  }
}
