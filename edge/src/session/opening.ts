/**
 * The opening of a session: noted in its own object, then entered at the tenant's account, then stored.
 *
 * The note stays through any interruption, and the object's alarm takes back what the account has. Nothing is kept or
 * reserved for a session that nobody knows.
 */
import { accountOf } from "../accounts/account.ts";
import type { FirstLease } from "../accounts/purse/purse.ts";
import { untilTaken } from "../accounts/region-calls.ts";
import type { Env } from "../env.ts";
import { unwrap } from "../rpc.ts";
import type { NewSession } from "./context.ts";
import type { Snapshot } from "./store/snapshot.ts";
import { mergeLexicons } from "./store/words.ts";

/** The requested settings of a session; the tenant's settings for all sessions come from the account. */
export type SessionWish = Omit<NewSession, "arm" | "rollBackAfter"> & {
  mayBeHeldOut: boolean;
  ownerCapNanos: number | null;
  /** The tenant's limits, from the Worker's configuration. */
  limits: { sessionsMax: number; adapterBytesMax: number };
};

/** What a fork starts from: another session's past and its adapters. */
export interface Origin {
  sessionId: string;
  snapshot: Snapshot;
}

interface Note {
  id: string;
  tenantId: string;
}

/** The key of the note among the object's values. */
const noteKey = "opening";
/** An opening may take this long before the alarm checks it. */
const checkMs = 10_000;
/** Without adaptation no wording makes a request stand alone, so the model sees the dialogue. */
const unadapted = { mode: "off", context: "dialogue" } as const;

export class Opening {
  readonly #storage: DurableObjectStorage;
  readonly #env: Env;
  readonly #spareNanos: number;
  #underWay: Promise<void> | null = null;
  #takingBack: Promise<void> | null = null;

  /** `spareNanos` is the money that a session would like to be lent at first. */
  constructor(storage: DurableObjectStorage, env: Env, spareNanos: number) {
    this.#storage = storage;
    this.#env = env;
    this.#spareNanos = spareNanos;
  }

  /**
   * Enters the session at the account, then stores it by `make`; a failure leaves nothing of either. A second call
   * meanwhile waits for the first.
   *
   * @throws RosaError `conflict` if the tenant may open no more, or is being erased.
   */
  open(
    wish: SessionWish,
    origin: Origin | null,
    make: (session: NewSession, lease: FirstLease) => Promise<void>,
  ): Promise<void> {
    this.#underWay ??= this.#open(wish, origin, make).finally(() => {
      this.#underWay = null;
    });
    return this.#underWay;
  }

  async #open(
    wish: SessionWish,
    origin: Origin | null,
    make: (session: NewSession, lease: FirstLease) => Promise<void>,
  ): Promise<void> {
    await this.#takeBackWhatIsLeft();
    const note: Note = { id: wish.id, tenantId: wish.tenantId };
    try {
      this.#storage.kv.put(noteKey, note);
      await this.#ringLater();
      const { session, lease } = await this.#enter(wish, origin);
      await make(session, lease);
    } catch (error) {
      // If the account cannot be reached, the alarm continues.
      await this.#takeBack(note).catch(() => {});
      throw error;
    }
  }

  /** Part of the transaction that stores the session. */
  finish(): void {
    this.#storage.kv.delete(noteKey);
  }

  /** Takes back an unfinished opening; called by the alarm of an object without a session. */
  async check(): Promise<void> {
    if (this.#underWay !== null) return await this.#ringLater();
    await this.#takeBackWhatIsLeft().catch(() => this.#ringLater());
  }

  /** Takes back an opening whose object ended. Only one call does it; others wait for it. */
  #takeBackWhatIsLeft(): Promise<void> {
    const note = this.#storage.kv.get<Note>(noteKey);
    if (note !== undefined) {
      this.#takingBack ??= this.#takeBack(note).finally(() => {
        this.#takingBack = null;
      });
    }
    return this.#takingBack ?? Promise.resolve();
  }

  async #enter(
    { mayBeHeldOut, ownerCapNanos, limits, ...wish }: SessionWish,
    origin: Origin | null,
  ): Promise<{ session: NewSession; lease: FirstLease }> {
    const { id, tenantId, owner, title, metadata, mode } = wish;
    const { sessionsMax, adapterBytesMax } = limits;
    const row = { id, owner, title, metadata, mode, createdAt: Date.now() };
    const wanted = { spareNanos: this.#spareNanos, ownerCapNanos, mayBeHeldOut };
    const account = () => accountOf(this.#env, tenantId);
    const opened = await unwrap(account().openSession(tenantId, row, sessionsMax, wanted));
    if (origin !== null) {
      const { sessionId, snapshot } = origin;
      const digests = snapshot.generations.map(({ digest }) => digest);
      await unwrap(account().shareAdapters(tenantId, sessionId, id, digests, adapterBytesMax));
    }
    const { arm, rollBackAfter, lease } = opened;
    const lexicon = mergeLexicons(wish.lexicon, opened.lexicon);
    const adaptation = arm === "held_out" ? unadapted : {};
    return { session: { ...wish, ...adaptation, lexicon, arm, rollBackAfter }, lease };
  }

  async #takeBack({ id, tenantId }: Note): Promise<void> {
    await untilTaken(() => accountOf(this.#env, tenantId).dropSession(tenantId, id));
    await this.#storage.deleteAlarm();
    await this.#storage.deleteAll();
  }

  async #ringLater(): Promise<void> {
    await this.#storage.setAlarm(Date.now() + checkMs);
  }
}
