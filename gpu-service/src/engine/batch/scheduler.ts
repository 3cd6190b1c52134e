/**
 * Continuous batching on one model: sequences join and leave between decode steps, prompts are computed in chunks,
 * background slices fill the gaps. It knows token ids and slots. It does not know HTTP, tenants' rights, or what a
 * background slice does.
 */

import { RosaError } from "@rosa2/shared/errors";
import type { KvCache, LanguageModel, NextToken, Slices, StepInput } from "../../language-model.ts";
import { BackgroundTasks, type BackgroundWork } from "./background.ts";
import { type Choice, choose, push } from "./choices.ts";
import { mayAdmit, mayRunSlice, nextSliceAt, nextToRead } from "./decisions.ts";
import { draftMax, draftsOf } from "./drafts.ts";
import { FairQueue } from "./fair-queue.ts";
import type { Sequence, SequenceListener, SequenceRequest, Voice, Waiting } from "./sequence.ts";
import { cacheKey, type Slot, SlotTable } from "./slots.ts";
import { StepTimes, TenantShares } from "./tenant-shares.ts";

export interface SchedulerOptions {
  /** Sequences in service at once: rows of a decode step and prompts being read. With several tenants up to twice as many. */
  rowsMax: number;
  /** Prompt tokens computed between two decode steps. */
  prefillTokens: number;
  /** Share of the time that background slices may take from sequences, in (0, 1]. */
  backgroundShare: number;
  now?: () => number;
}

/** What one pass of the loop did, for metrics. */
export interface PassReport {
  rows: number;
  decodeMs: number;
  prefillTokens: number;
  prefillMs: number;
  backgroundMs: number;
}

export class Scheduler {
  readonly #model: LanguageModel;
  readonly #cache: KvCache;
  readonly #options: SchedulerOptions;
  readonly #now: () => number;
  readonly #slots: SlotTable;
  readonly #queue = new FairQueue<Waiting>();
  readonly #shares: TenantShares;
  readonly #stepTimes = new StepTimes();
  readonly #background: BackgroundTasks;
  /** Sequences with a slot, by that slot. */
  readonly #bySlot = new Map<Slot, Sequence>();
  #backgroundAt = 0;
  #stopping = false;
  #wake: (() => void) | null = null;

  constructor(model: LanguageModel, cache: KvCache, options: SchedulerOptions) {
    this.#model = model;
    this.#cache = cache;
    this.#options = options;
    this.#now = options.now ?? (() => performance.now());
    this.#slots = new SlotTable(cache);
    this.#shares = new TenantShares(this.#now);
    this.#background = new BackgroundTasks(this.#shares, this.#now);
  }

  get counts() {
    return {
      waiting: this.#queue.length,
      running: this.#bySlot.size + this.#background.length,
      parkedTokens: this.#slots.parkedTokens,
    };
  }

