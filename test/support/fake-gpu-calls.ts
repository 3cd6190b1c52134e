/** What tests can set in the stand-in for the GPU service, and what they can read from it. */
import type { IncomingMessage } from "node:http";
import type { Message, ReplyReach } from "@rosa2/shared/protocol";

export interface Behaviour {
  /** Connections of these paths break off before an answer. */
  down?: string[];
  /** Pause before an answer, by path (milliseconds). */
  delayMs?: Record<string, number>;
  /** Calls of these paths wait until the behaviour is set anew. */
  hold?: string[];
  /** Pause between deltas (milliseconds). */
  deltaMs?: number;
  /** The thinking before a reply, unless the request switches thinking off. */
  reasoning?: string;
  /** Every reply says that it repeats a rejected one. */
  repeats?: boolean;
  /** A reply waits this long in the queue, with heartbeats (ms). */
  queueMs?: number;
  /** A reply waits after this many deltas until the behaviour is set anew. */
  holdAfter?: number;
  /** A reply's stream breaks off after this many deltas. */
  breakAfter?: number;
  /** Tokens of the prompt that a reply reports as cached. */
  cachedTokens?: number;
  /** Reply to any prompt that contains the text. */
  replies?: { to: string; reply: string }[];
  /** Replies of `/v1/sample` to any prompt that contains the text, in order; they are repeated when too few. */
  samples?: { to: string; texts: string[] }[];
  /** The reach of a reply that `/v1/score` reports; by default a token a word and one update. */
  reach?: Partial<ReplyReach>;
  /** Decision of `/v1/adapt`. */
  adapt?: "updated" | "skipped" | "rejected";
  /** What a deployer's guard answers at `/guard`. */
  guard?: unknown;
  /** Error answered by a path. */
  error?: Record<string, { status: number; code: string; message: string }>;
  /** Longer prompts of `/v1/generate` and rows of `/v1/adapt` exceed the model's window. */
  messagesMax?: number;
  /** Each update's file differs from the last one, as with a service that is not deterministic. */
  salted?: boolean;
}

/** The content of one call, for tests to check. */
export interface Call {
  path: string;
  adapter: string | null;
  hasBytes: boolean;
  requestId: string | null;
  traceparent: string | null;
  messages: Message[];
  rejected: string[];
  sampling: Record<string, unknown>;
  rows: { kind: string; reply: string; prompt: string }[];
  /** The whole body of a guard's call. */
  update?: unknown;
  status: number;
  aborted: boolean;
}

/** What is noted of each call. */
export function noteOf(
  path: string,
  request: IncomingMessage,
  json: unknown,
  hasBytes: boolean,
): Call {
  type Row = { kind?: string; reply: string; messages: Message[] };
  const body = json as {
    adapter?: { digest: string } | null;
    messages?: Message[];
    rejected?: string[];
    sampling?: Record<string, unknown>;
    rows?: Row[];
    items?: Row[];
  };
  const header = (name: string) => (request.headers[name] as string | undefined) ?? null;
  return {
    path,
    adapter: body.adapter?.digest ?? null,
    hasBytes,
    requestId: header("x-request-id"),
    traceparent: header("traceparent"),
    messages: body.messages ?? [],
    rejected: body.rejected ?? [],
    sampling: body.sampling ?? {},
    rows: (body.rows ?? body.items ?? []).map(({ kind = "scored", reply, messages }) => ({
      kind,
      reply,
      prompt: lastContent(messages),
    })),
    status: 0,
    aborted: false,
  };
}

export function lastContent(messages: readonly { content: string }[]): string {
  return messages.at(-1)?.content ?? "";
}
