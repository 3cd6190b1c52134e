/** One session: ask, give feedback, stop, follow, and its lineage. */
import type { FeedbackEvent, LogEvent, ReplyEvent } from "./events.ts";
import { type CallOptions, type Http, newKey } from "./http.ts";
import { EventStream, type Source } from "./stream.ts";
import type {
  ConstraintPatch,
  Feedback,
  FeedbackResult,
  Fork,
  GenerationList,
  Lexicon,
  Reach,
  Session,
  SessionErased,
  SessionPatch,
  Turn,
  TurnCreate,
  WordsState,
} from "./types.ts";

type Ask = Omit<TurnCreate, "stream">;
type Judge = Omit<Feedback, "stream">;

export class SessionClient {
  readonly id: string;
  readonly #http: Http;
  readonly #path: string;

  constructor(http: Http, id: string) {
    this.id = id;
    this.#http = http;
    this.#path = `/v1/sessions/${encodeURIComponent(id)}`;
  }

  /** The whole session, however long: turns, words before and after, active generation, totals. */
  async read(options: CallOptions = {}): Promise<Session> {
    const session = await this.page({}, options);
    for (let cursor = session.next_cursor; cursor !== null; ) {
      const earlier = await this.page({ cursor }, options);
      session.turns.unshift(...earlier.turns);
      session.feedback.unshift(...earlier.feedback);
      cursor = earlier.next_cursor;
    }
    return { ...session, next_cursor: null };
  }

  /** The session with only its latest turns, or with those before a page's `next_cursor`. */
  page(
    { limit, cursor }: { limit?: number; cursor?: string } = {},
    options: CallOptions = {},
  ): Promise<Session> {
    const query = new URLSearchParams();
    if (limit !== undefined) query.set("limit", String(limit));
    if (cursor !== undefined) query.set("cursor", cursor);
    return this.#http.json(query.size === 0 ? this.#path : `${this.#path}?${query}`, options);
  }

  /** Renames the session, or changes its metadata. */
  change(body: SessionPatch, options: CallOptions = {}): Promise<Session> {
    return this.#http.json(this.#path, { ...options, method: "PATCH", body });
  }

  /** Erases turns, words, events and adapters, and says what is kept. */
  erase(options: CallOptions = {}): Promise<SessionErased> {
    return this.#http.json(this.#path, { ...options, method: "DELETE" });
  }

  /** A new session that starts as this one is, or as it was right after `turn_id`. */
  fork(body: Fork = {}, options: CallOptions = {}): Promise<Session> {
    return this.#post("/fork", body, options);
  }

  /** Sends a request and waits for the whole reply. */
  ask(request: string | Ask, options: CallOptions = {}): Promise<Turn> {
    return this.#post("/turns", askBody(request), options);
  }

