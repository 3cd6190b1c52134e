/**
 * A holder's own money: a lease from the account, drawn on locally, so that a call waits for nobody.
 *
 * The account promises `cap - spent - leased >= 0`; the purse promises never to set aside more than its lease
 * leaves. Together the cap holds exactly, whatever crashes between them. It knows the account by one call.
 *
 * Where the account said last that there is no cap, no call waits: a lease that is missing is asked for behind the call.
 * A first cap so reaches a holder that rests at its next call, which it lets pass.
 */
import { RosaError } from "@rosa2/shared/errors";
import { asc, count, eq, lte, sum } from "drizzle-orm";
import type { DrizzleSqliteDODatabase } from "drizzle-orm/durable-sqlite";
import type { UsageEvent } from "../usage.ts";
import { holds, lease, metered } from "./schema.ts";
import { type Statements, statementsOf } from "./statements.ts";

/** A lease that ends so soon is no longer drawn on: clocks differ. */
const marginMs = 60_000;
/** Events of one message. */
const eventsPerMessage = 500;
/** So many events are worth a message of their own. */
const eventsWaitingMax = 50;

/** A metered event under its holder's own number; numbers only count up. */
export type NumberedEvent = UsageEvent & { seq: number };

/** What a holder tells the account, and what it asks for; `round` counts a holder's messages. */
export interface LeaseMessage {
  holder: string;
  /** Whose money it is among the tenant's users, and what that owner may cost in a month; null: no matter. */
  owner: string | null;
  ownerCapNanos: number | null;
  round: number;
  /** Cost of the holder's events with this message and all before it. */
  settledNanos: number;
  /** The grant that the holder cannot do without now, and the one that it would like; all of them count up. */
  neededNanos: number;
  wantedNanos: number;
  events: NumberedEvent[];
}

export interface LeaseAnswer {
  grantedNanos: number;
  expiresAt: number;
  /** Whether a cap, the tenant's or the owner's, bounds what the holder spends. */
  isCapped: boolean;
  /** What the tenant's sessions hold in adapter files. */
  adapterBytes: number;
  /** Whether somebody waits to be told of updates. */
  hasWebhooks: boolean;
}

/** The lease that a session is born with. */
export interface FirstLease extends LeaseAnswer {
  ownerCapNanos: number | null;
}

export interface PurseOptions {
  db: DrizzleSqliteDODatabase;
  holder(): string;
  owner(): string | null;
  send(message: LeaseMessage): Promise<LeaseAnswer>;
  /** What the lease should leave beyond what is set aside: some calls' worth. */
  spareNanos: number;
  now(): number;
  transaction(work: () => void): void;
  /** What else the account says with a lease. */
  hear?(answer: LeaseAnswer): void;
  /** Asks for `report()` at once, or some time after the first that there is to report. */
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

