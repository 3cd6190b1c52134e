/**
 * A holder's own money: a lease from the account, drawn locally, so that calls need not wait.
 *
 * The account promises `cap - spent - leased >= 0`; the purse promises never to reserve more than its lease leaves.
 * Together the cap holds exactly, whatever crashes between them. It knows the account by one call.
 *
 * If the account last reported no cap, no call waits: a missing lease is requested in the background. So a first cap
 * reaches an idle holder at its next call, which still passes.
 */
import { RosaError } from "@rosa2/shared/errors";
import { asc, count, eq, lte, sum } from "drizzle-orm";
import type { DrizzleSqliteDODatabase } from "drizzle-orm/durable-sqlite";
import type { UsageEvent } from "../usage.ts";
import { holds, lease, metered } from "./schema.ts";
import { type Statements, statementsOf } from "./statements.ts";

/** A lease that ends this soon is no longer drawn, because clocks differ. */
const marginMs = 60_000;
/** Events of one message. */
const eventsPerMessage = 500;
/** This many events are worth a message of their own. */
const eventsWaitingMax = 50;

/** A metered event with its holder's own number; numbers only count up. */
export type NumberedEvent = UsageEvent & { seq: number };

/** A holder's report to the account, and its request; `round` counts a holder's messages. */
export interface LeaseMessage {
  holder: string;
  /** The owner among the tenant's users, and the owner's monthly cap; null for none. */
  owner: string | null;
  ownerCapNanos: number | null;
  round: number;
  /** Cost of the holder's events in this message and all before it. */
  settledNanos: number;
  /** The grant that the holder needs now, and the one that it would like; both only count up. */
  neededNanos: number;
  wantedNanos: number;
  events: NumberedEvent[];
}

export interface LeaseAnswer {
  grantedNanos: number;
  expiresAt: number;
  /** Whether a cap, the tenant's or the owner's, bounds the holder's spending. */
  isCapped: boolean;
  /** Bytes of adapter files that the tenant's sessions hold. */
  adapterBytes: number;
  /** Whether any webhook subscribes to updates. */
  hasWebhooks: boolean;
}

/** The lease that a session begins with. */
export interface FirstLease extends LeaseAnswer {
  ownerCapNanos: number | null;
}

export interface PurseOptions {
  db: DrizzleSqliteDODatabase;
  holder(): string;
  owner(): string | null;
  send(message: LeaseMessage): Promise<LeaseAnswer>;
  /** What the lease should leave beyond reserved money: some calls' worth. */
  spareNanos: number;
  now(): number;
  transaction(work: () => void): void;
  /** Called with everything that the account reports with a lease. */
  onLease?(answer: LeaseAnswer): void;
  /** Requests `report()` at once, or some time after the first unreported event. */
  remind(soon: boolean): void;
}

export class Purse {
  readonly #options: PurseOptions;
  readonly #statements: Statements;
  /** As the table has it, once it was set here. */
  #ownerCapNanos: number | null | undefined;
  #talking: Promise<unknown> = Promise.resolve();
  #isTalking = false;
  #usedAt = 0;
  #isCapped = true;

  constructor(options: PurseOptions) {
    this.#options = options;
    this.#statements = statementsOf(options.db);
  }

  /** Takes the lease that a holder begins with, so that its first call need not wait either. */
  adopt(first: FirstLease): void {
    const { grantedNanos, expiresAt, isCapped, ownerCapNanos } = first;
    this.#options.onLease?.(first);
    this.#ownerCapNanos = undefined;
    this.#usedAt = this.#options.now();
    this.#options.remind(false);
    const row = {
      id: 1,
      round: 1,
      grantedNanos,
      drawnNanos: 0,
      expiresAt,
      isCapped,
      ownerCapNanos,
    };
    this.#options.db.insert(lease).values(row).onConflictDoNothing().run();
  }

  /** Whether a cap bounds spending, as of the last reservation or metered event. */
  get isCapped(): boolean {
    return this.#isCapped;
  }

