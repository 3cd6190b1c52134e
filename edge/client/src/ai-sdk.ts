/**
 * `useChat` of the AI SDK over rosa2's sessions: `new Chat({ transport: new Rosa2ChatTransport(rosa2) })`.
 *
 * An assistant's message has its turn's id, so `session.feedback(message.id, …)` judges it. "Regenerate" tells rosa2
 * that the reply was wrong and asks for another try; a reply that was interrupted is followed again by `resume`.
 */
import type { ChatTransport, UIMessage, UIMessageChunk } from "ai";
import type { Rosa2 } from "./client.ts";
import type { DeltaEvent } from "./events.ts";
import type { SessionClient } from "./session.ts";
import type { SessionCreate, Turn } from "./types.ts";

export interface Rosa2ChatOptions {
  /** The id of an existing session for a chat; null makes a new one. By default sessions are kept in memory, one per chat. */
  sessionOf?: (chatId: string) => Promise<string | null> | string | null;
  /** Called once for a chat with a new session, so that the app can store its id. */
  onSession?: (chatId: string, sessionId: string) => void;
  /** Settings of a new session. */
  session?: SessionCreate;
}

type Send = Parameters<ChatTransport<UIMessage>["sendMessages"]>[0];
type Events = AsyncIterable<{ type: string; data: unknown }>;

export class Rosa2ChatTransport implements ChatTransport<UIMessage> {
  readonly #rosa2: Rosa2;
  readonly #options: Rosa2ChatOptions;
  readonly #sessions = new Map<string, Promise<SessionClient>>();
  /** A resumed stream is replayed from its beginning. */
  readonly resumeStreamIsReplay = true;

  constructor(rosa2: Rosa2, options: Rosa2ChatOptions = {}) {
    this.#rosa2 = rosa2;
    this.#options = options;
  }

  async sendMessages(send: Send): Promise<ReadableStream<UIMessageChunk>> {
    const { trigger, chatId, messages, abortSignal } = send;
    const session = await this.session(chatId);
    const options = abortSignal === undefined ? {} : { signal: abortSignal };
    if (trigger === "regenerate-message") {
      const turnId = send.messageId ?? (await lastTurn(session))?.id;
      if (turnId === undefined) throw new Error("There is no reply to try again");
      return chunksOf(session.feedbackStream(turnId, { reward: -1, retry: true }, options));
    }
    return chunksOf(session.stream(textOf(messages.at(-1)), options));
  }

  /** Follows the reply that is still being written; null when there is none. */
  async reconnectToStream({ chatId }: { chatId: string }) {
    const session = await this.session(chatId);
    const turn = await lastTurn(session);
    return turn?.status === "running" ? chunksOf(session.follow(turn.id)) : null;
  }

  /** The session behind a chat, for feedback, generations and words. */
  session(chatId: string): Promise<SessionClient> {
    const known = this.#sessions.get(chatId);
    if (known !== undefined) return known;
    const opened = this.#open(chatId);
    this.#sessions.set(chatId, opened);
    opened.catch(() => this.#sessions.delete(chatId));
    return opened;
  }

  async #open(chatId: string): Promise<SessionClient> {
    const kept = await this.#options.sessionOf?.(chatId);
    if (kept != null) return this.#rosa2.session(kept);
    const session = await this.#rosa2.createSession(this.#options.session);
    this.#options.onSession?.(chatId, session.id);
    return session;
  }
}

async function lastTurn(session: SessionClient): Promise<Turn | undefined> {
  return (await session.page({ limit: 1 })).turns.at(-1);
}

function textOf(message: UIMessage | undefined): string {
  const texts = message?.parts.flatMap((part) => (part.type === "text" ? [part.text] : []));
  if (message?.role !== "user" || texts === undefined || texts.length === 0) {
    throw new Error("The last message must be the user's and hold text");
  }
  return texts.join("\n");
}

/** Converts a reply's events to the AI SDK's chunks. A reply that starts again begins a new part of text. */
function chunksOf(events: Events): ReadableStream<UIMessageChunk> {
  const iterator = toChunks(events);
  return new ReadableStream<UIMessageChunk>({
    async pull(controller) {
      try {
        const { done, value } = await iterator.next();
        if (done) controller.close();
        else controller.enqueue(value);
      } catch (error) {
        controller.error(error);
      }
    },
    async cancel() {
      await iterator.return(undefined);
    },
  });
}

type PartKind = "text" | "reasoning";

async function* toChunks(events: Events): AsyncGenerator<UIMessageChunk> {
  const parts = new Parts();
  for await (const { type, data } of events) {
    if (type === "turn") {
      yield { type: "start", messageId: (data as Turn).id };
    } else if (type === "delta") {
      const { text, reasoning } = data as DeltaEvent["data"];
      if (reasoning !== undefined) yield* parts.add("reasoning", reasoning);
      if (text !== "") yield* parts.add("text", text);
    } else if (type === "reset") {
      yield* parts.end();
    } else if (type === "done") {
      yield* parts.end();
      yield { type: "finish" };
      return;
    }
  }
}

/** A message's parts, one after the other: thoughts, then text. */
class Parts {
  #open: PartKind | null = null;
  #count = 0;

  *add(kind: PartKind, delta: string): Generator<UIMessageChunk> {
    if (this.#open !== kind) {
      yield* this.end();
      this.#open = kind;
      yield { type: `${kind}-start`, id: String(this.#count) };
    }
    yield { type: `${kind}-delta`, id: String(this.#count), delta };
  }

  *end(): Generator<UIMessageChunk> {
    if (this.#open === null) return;
    yield { type: `${this.#open}-end`, id: String(this.#count++) };
    this.#open = null;
  }
}
