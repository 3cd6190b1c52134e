/**
 * A session as a React hook, for browsers and React Native: it needs React and this client, and no DOM.
 *
 * A request shows at once, a reply grows as it is written, and feedback shows words and weights as they change.
 * Unmounting only stops listening: the server continues, and a component that mounts again follows what still runs.
 */
import { useEffect, useMemo, useSyncExternalStore } from "react";
import { Rosa2Error } from "./errors.ts";
import type { SessionClient } from "./session.ts";
import type { Feedback, RollBack, Turn, TurnCreate, Weights, Words } from "./types.ts";

/** One request with its reply, and the changes by its latest feedback. */
export interface Exchange {
  /** Null until the server has stored the request. */
  turnId: string | null;
  request: string;
  reply: string;
  /** What a thinking model thought before its reply. */
  reasoning: string;
  isWriting: boolean;
  words: Words | null;
  weights: Weights | null;
  rolledBack: RollBack | null;
  failure: Rosa2Error | null;
}

export interface Conversation {
  /** Oldest first. */
  exchanges: readonly Exchange[];
  /** Whether a reply is being written, or feedback processed. */
  isBusy: boolean;
  /** Why the session could not be read; null otherwise. */
  failure: Rosa2Error | null;
  ask(request: string | Omit<TurnCreate, "stream">): Promise<void>;
  /** Gives feedback on a reply; with `retry` the new reply becomes another exchange. */
  judge(turnId: string, feedback: Omit<Feedback, "stream">): Promise<void>;
  /** Stops the reply that is being written. */
  stop(): Promise<void>;
}

/** Null while there is no session yet. */
export function useConversation(session: SessionClient | null): Conversation | null {
  const store = useMemo(() => (session === null ? null : new Store(session)), [session]);
  useEffect(() => {
    if (store === null) return;
    void store.open();
    return () => store.close();
  }, [store]);
  return useSyncExternalStore(
    store?.subscribe ?? subscribeToNothing,
    () => store?.shown ?? null,
    () => store?.shown ?? null,
  );
}

function subscribeToNothing() {
  return () => {};
}

type Told = { type: string; data: unknown };
const fresh = {
  turnId: null,
  reply: "",
  reasoning: "",
  isWriting: true,
  words: null,
  weights: null,
  rolledBack: null,
  failure: null,
};

