/** Answers of server-sent events, out of finished frames (frames.ts). */

/**
 * An answer of server-sent events. Bytes of a session's log pass unchanged; frames made in the Worker are encoded as
 * they are read.
 */
export function sseResponse(
  frames: ReadableStream<Uint8Array> | AsyncIterable<string>,
  headers: Record<string, string> = {},
): Response {
  return new Response(frames instanceof ReadableStream ? frames : encoded(frames), {
    headers: {
      "content-type": "text/event-stream; charset=utf-8",
      "cache-control": "no-cache, no-transform",
      ...headers,
    },
  });
}

function encoded(frames: AsyncIterable<string>): ReadableStream<Uint8Array> {
  const encoder = new TextEncoder();
  const iterator = frames[Symbol.asyncIterator]();
  return new ReadableStream<Uint8Array>({
    async pull(controller) {
      try {
        const { done, value } = await iterator.next();
        if (done) controller.close();
        else controller.enqueue(encoder.encode(value));
      } catch (error) {
        controller.error(error);
      }
    },
    async cancel() {
      await iterator.return?.();
    },
  });
}