  /** The owner's monthly cap from now on; null for none. */
  setOwnerCap(ownerCapNanos: number | null): void {
    if (this.#ownerCapNanos === ownerCapNanos) return;
    const { db, transaction } = this.#options;
    const row = this.#lease();
    if (row.ownerCapNanos !== ownerCapNanos) {
      transaction(() => {
        // A lease granted under another cap is given up: the account lends again.
        const grantedNanos = Math.min(row.grantedNanos, row.drawnNanos + this.#heldNanos());
        db.update(lease).set({ ownerCapNanos, grantedNanos, isCapped: true }).run();
      });
    }
    this.#ownerCapNanos = ownerCapNanos;
  }

  /**
   * Reserves money for an event; a repeated call makes sure that it still is reserved. Waits for the account only if
   * the lease leaves too little.
   *
   * @throws RosaError `budget_exceeded`.
   */
  async reserve(eventId: string, amountNanos: number): Promise<void> {
    this.#usedAt = this.#options.now();
    if (this.#hold(eventId, amountNanos)) return;
    await this.#inTurn(async () => {
      if (this.#hold(eventId, amountNanos)) return;
      await this.#talk(this.#isHeld(eventId) ? 0 : amountNanos, this.#options.spareNanos);
      if (this.#hold(eventId, amountNanos)) return;
      throw new RosaError(
        "budget_exceeded",
        "The month's spend cap, the tenant's or the owner's, leaves no room for this call",
      );
    });
  }

  /** Queues a metered event and frees its reserved money; part of the caller's transaction. */
  settle(event: UsageEvent): void {
    const { free, meter, draw: drawOn } = this.#statements;
    free.run({ eventId: event.eventId });
    const owner = event.owner ?? this.#options.owner();
    meter.run({ event: { ...event, owner } });
    const draw = () => drawOn.get({ costNanos: event.costNanos });
    let drawn = draw();
    if (drawn === undefined) {
      this.#lease();
      drawn = draw()!;
    }
    this.#usedAt = this.#options.now();
    this.#isCapped = drawn.isCapped;
    // Without a lease the account would not know this holder, which must learn of a first cap.
    const isShort = !drawn.isCapped && (drawn.leftNanos < 0 || !this.#lasts(drawn.expiresAt));
    this.#options.remind(isShort || drawn.waiting >= eventsWaitingMax);
  }

  /** Frees the money of an event that will not happen. */
  release(eventId: string): void {
    this.#statements.free.run({ eventId });
    this.#options.remind(false);
  }

  /** A sign of life of the work that money is reserved for. */
  keep(eventId: string): void {
    const { db, now } = this.#options;
    db.update(holds).set({ at: now() }).where(eq(holds.eventId, eventId)).run();
  }

  /** Frees money of work without a sign of life since a time. */
  releaseOlderThan(at: number): void {
    this.#options.db.delete(holds).where(lte(holds.at, at)).run();
  }

  /** Delivers metered events. A holder that has reserved nothing for a while gives back what it does not need. */
  async report(restMs: number): Promise<void> {
    await this.#inTurn(() => this.#talk(0, this.#rests(restMs) ? 0 : this.#options.spareNanos));
  }

  /** Whether there is nothing to report: everything is delivered, nothing reserved, the rest given back. */
  isQuiet(restMs: number): boolean {
    const { db } = this.#options;
    const { grantedNanos, drawnNanos } = this.#lease();
    const waiting = db.select({ n: count() }).from(metered).get()?.n ?? 0;
    return this.#rests(restMs) && waiting === 0 && grantedNanos <= drawnNanos;
  }

  #rests(restMs: number): boolean {
    return this.#usedAt + restMs <= this.#options.now();
  }

  /** Gives back unreserved money at once. A conversation with the account that is under way is not awaited. */
  async giveBack(): Promise<void> {
    if (this.#isTalking) return;
    await this.#inTurn(() => this.#talk(0, 0));
  }

  /** Delivers everything; `send` carries the last message and ends the holder. Repeating is fine. */
  async close<T>(send: (message: LeaseMessage) => Promise<T>): Promise<T> {
    const { db } = this.#options;
    db.delete(holds).run();
    return await this.#inTurn(async () => {
      while ((db.select({ n: count() }).from(metered).get()?.n ?? 0) > eventsPerMessage) {
        await this.#talk(0, 0);
      }
      return await send(this.#compose(0, 0).message);
    });
  }

  #lease(): typeof lease.$inferSelect {
    const row = this.#statements.lease.get();
    if (row !== undefined) return row;
    this.#ownerCapNanos = undefined;
    const fresh = { id: 1, round: 0, grantedNanos: 0, drawnNanos: 0, expiresAt: 0, isCapped: true };
    return this.#options.db.insert(lease).values(fresh).returning().get();
  }

  /** The lease, its reserved money, and whether this event has any: every call needs these, so they are one statement. */
  #leaseFor(eventId: string) {
    const found = this.#statements.leaseFor.get({ eventId });
    return found ?? { ...this.#lease(), heldNanos: 0, isHeld: 0 };
  }

  #heldNanos(): number {
    const { db } = this.#options;
    return Number(
      db
        .select({ sum: sum(holds.amountNanos) })
        .from(holds)
        .get()?.sum ?? 0,
    );
  }

  #isHeld(eventId: string): boolean {
    const { db } = this.#options;
    return db.select().from(holds).where(eq(holds.eventId, eventId)).get() !== undefined;
  }