/** The hook's state, updated from the session's streams. */
class Store {
  readonly #session: SessionClient;
  readonly #listeners = new Set<() => void>();
  #listening = new AbortController();
  #reads: (reading: Promise<unknown>) => void = () => {};
  /** Until the session is read: what it holds takes the place of what is shown. */
  #reading = new Promise<unknown>((resolve) => {
    this.#reads = resolve;
  });
  shown: Conversation;

  constructor(session: SessionClient) {
    this.#session = session;
    this.shown = {
      exchanges: [],
      isBusy: false,
      failure: null,
      ask: (request) => this.#ask(request),
      judge: (turnId, feedback) => this.#judge(turnId, feedback),
      stop: () => this.#stop(),
    };
  }

  readonly subscribe = (listener: () => void) => {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  };

  /** Reads the session, and follows a reply that is being written. */
  async open(): Promise<void> {
    this.#listening = new AbortController();
    const { signal } = this.#listening;
    try {
      const reading = this.#session.read({ signal });
      this.#reading = reading.catch(() => {});
      this.#reads(this.#reading);
      const { turns, feedback } = await reading;
      const exchanges = turns.map((turn): Exchange => {
        const latest = feedback.filter(({ turn_id }) => turn_id === turn.id).at(-1);
        const { words = null, weights = null, rolled_back: rolledBack = null } = latest ?? {};
        return { ...fresh, ...ofTurn(turn), words, weights, rolledBack };
      });
      this.#show({ exchanges, failure: null });
      const running = turns.find(({ status }) => status === "running");
      if (running === undefined) return;
      const at = exchanges.length - 1;
      this.#change(at, { reply: "" });
      await this.#listen(at, this.#session.follow(running.id, { signal }));
    } catch (error) {
      if (!signal.aborted) this.#show({ failure: failureOf(error) });
    }
  }

  close(): void {
    this.#listening.abort();
  }

  async #ask(request: string | Omit<TurnCreate, "stream">): Promise<void> {
    const content = typeof request === "string" ? request : request.content;
    // Asked before that, the turn would be found running and followed twice.
    await this.#reading;
    const at = this.#add({ ...fresh, request: content });
    await this.#listen(at, this.#session.stream(request, { signal: this.#listening.signal }));
  }

  async #judge(turnId: string, feedback: Omit<Feedback, "stream">): Promise<void> {
    const at = this.shown.exchanges.map((one) => one.turnId).lastIndexOf(turnId);
    this.#change(at, { words: null, weights: null, rolledBack: null, failure: null });
    const { signal } = this.#listening;
    await this.#listen(at, this.#session.feedbackStream(turnId, feedback, { signal }));
  }

  async #stop(): Promise<void> {
    const running = this.shown.exchanges.filter(({ isWriting }) => isWriting).at(-1);
    if (running?.turnId != null) await this.#session.stop(running.turnId);
  }

  /** Applies events to the exchange at this place; a retry after feedback begins another. */
  async #listen(at: number, events: AsyncIterable<Told>): Promise<void> {
    const { signal } = this.#listening;
    this.#show({ isBusy: true });
    let place = at;
    try {
      for await (const { type, data } of events) {
        if (signal.aborted) return;
        if (type === "turn") {
          const turn = data as Turn;
          if (turn.retry_of !== null && turn.id !== this.shown.exchanges[place]?.turnId) {
            place = this.#add({ ...fresh, request: turn.content });
          }
          this.#change(place, { ...ofTurn(turn), isWriting: true, failure: null });
        } else if (type === "done" && (data as { object: string }).object === "turn") {
          this.#change(place, ofTurn(data as Turn));
        } else if (type === "done" || type === "feedback") {
          const { turn } = data as { turn?: Turn };
          if (turn !== undefined) this.#change(place, ofTurn(turn));
        } else this.#take(type === "words" || type === "weights" ? at : place, type, data);
      }
    } catch (error) {
      if (signal.aborted) return;
      this.#change(place, { isWriting: false, failure: failureOf(error) });
    } finally {
      if (!signal.aborted) this.#show({ isBusy: false });
    }
  }

  #take(at: number, type: string, data: unknown): void {
    const before = this.shown.exchanges[at];
    if (before === undefined) return;
    if (type === "delta") {
      const { text, reasoning = "" } = data as { text: string; reasoning?: string };
      this.#change(at, {
        reply: before.reply + text,
        reasoning: before.reasoning + reasoning,
      });
    } else if (type === "reset") this.#change(at, { reply: "", reasoning: "" });
    else if (type === "words") this.#change(at, { words: data as Words });
    else if (type === "weights") this.#change(at, { weights: data as Weights });
    else if (type === "rolled_back") this.#change(at, { rolledBack: data as RollBack });
  }

  #add(exchange: Exchange): number {
    this.#show({ exchanges: [...this.shown.exchanges, exchange] });
    return this.shown.exchanges.length - 1;
  }

  #change(at: number, part: Partial<Exchange>): void {
    const exchanges = this.shown.exchanges.map((one, i) => (i === at ? { ...one, ...part } : one));
    this.#show({ exchanges });
  }

  #show(part: Partial<Conversation>): void {
    this.shown = { ...this.shown, ...part };
    for (const listener of this.#listeners) listener();
  }
}

function ofTurn({ id, content, reply, status }: Turn) {
  return { turnId: id, request: content, reply, isWriting: status === "running" };
}

function failureOf(error: unknown): Rosa2Error {
  if (error instanceof Rosa2Error) return error;
  throw error;
}
