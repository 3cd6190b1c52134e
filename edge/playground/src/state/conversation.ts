/**
 * One session as the page shows it: read once, then kept up to date by its streams.
 *
 * Events are applied to copies of the server's own records, so the page looks the same after a stream and after a
 * reload. It knows the client and no markup.
 */
import { computed, signal } from "@preact/signals";
import {
  type Feedback,
  type FeedbackRecord,
  type FeedbackResult,
  type GenerationList,
  type LogEvent,
  type Reach,
  Rosa2Error,
  type Session,
  type SessionClient,
  type Turn,
  type WordsState,
} from "rosa2";
import { client } from "./account.ts";
import { explain, report } from "./failure.ts";

export type Judgement = Pick<Feedback, "reward" | "text" | "correction" | "retry">;
type Told = { id: number; type: string; data: unknown };

/** Tells this browser's other tabs which session has changed. */
const tabs =
  typeof BroadcastChannel === "undefined" ? null : new BroadcastChannel("rosa2.sessions");
const pollMs = 600;
/** Feedback that is being sent has no id from the server yet. */
const ownId = "fb_sending";

export class Conversation {
  readonly id: string;
  readonly session = signal<Session | null>(null);
  readonly generations = signal<GenerationList | null>(null);
  readonly words = signal<WordsState | null>(null);
  /** Failures by turn id; each is shown beside its turn. */
  readonly failures = signal<Record<string, string>>({});
  readonly missing = signal(false);
  /** The part of the reply that has arrived. Once the reply is whole, its turn has it. */
  readonly live = signal("");
  /** A request that was sent and has no turn yet. */
  readonly sending = signal<string | null>(null);
  /** A request that the server refused; it goes back into the field. */
  readonly unsent = signal("");
  readonly running = computed(
    () => this.session.value?.turns.find(({ status }) => status === "running") ?? null,
  );
  readonly pending = computed(
    () => this.session.value?.feedback.find(({ status }) => status === "pending") ?? null,
  );
  /** True while nothing new can be asked: a reply is being written, or feedback will bring one soon. */
  readonly busy = computed(
    () =>
      this.sending.value !== null ||
      this.running.value !== null ||
      (this.pending.value?.reward ?? 1) < 0,
  );
  /** True while no work is in progress: the latest reply may be judged. */
  readonly canJudge = computed(() => !this.busy.value && this.pending.value === null);
  readonly cannotJudge = computed(() => !this.canJudge.value);
  readonly #api: SessionClient;
  readonly #closing = new AbortController();
  /** Number of open streams of this page; while one is open, `#catchUp` does nothing. */
  #streams = 0;
  #opened = 0;