  /** Reserves if the lease lasts and leaves enough; money already reserved only needs the lease to last. */
  #hold(eventId: string, amountNanos: number): boolean {
    const { now } = this.#options;
    const { grantedNanos, drawnNanos, expiresAt, isCapped, heldNanos, isHeld } =
      this.#leaseFor(eventId);
    this.#isCapped = isCapped;
    const left = grantedNanos - drawnNanos - heldNanos;
    const lasts = this.#lasts(expiresAt) && left >= (isHeld === 1 ? 0 : amountNanos);
    if (isCapped && !lasts) return false;
    if (isHeld === 1) this.keep(eventId);
    else this.#statements.hold.run({ eventId, amountNanos, at: now() });
    this.#options.remind(!lasts);
    return true;
  }

  #lasts(expiresAt: number): boolean {
    return expiresAt - marginMs > this.#options.now();
  }

  /** One message after the other, so that each knows the previous answer. */
  async #inTurn<T>(work: () => Promise<T>): Promise<T> {
    const mine = this.#talking.then(() => {
      this.#isTalking = true;
      return work();
    });
    this.#talking = mine
      .catch(() => {})
      .finally(() => {
        this.#isTalking = false;
      });
    return await mine;
  }

  /** Delivers all events and requests a lease that leaves this much beyond reserved money. */
  async #talk(neededNanos: number, spareNanos: number): Promise<void> {
    for (;;) {
      const { message, lastSeq, isAll } = this.#compose(neededNanos, spareNanos);
      const answer = await this.#options.send(message);
      this.#options.onLease?.(answer);
      this.#options.transaction(() => {
        const { db } = this.#options;
        db.delete(metered).where(lte(metered.seq, lastSeq)).run();
        db.update(lease)
          .set({
            grantedNanos: answer.grantedNanos,
            expiresAt: answer.expiresAt,
            isCapped: answer.isCapped,
          })
          .run();
      });
      if (isAll) return;
    }
  }

  #compose(neededNanos: number, spareNanos: number) {
    const { db, holder, owner, transaction } = this.#options;
    const waiting = db.select().from(metered).orderBy(asc(metered.seq)).all();
    const told = waiting.slice(0, eventsPerMessage);
    const untoldNanos = waiting
      .slice(eventsPerMessage)
      .reduce((total, { event }) => total + event.costNanos, 0);
    const row = this.#lease();
    const inUse = row.drawnNanos + this.#heldNanos() + neededNanos;
    const message: LeaseMessage = {
      holder: holder(),
      owner: owner(),
      ownerCapNanos: row.ownerCapNanos,
      round: row.round + 1,
      settledNanos: row.drawnNanos - untoldNanos,
      neededNanos: inUse,
      wantedNanos: inUse + spareNanos,
      events: told.map(({ seq, event }) => ({ ...event, seq })),
    };
    // Returned money is given up here first: the account may lend it to others before the answer comes.
    transaction(() => {
      const grantedNanos = Math.min(row.grantedNanos, message.wantedNanos);
      db.update(lease).set({ round: message.round, grantedNanos }).run();
    });
    return {
      message,
      lastSeq: told.at(-1)?.seq ?? 0,
      isAll: waiting.length === told.length,
    };
  }
}