  /** The lease that a holder is born with, so that its first call waits for nobody either. */
  adopt(first: FirstLease): void {
    const { grantedNanos, expiresAt, isCapped, ownerCapNanos } = first;
    this.#options.hear?.(first);
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

  /** Whether a cap bounds what is spent, as was known at the last call. */
  get isCapped(): boolean {
    return this.#isCapped;
  }

  /** What the owner may cost in a month from now on; null: no cap of its own. */
  setOwnerCap(ownerCapNanos: number | null): void {
    if (this.#ownerCapNanos === ownerCapNanos) return;
    const { db, transaction } = this.#options;
    const row = this.#lease();
    if (row.ownerCapNanos !== ownerCapNanos) {
      transaction(() => {
        // What was lent under another cap is given up: the account lends anew.
        const grantedNanos = Math.min(row.grantedNanos, row.drawnNanos + this.#heldNanos());
        db.update(lease).set({ ownerCapNanos, grantedNanos, isCapped: true }).run();
      });
    }
    this.#ownerCapNanos = ownerCapNanos;
  }

  /**
   * Sets money aside for an event; once more for the same event makes sure that it still is. Waits for the
   * account only when the lease leaves too little.
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

  /**
   * Puts a metered event on its way and frees what was set aside for it; part of the caller's transaction. Told
   * `again`, an event for which nothing is set aside any more was taken before.
   */
  settle(event: UsageEvent, again = false): void {
    if (again && !this.#isHeld(event.eventId)) return;
    const { free, meter, draw: drawOn } = this.#statements;
    free.run({ eventId: event.eventId });
    const owner = event.owner ?? this.#options.owner();
    meter.run({ event: { ...event, owner } });
    const draw = () => drawOn.get({ costNanos: event.costNanos });
    let drawn = draw();
    if (drawn === undefined) {
      this.#lease();
      drawn = draw();
    }
    this.#options.remind((drawn?.waiting ?? 0) >= eventsWaitingMax);
  }

  /** Frees what was set aside for an event that came to nothing. */
  release(eventId: string): void {
    this.#statements.free.run({ eventId });
    this.#options.remind(false);
  }

  /** The work that money is set aside for goes on. */
  keep(eventId: string): void {
    const { db, now } = this.#options;
    db.update(holds).set({ at: now() }).where(eq(holds.eventId, eventId)).run();
  }

  /** Frees what was set aside for work that has not gone on since a time. */
  releaseOlderThan(at: number): void {
    this.#options.db.delete(holds).where(lte(holds.at, at)).run();
  }

  /**
   * Delivers what was metered. Whoever has set nothing aside for a while gives back what it does not need.
   */
  async report(restMs: number): Promise<void> {
    await this.#inTurn(() => this.#talk(0, this.#rests(restMs) ? 0 : this.#options.spareNanos));
  }

  /** Whether there is nothing to report: everything is delivered, nothing set aside, the rest given back. */
  isQuiet(restMs: number): boolean {
    const { db } = this.#options;
    const { grantedNanos, drawnNanos } = this.#lease();
    const waiting = db.select({ n: count() }).from(metered).get()?.n ?? 0;
    return this.#rests(restMs) && waiting === 0 && grantedNanos <= drawnNanos;
  }

  #rests(restMs: number): boolean {
    return this.#usedAt + restMs <= this.#options.now();
  }

  /** Gives back at once what is not set aside. One that is talking to the account already is not waited for. */
  async giveBack(): Promise<void> {
    if (this.#isTalking) return;
    await this.#inTurn(() => this.#talk(0, 0));
  }

  /** Delivers everything, the last message by `send`, with which the holder ends. Repeating is fine. */
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
    const row = this.#options.db.select().from(lease).get();
    if (row !== undefined) return row;
    this.#ownerCapNanos = undefined;
    const fresh = { id: 1, round: 0, grantedNanos: 0, drawnNanos: 0, expiresAt: 0, isCapped: true };
    return this.#options.db.insert(lease).values(fresh).returning().get();
  }

  /** The lease with what is set aside of it, and whether some is for this event: what every call asks, in one statement. */
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

  /** Sets aside if the lease lasts and leaves enough; what is set aside already needs only that it lasts. */
  #hold(eventId: string, amountNanos: number): boolean {
    const { now } = this.#options;
    const { grantedNanos, drawnNanos, expiresAt, isCapped, heldNanos, isHeld } =
      this.#leaseFor(eventId);
    this.#isCapped = isCapped;
    const left = grantedNanos - drawnNanos - heldNanos;
    const lasts = expiresAt - marginMs > now() && left >= (isHeld === 1 ? 0 : amountNanos);
    if (isCapped && !lasts) return false;
    if (isHeld === 1) this.keep(eventId);
    else this.#statements.hold.run({ eventId, amountNanos, at: now() });
    this.#options.remind(!lasts);
    return true;
  }

  /** One message after the other, so that each knows what the one before was answered. */
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

  /** Delivers all events and asks for a lease that leaves so much beyond what is set aside. */
  async #talk(neededNanos: number, spareNanos: number): Promise<void> {
    for (;;) {
      const { message, lastSeq, isAll } = this.#compose(neededNanos, spareNanos);
      const answer = await this.#options.send(message);
      this.#options.hear?.(answer);
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
    // What is given back is given up here first: the account may lend it to others before the answer comes.
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