  constructor(id: string) {
    this.id = id;
    this.#api = client.value.session(id);
    tabs?.addEventListener("message", this.#onOtherTab);
  }

  /** Another tab has changed this session. */
  readonly #onOtherTab = ({ data }: MessageEvent) => {
    if (data === this.id && this.#streams === 0) void this.refresh().catch(() => {});
  };

  /** Reads everything, then follows the work that is in progress. */
  async open(): Promise<void> {
    try {
      await this.refresh();
    } catch (error) {
      if (error instanceof Rosa2Error && error.code === "not_found") this.missing.value = true;
      else report(error);
      return;
    }
    await this.#catchUp();
  }

  close(): void {
    this.#closing.abort();
    tabs?.removeEventListener("message", this.#onOtherTab);
  }

  /** Reads everything again. If a stream began meanwhile, the answer is dropped: the stream is more recent. */
  async refresh(): Promise<void> {
    const opened = this.#opened;
    const [session, generations, words] = await Promise.all([
      this.#api.read(),
      this.#api.generations(),
      this.#api.words(),
    ]);
    if (this.#opened !== opened) return;
    const { turns = [], feedback = [] } = this.session.value ?? {};
    this.session.value = {
      ...session,
      turns: keepSame(turns, session.turns),
      feedback: keepSame(feedback, session.feedback),
    };
    this.#setGenerations(generations);
    this.words.value = words;
  }

  /** True when the server has the request, answered or not. With a temperature the reply is sampled. */
  async ask(content: string, temperature?: number): Promise<boolean> {
    this.sending.value = content;
    this.unsent.value = "";
    const request = temperature === undefined ? content : { content, temperature };
    const taken = await this.#listen(null, () => this.#api.stream(request, this.#options));
    if (!taken) this.unsent.value = content;
    return taken;
  }

  async retry(turnId: string): Promise<void> {
    this.live.value = "";
    this.#upsert({ id: turnId, status: "running", error: null });
    await this.#listen(turnId, () => this.#api.retry(turnId, this.#options));
  }

  async stop(): Promise<void> {
    const turn = this.running.value;
    if (turn === null) return;
    try {
      this.#upsert(await this.#api.stop(turn.id));
    } catch (error) {
      report(error);
    }
  }

  /** True when the server has the feedback, processed or not. */
  async judge(turnId: string, judgement: Judgement): Promise<boolean> {
    this.#addRecord(turnId, judgement);
    return this.#listen(turnId, () => this.#api.feedbackStream(turnId, judgement, this.#options));
  }

  /** Whether a correction can be learned; null where that cannot be told now. */
  reach(turnId: string, correction: string): Promise<Reach | null> {
    return this.#api.reach(turnId, correction, this.#options).catch(() => null);
  }

  activate(generation: string): Promise<void> {
    return this.#change(async () => {
      const list = await this.#api.activate(generation);
      this.#setGenerations(list);
      const session = this.session.value;
      if (session !== null) this.session.value = { ...session, generation: list.active };
    });
  }

  undoWords(): Promise<void> {
    return this.#change(async () => {
      this.words.value = await this.#api.undoWords();
    });
  }

  deleteConstraint(constraintId: string): Promise<void> {
    return this.#change(async () => {
      this.words.value = await this.#api.deleteConstraint(constraintId);
    });
  }

  forgetSense(senseId: string): Promise<void> {
    return this.#change(async () => {
      this.words.value = await this.#api.forgetSense(senseId);
    });
  }

  /** The new session's id, or null when it failed. */
  async fork(turnId: string): Promise<string | null> {
    try {
      return (await this.#api.fork({ turn_id: turnId })).id;
    } catch (error) {
      report(error);
      return null;
    }
  }

  async download(generation: string): Promise<void> {
    await this.#change(async () => {
      const bytes = await this.#api.adapter(generation);
      const link = document.createElement("a");
      link.href = URL.createObjectURL(new Blob([bytes]));
      link.download = `${generation}.zip`;
      link.click();
      setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
    });
  }

  get #options() {
    return { signal: this.#closing.signal };
  }

  async #change(work: () => Promise<void>): Promise<void> {
    try {
      await work();
    } catch (error) {
      report(error);
    }
  }

  /** Reads a stream into the page. Then reads again the lists that the stream does not contain. */
  async #listen(turnId: string | null, open: () => AsyncIterable<Told>): Promise<boolean> {
    this.#streams++;
    this.#opened++;
    let about = turnId;
    if (about !== null) this.#clearFailure(about);
    try {
      for await (const event of open()) {
        if (event.type === "turn") about = (event.data as Turn).id;
        this.#apply(event, turnId);
      }
      return true;
    } catch (error) {
      if (this.#closing.signal.aborted) return false;
      const kept = error instanceof Rosa2Error ? error.keptId : undefined;
      const place = kept?.startsWith("turn_") === true ? kept : about;
      if (place === null || (error instanceof Rosa2Error && error.status === 401)) report(error);
      else this.failures.value = { ...this.failures.value, [place]: explain(error) };
      return place !== null;
    } finally {
      this.#streams--;
      this.sending.value = null;
      tabs?.postMessage(this.id);
      if (!this.#closing.signal.aborted) {
        await this.refresh().catch(() => {});
        void this.#catchUp();
      }
    }
  }

  /** Follows work at the server that no stream of this page shows: after a reload, or a lost stream. */
  async #catchUp(): Promise<void> {
    while (!this.#closing.signal.aborted && this.#streams === 0) {
      const { running, pending } = this;
      if (running.value !== null) {
        await this.#follow(running.value.id);
      } else if (pending.value !== null) {
        await new Promise((resolve) => setTimeout(resolve, pollMs));
      } else return;
      if (this.#streams === 0) await this.refresh().catch(() => {});
    }
  }

  async #follow(turnId: string): Promise<void> {
    this.live.value = "";
    try {
      for await (const event of this.#api.follow(turnId, this.#options)) {
        this.#apply(event, turnId);
        if (event.type === "done") return;
      }
    } catch (error) {
      if (!this.#closing.signal.aborted) {
        this.failures.value = { ...this.failures.value, [turnId]: explain(error) };
      }
    }
  }

  #apply(event: Told, judgedId: string | null): void {
    const { type, data } = event as LogEvent;
    switch (type) {
      case "turn":
        this.sending.value = null;
        this.live.value = "";
        this.#upsert({ ...data, reply: "" });
        return;
      case "delta":
        this.live.value += data.text;
        return;
      case "reset":
        this.live.value = "";
        return;
      case "rolled_back":
        this.#updateRecord(judgedId, { rolled_back: data });
        void this.#readGenerations();
        return;
      case "words":
        this.#updateRecord(judgedId, { words: data });
        return;
      case "weights":
        this.#updateRecord(judgedId, { weights: data });
        if (data.generation !== undefined) void this.#readGenerations();
        return;
      case "feedback":
        this.#finish(data);
        return;
      case "done":
        if ((data as Turn | FeedbackResult).object === "feedback") {
          this.#finish(data as unknown as FeedbackResult);
        } else this.#upsert(data);
    }
  }

  async #readGenerations(): Promise<void> {
    const list = await this.#api.generations().catch(() => null);
    if (list !== null) this.#setGenerations(list);
  }

  #setGenerations(list: GenerationList): void {
    const before = this.generations.value?.data ?? [];
    this.generations.value = { ...list, data: keepSame(before, list.data) };
  }

  #finish(result: FeedbackResult): void {
    const { id, words, weights, plan, cost, status } = result;
    this.#updateRecord(result.turn_id, { id, words, weights, plan, cost, status });
    if (result.turn !== undefined) this.#upsert(result.turn);
  }

  /** Changes a turn, or adds it. */
  #upsert(change: Partial<Turn> & { id: string }): void {
    const session = this.session.value;
    if (session === null) return;
    const known = session.turns.some(({ id }) => id === change.id);
    const turns = known
      ? session.turns.map((turn) => (turn.id === change.id ? { ...turn, ...change } : turn))
      : [...session.turns, change as Turn];
    this.session.value = { ...session, turns };
  }

  #addRecord(turnId: string, { reward, text, correction }: Judgement): void {
    const session = this.session.value;
    if (session === null) return;
    const record: FeedbackRecord = {
      id: ownId,
      turn_id: turnId,
      status: "pending",
      reward,
      text: text ?? null,
      correction: correction ?? null,
      words: null,
      weights: null,
      rolled_back: null,
      plan: null,
      cost: { usd: 0 },
      retry_turn_id: null,
      created_at: new Date().toISOString(),
    };
    this.session.value = { ...session, feedback: [...session.feedback, record] };
  }

  /** The events are about the latest feedback on a turn. */
  #updateRecord(turnId: string | null, change: Partial<FeedbackRecord>): void {
    const session = this.session.value;
    const record = session?.feedback.findLast(({ turn_id }) => turn_id === turnId);
    if (session == null || record === undefined) return;
    const feedback = session.feedback.map((one) => (one === record ? { ...one, ...change } : one));
    this.session.value = { ...session, feedback };
  }

  #clearFailure(turnId: string): void {
    const { [turnId]: _, ...rest } = this.failures.value;
    this.failures.value = rest;
  }
}

/** Records that were read again. An unchanged record keeps its old object, so its row is not rendered again. */
function keepSame<T extends { id: string }>(before: readonly T[], now: readonly T[]): T[] {
  const known = new Map(before.map((one) => [one.id, one]));
  return now.map((one) => {
    const old = known.get(one.id);
    return old !== undefined && JSON.stringify(old) === JSON.stringify(one) ? old : one;
  });
}