  /** Queues a sequence. Its prompt must leave room in the context for one token. */
  add(request: SequenceRequest, listener: SequenceListener): void {
    if (request.prompt.length >= this.#cache.tokensMax) {
      throw new Error(
        `Cannot queue ${request.prompt.length} tokens: the cache holds ${this.#cache.tokensMax}`,
      );
    }
    this.#queue.add({
      tenant: request.tenant,
      session: request.adapter?.digest ?? "",
      request,
      listener,
      queuedAt: this.#now(),
    });
    this.#wakeUp();
  }

  /** Drops what sequences with this adapter left in the cache for a next turn. */
  forget(tenant: string, digest: string): void {
    this.#slots.forget(cacheKey(tenant, digest));
  }

  /** Runs work beside the sequences, tenants in turn. */
  runBackground<T>(work: BackgroundWork, slices: Slices<T>): Promise<T> {
    const result = this.#background.run(work, slices);
    this.#wakeUp();
    return result;
  }

  /** Ends the sequences or the background task of this id before the next step. Cancelled sequences send nothing more. */
  cancel(id: number): void {
    if (this.#background.cancel(id, new Error("Cancelled"))) return;
    const isIts = ({ request }: Waiting) => request.id === id;
    for (let waiting = this.#queue.find(isIts); waiting; waiting = this.#queue.find(isIts)) {
      this.#queue.remove(waiting);
    }
    for (const sequence of this.#bySlot.values()) {
      // Only marked: slots must not move while a step that uses them is under way.
      if (sequence.id === id) sequence.isCancelled = true;
    }
  }

  /** Runs until `stop`; `onPass` is called after every pass and whenever work runs out. */
  async run(onPass: (report: PassReport) => void = () => {}): Promise<void> {
    while (!this.#stopping) {
      this.#dropCancelled();
      this.#slots.trim();
      this.#admit();
      if (this.#bySlot.size === 0 && this.#background.length === 0) {
        onPass(emptyReport()); // the last report then says that nothing runs, also after a cancellation
        await this.#sleep();
        continue;
      }
      const report = emptyReport();
      const favoured = this.#favoured();
      await this.#prefill(favoured, report);
      this.#dropCancelled();
      await this.#decode(favoured, report);
      await this.#runBackground(report);
      onPass(report);
      await nextTurn(); // lets new requests and cancellations in
    }
    const reason = new RosaError("shutting_down", "The service is shutting down");
    for (const { listener, request } of this.#queue.drain()) {
      for (const one of [{ listener }, ...(request.siblings ?? [])]) one.listener.fail(reason);
    }
    for (const sequence of [...this.#bySlot.values()]) this.#fail(sequence, reason);
    this.#background.cancelAll(reason);
    this.#slots.dispose();
  }

  /** Ends `run` after the current pass; what is unfinished fails with `shutting_down`. */
  stop(): void {
    this.#stopping = true;
    this.#wakeUp();
  }

  #admit(): void {
    for (let ticket = this.#queue.next; ticket; ticket = this.#queue.next) {
      const { tenant, adapter, prompt } = ticket.request;
      // Others hold no fewer places than this one's tenant.
      if (!this.#hasRoomFor(tenant)) return;
      this.#queue.takeNext();
      const slot = this.#slots.lease(cacheKey(tenant, adapter?.digest ?? null), prompt);
      this.#bySlot.set(slot, this.#newSequence(ticket, slot));
    }
  }

  #hasRoomFor(tenant: string): boolean {
    const tenants = [...this.#bySlot.values()].map((sequence) => sequence.tenant);
    const inService = {
      count: tenants.length,
      ofTenant: tenants.filter((other) => other === tenant).length,
      tenants: new Set([...tenants, tenant]).size,
    };
    return mayAdmit(inService, this.#options.rowsMax, this.#slots.canLease);
  }

  /** The tenants whose work runs in this pass. */
  #favoured(): ReadonlySet<string> {
    const replying = [...this.#bySlot.values()].map(({ tenant }) => tenant);
    return this.#shares.favoured(new Set([...replying, ...this.#background.tenants]));
  }

  #newSequence(ticket: Waiting, slot: Slot): Sequence {
    const { reply, siblings = [], ...request } = ticket.request;
    return {
      ...request,
      ticket,
      voices: [{ reply, listener: ticket.listener }, ...siblings],
      slot,
      isCancelled: false,
      nextId: -1,
      cachedTokens: slot.tokens.length,
      passedOver: 0,
      startedAt: this.#now(),
      firstTokenAt: 0,
    };
  }

  #dropCancelled(): void {
    for (const sequence of [...this.#bySlot.values()]) {
      if (sequence.isCancelled) this.#leave(sequence, sequence.parks !== false);
    }
  }

  /** One chunk of one prompt. */
  async #prefill(favoured: ReadonlySet<string>, report: PassReport): Promise<void> {
    const chunkMax = this.#options.prefillTokens;
    const readings = [...this.#bySlot.values()]
      .filter(({ slot, tenant }) => slot.state === "filling" && favoured.has(tenant))
      .map((sequence) => ({
        sequence,
        promptTokens: sequence.prompt.length,
        readTokens: sequence.slot.tokens.length,
        passedOver: sequence.passedOver,
      }));
    const sequence = nextToRead(readings, chunkMax)?.sequence;
    if (sequence === undefined) return;
    for (const other of readings) if (other.sequence !== sequence) other.sequence.passedOver++;

    const { slot, prompt } = sequence;
    const past = slot.tokens.length;
    const chunk = prompt.slice(past, past + chunkMax);
    const startedAt = this.#now();
    try {
      const [next] = await this.#step([sequence], {
        ids: chunk,
        rows: 1,
        length: chunk.length,
        past: Int32Array.of(past),
        firstSlot: slot.index,
        adapters: [sequence.adapter],
      });
      report.prefillTokens = chunk.length;
      report.prefillMs = this.#now() - startedAt;
      this.#shares.charge(sequence.tenant, report.prefillMs);
      for (const id of chunk) slot.tokens.push(id);
      if (slot.tokens.length < prompt.length) return;
      sequence.firstTokenAt = this.#now();
      this.#slots.activate(slot);
      this.#settle(sequence, push(sequence, next![0]!, this.#now));
    } catch (error) {
      this.#fail(sequence, error);
    }
  }

  /** One token for every active row of these tenants, or for all rows if these alone would not be much quicker. */
  async #decode(favoured: ReadonlySet<string>, report: PassReport): Promise<void> {
    const left = new Set(this.#active.filter(({ tenant }) => favoured.has(tenant)));
    if (left.size > 0 && !this.#stepTimes.isWorthApart(left.size, this.#active.length))
      for (const sequence of this.#active) left.add(sequence);
    while (left.size > 0) {
      // Slots move when a row ends, so the next rows are looked up again.
      const active = this.#active;
      const first = active.findIndex((sequence) => left.has(sequence));
      if (first < 0) return;
      let end = first;
      while (end < active.length && left.has(active[end]!)) end++;
      const sequences = active.slice(first, end);
      for (const sequence of sequences) left.delete(sequence);
      await this.#decodeRows(sequences, report);
    }
  }

  /** Sequences whose rows are being decoded, in the order of their slots. */
  get #active(): Sequence[] {
    return this.#slots.active.map((slot) => this.#bySlot.get(slot) as Sequence);
  }

  /** One token for each of these, whose slots lie side by side; more where drafts are right. */
  async #decodeRows(sequences: Sequence[], report: PassReport): Promise<void> {
    const rows = sequences.length;
    const slots = sequences.map(({ slot }) => slot);
    const drafts = this.#model.stepAhead ? draftsOf(sequences, this.#cache.tokensMax) : null;
    const fed = sequences.map(({ nextId }, row) => [nextId, ...(drafts?.[row] ?? [])]);
    const length = drafts === null ? 1 : 1 + draftMax;
    const startedAt = this.#now();
    try {
      const next = await this.#step(sequences, {
        // Padding is written behind the sequence, where the next step writes again.
        ids: Int32Array.from({ length: rows * length }, (_, i) => {
          return fed[Math.floor(i / length)]![i % length] ?? 0;
        }),
        rows,
        length,
        past: Int32Array.from(slots, ({ tokens }) => tokens.length),
        firstSlot: (slots[0] as Slot).index,
        adapters: sequences.map(({ adapter }) => adapter),
      });
      const ms = this.#now() - startedAt;
      report.rows += rows;
      report.decodeMs += ms;
      this.#chargeRows(sequences, ms, length);
      // Tokens of all rows first: when a row ends, other slots move together with their tokens.
      const choices = sequences.map((sequence, row) =>
        choose(sequence, next[row]!, fed[row]!, this.#now),
      );
      for (const [row, sequence] of sequences.entries()) this.#settle(sequence, choices[row]!);
    } catch (error) {
      for (const sequence of sequences) this.#fail(sequence, error);
    }
  }

  #chargeRows(sequences: readonly Sequence[], ms: number, length: number): void {
    const rows = sequences.length;
    if (length === 1) this.#stepTimes.note(rows, ms);
    for (const [tenant, own] of Map.groupBy(sequences, (sequence) => sequence.tenant))
      this.#shares.charge(tenant, this.#stepTimes.alone(own.length, rows, ms));
  }

  /** The next token of each row; of a decode step, after each of the tokens that it feeds. */
  async #step(sequences: Sequence[], input: Omit<StepInput, "cache">): Promise<NextToken[][]> {
    // A prompt's last chunk and every decode step end with a token of each reply.
    await Promise.all(
      sequences.flatMap(({ voices }) => voices.map(({ reply }) => reply.prepare())),
    );
    const needsLogits = sequences.some(({ voices }) =>
      voices.some(({ reply }) => reply.needsLogits),
    );
    const isAhead = input.length > 1 && sequences[0]?.slot.state === "active";
    const model = this.#model;
    const step = { ...input, cache: this.#cache };
    if (isAhead && model.stepAhead) return model.stepAhead(step, needsLogits);
    return (await model.step(step, needsLogits)).map((next) => [next]);
  }

  /**
   * Goes on with what the replies of a row chose. Those that chose the same token stay in the row together; others
   * continue in a copy of it. The row ends with its last reply.
   */
  #settle(sequence: Sequence, choice: Choice): void {
    if (choice === null) return;
    try {
      if ("error" in choice) throw choice.error;
      const going = choice.filter(({ piece }) => piece.finish === null);
      const [own, ...others] = Map.groupBy(going, ({ piece }) => piece.id);
      for (const [id, ones] of others) this.#branch(sequence, id, voicesOf(ones));
      if (own === undefined) this.#leave(sequence, sequence.parks !== false);
      else Object.assign(sequence, { nextId: own[0], voices: voicesOf(own[1]) });
      for (const { voice, piece, spent } of choice) {
        if (piece.finish !== null) voice.listener.finish({ finish: piece.finish, ...spent });
      }
    } catch (error) {
      this.#fail(sequence, error);
    }
  }

  /** Continues other replies in a copy of a sequence's slot. Without room for one they wait in the queue. */
  #branch(sequence: Sequence, nextId: number, [first, ...siblings]: Voice[]): void {
    const { id, tenant, adapter, prompt, source, slot, firstTokenAt } = sequence;
    const { reply, listener } = first!;
    const request = { id, tenant, adapter, prompt, source, reply, siblings, parks: false };
    const ticket = { ...sequence.ticket, request, listener };
    if (!this.#hasRoomFor(tenant)) {
      // Their text so far is read again, from the cache as far as it is still there.
      request.prompt = Int32Array.from([...slot.tokens, nextId]);
      this.#queue.add(ticket);
      return;
    }
    this.#queue.takeBeside(ticket);
    const branch = this.#newSequence(ticket, this.#slots.fork(slot));
    this.#bySlot.set(branch.slot, Object.assign(branch, { nextId, firstTokenAt }));
  }

  async #runBackground(report: PassReport): Promise<void> {
    if (this.#background.length === 0) return;
    const favoured = this.#favoured();
    const replying = [...this.#bySlot.values()].filter(({ tenant }) => favoured.has(tenant));
    const startedAt = this.#now();
    if (!mayRunSlice(startedAt, this.#backgroundAt, replying.length)) return;
    await this.#background.runSlice(favoured, this.#bySlot.size > 0);
    const endedAt = this.#now();
    report.backgroundMs = endedAt - startedAt;
    this.#backgroundAt = nextSliceAt(endedAt, report.backgroundMs, this.#options.backgroundShare);
  }

  /** Ends a sequence after a failed step. The step may have written anything into the slot, so it is not kept. */
  #fail(sequence: Sequence, error: unknown): void {
    if (this.#bySlot.get(sequence.slot) !== sequence) return;
    this.#leave(sequence, false);
    if (sequence.isCancelled) return;
    for (const { listener } of sequence.voices) listener.fail(error);
  }

  #leave(sequence: Sequence, park: boolean): void {
    this.#bySlot.delete(sequence.slot);
    // An adapter belongs to one session, which continues from its latest turn; earlier slots would only fill memory.
    this.#slots.release(sequence.slot, park, { staysAlone: sequence.adapter !== null });
    this.#queue.release(sequence.ticket);
  }

  async #sleep(): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#wake = resolve;
    await promise;
  }

  #wakeUp(): void {
    this.#wake?.();
    this.#wake = null;
  }
}

function voicesOf(chosen: readonly { voice: Voice }[]): Voice[] {
  return chosen.map(({ voice }) => voice);
}

function emptyReport(): PassReport {
  return { rows: 0, decodeMs: 0, prefillTokens: 0, prefillMs: 0, backgroundMs: 0 };
}

function nextTurn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
