/** Answers of server-sent events, out of finished frames (frames.ts). */
import { isErrorCode, RosaError } from "@rosa2/shared/errors";
import { logFailure } from "../failure.ts";

/** Frames of a stream's events. */
export interface StreamWriter<Event> {
  /** Empty where the event waits for the next one. */
  write(event: Event): string;
  end(): string;
  /** Ends a stream whose answer has begun. */
  fail(error: RosaError): string;
}

/** An answer of server-sent events. Bytes of a session's log pass unchanged. */
export function sseResponse(
  frames: ReadableStream<Uint8Array>,
  headers: Record<string, string> = {},
): Response {
  return new Response(frames, {
    headers: {
      "content-type": "text/event-stream; charset=utf-8",
      "cache-control": "no-cache, no-transform",
      ...headers,
    },
  });
}

/**
 * The frames of events, of which the first has come: an early failure has had its own status. Leaving the stream leaves
 * the events.
 */
export function streamOf<Event>(
  first: IteratorResult<Event>,
  events: AsyncGenerator<Event>,
  writer: StreamWriter<Event>,
): ReadableStream<Uint8Array> {
  const encoder = new TextEncoder();
  let next: IteratorResult<Event> | null = first;
  return new ReadableStream<Uint8Array>({
    async pull(controller) {
      let frames = "";
      let isOver = false;
      try {
        while (frames === "" && !isOver) {
          const { done, value } = next ?? (await events.next());
          next = null;
          isOver = done === true;
          frames = done ? writer.end() : writer.write(value);
        }
      } catch (error) {
        await events.return(undefined).catch(() => {});
        frames = writer.fail(expected(error));
        isOver = true;
      }
      if (frames !== "") controller.enqueue(encoder.encode(frames));
      if (isOver) controller.close();
    },
    async cancel() {
      await events.return(undefined);
    },
  });
}

function expected(error: unknown): RosaError {
  if (error instanceof RosaError && isErrorCode(error.code)) return error;
  logFailure("stream", error);
  return new RosaError("internal_error", "Something unexpected went wrong");
}