  /** Sends a request and streams the reply as it is written, across lost connections. */
  stream(request: string | Ask, options: CallOptions = {}): EventStream<ReplyEvent> {
    const idempotencyKey = options.idempotencyKey ?? newKey();
    let turnId: string | null = null;
    return this.#events<ReplyEvent>("done", options, async (lastEventId) => {
      if (turnId !== null) return this.#openEvents(turnId, lastEventId, options);
      const response = await this.#http.events(`${this.#path}/turns`, {
        ...options,
        idempotencyKey,
        method: "POST",
        body: { ...askBody(request), stream: true },
      });
      turnId = response.headers.get("x-rosa2-turn");
      return response;
    });
  }

  turn(turnId: string, options: CallOptions = {}): Promise<Turn> {
    return this.#http.json(this.#turnPath(turnId), options);
  }

  /** Everything that happened to a turn after an event, then live until the turn is finished. */
  follow(
    turnId: string,
    options: CallOptions & { lastEventId?: number } = {},
  ): EventStream<LogEvent> {
    return this.#events<LogEvent>(null, options, (lastEventId) =>
      this.#openEvents(turnId, lastEventId ?? options.lastEventId ?? null, options),
    );
  }

  /** Stops a reply; the text so far is kept. */
  stop(turnId: string, options: CallOptions = {}): Promise<Turn> {
    return this.#post(`/turns/${encodeURIComponent(turnId)}/stop`, undefined, options);
  }

  /** Runs a failed turn again, under the same id. For another try at a reply, give feedback with `retry`. */
  retry(turnId: string, options: CallOptions = {}): EventStream<ReplyEvent> {
    let started = false;
    return this.#events<ReplyEvent>("done", options, async (lastEventId) => {
      if (started) return this.#openEvents(turnId, lastEventId, options);
      const response = await this.#http.events(`${this.#turnPath(turnId)}/retry`, {
        ...options,
        method: "POST",
        body: { stream: true },
      });
      started = true;
      return response;
    });
  }

  /** Whether a correction can be learned, asked in advance: changes nothing and is free. */
  reach(turnId: string, correction: string, options: CallOptions = {}): Promise<Reach> {
    return this.#post(`/turns/${encodeURIComponent(turnId)}/reach`, { correction }, options);
  }

  /** Gives feedback: words first, then weights, then another try with `retry`. */
  feedback(turnId: string, body: Judge, options: CallOptions = {}): Promise<FeedbackResult> {
    return this.#post(`/turns/${encodeURIComponent(turnId)}/feedback`, body, options);
  }

  /** The same, as a stream of events. */
  feedbackStream(
    turnId: string,
    body: Judge,
    options: CallOptions = {},
  ): EventStream<FeedbackEvent> {
    // Equal feedback continues the same stream, from its beginning.
    const idempotencyKey = options.idempotencyKey ?? newKey();
    return this.#events<FeedbackEvent>("done", options, () =>
      this.#http.events(`${this.#turnPath(turnId)}/feedback`, {
        ...options,
        idempotencyKey,
        method: "POST",
        body: { ...body, stream: true },
      }),
    );
  }

  generations({
    cursor,
    ...call
  }: CallOptions & { cursor?: string } = {}): Promise<GenerationList> {
    const query = cursor === undefined ? {} : { query: { cursor } };
    return this.#http.json(`${this.#path}/generations`, { ...call, ...query });
  }

  /** Activates a generation, or "base": pins it or rolls back. */
  activate(generation: string, options: CallOptions = {}): Promise<GenerationList> {
    const path = `/generations/${encodeURIComponent(generation)}/activate`;
    return this.#post(path, undefined, options);
  }

  /** A generation's adapter as a file: an archive for PEFT and vLLM, or as rosa2 stores it. */
  adapter(
    generation: string,
    format: "peft" | "rosa2" = "peft",
    options: CallOptions = {},
  ): Promise<ArrayBuffer> {
    const path = `${this.#path}/generations/${encodeURIComponent(generation)}/adapter`;
    return this.#http.bytes(path, { ...options, query: { format } });
  }

  /** What the session has learnt about words. */
  words(options: CallOptions = {}): Promise<WordsState> {
    return this.#http.json(`${this.#path}/words`, options);
  }

  /** Takes back the latest revision of the words, with what was learnt from it. */
  undoWords(options: CallOptions = {}): Promise<WordsState> {
    return this.#post("/words/undo", undefined, options);
  }

  editConstraint(
    constraintId: string,
    patch: ConstraintPatch,
    options: CallOptions = {},
  ): Promise<WordsState> {
    const path = `${this.#path}/words/constraints/${encodeURIComponent(constraintId)}`;
    return this.#http.json(path, { ...options, method: "PATCH", body: patch });
  }

  deleteConstraint(constraintId: string, options: CallOptions = {}): Promise<WordsState> {
    const path = `${this.#path}/words/constraints/${encodeURIComponent(constraintId)}`;
    return this.#http.json(path, { ...options, method: "DELETE" });
  }

  /** Forgets the learned reading of an ambiguous wording. */
  forgetSense(senseId: string, options: CallOptions = {}): Promise<WordsState> {
    const path = `${this.#path}/words/senses/${encodeURIComponent(senseId)}`;
    return this.#http.json(path, { ...options, method: "DELETE" });
  }

  /** The session's own readings of ambiguous wordings; null if the tenant's or the built-in ones apply. */
  lexicon(options: CallOptions = {}): Promise<Lexicon> {
    return this.#http.json(`${this.#path}/words/lexicon`, options);
  }

  setLexicon(lexicon: Lexicon, options: CallOptions = {}): Promise<Lexicon> {
    const path = `${this.#path}/words/lexicon`;
    return this.#http.json(path, { ...options, method: "PUT", body: lexicon });
  }

  #turnPath(turnId: string): string {
    return `${this.#path}/turns/${encodeURIComponent(turnId)}`;
  }

  #post<T>(path: string, body: object | undefined, options: CallOptions): Promise<T> {
    return this.#http.json(this.#path + path, {
      ...options,
      method: "POST",
      ...(body === undefined ? {} : { body }),
    });
  }

  #openEvents(turnId: string, lastEventId: number | null, options: CallOptions): Promise<Response> {
    return this.#http.events(`${this.#turnPath(turnId)}/events`, {
      ...(options.signal === undefined ? {} : { signal: options.signal }),
      headers: lastEventId === null ? {} : { "last-event-id": String(lastEventId) },
    });
  }

  #events<E extends { id: number; type: string; data: unknown }>(
    lastType: string | null,
    options: CallOptions,
    open: Source["open"],
  ): EventStream<E> {
    return new EventStream<E>({
      open,
      lastType,
      silenceMsMax: this.#http.silenceMsMax,
      failuresMax: this.#http.reconnectsMax,
      signal: options.signal,
    });
  }
}

function askBody(request: string | Ask): Ask {
  return typeof request === "string" ? { content: request } : request;
}
