/** The account's calls on holders of a lease: sessions, and the purses of regions. Amounts are decided in money.ts. */
import type { Erased } from "../../contract/index.ts";
import type { Env } from "../../env.ts";
import type { Result } from "../../rpc.ts";
import { sessionStub } from "../../session-address.ts";
import type { LeaseMessage } from "../purse/purse.ts";
import type { Books } from "./books.ts";
import { lenders } from "./money.ts";
import { newestSessions } from "./sessions.ts";

/** The account's calls on a holder of a lease. */
export interface Lender {
  /** Gives back what is not reserved, and reports. */
  giveBackLease(): Promise<void>;
  /** Reports metered events that were not reported yet. */
  reportUsage(): Promise<void>;
}

/** The account's further calls on a session that it erases. */
interface Session extends Lender {
  erase(caller: { tenantId: string; owner: null }): Promise<Result<Erased>>;
}

/**
 * `atOnce`: holders asked at the same time, and the most of one kind while a call waits. `askedMax`: the most where no
 * call waits.
 */
const atOnce = 64;
const askedMax = 512;
/** After holders gave back too little, none is asked again for this long. */
const shortMs = 1_000;

/** Sends the account's requests to many holders. */
export class Holders {
  readonly #books: Books;
  readonly #asking = new Map<string, Promise<void>>();
  readonly #shortUntil = new Map<string, number>();

  constructor(books: Books) {
    this.#books = books;
  }

  /** Asks those with the most money to report metered events. */
  async report(): Promise<void> {
    await this.#ask((holder) => holder.reportUsage(), lenders(this.#books, askedMax));
  }

  /** Asks those with the most to give back what they have not reserved. */
  async giveBack(): Promise<void> {
    await this.#ask(giveBack, lenders(this.#books, askedMax));
  }

  /** As `giveBack`; the newest sessions also learn that there is a cap from now on. */
  async tellOfCap(): Promise<void> {
    const known = [...lenders(this.#books, askedMax), ...newestSessions(this.#books, askedMax)];
    await this.#ask(giveBack, [...new Set(known)]);
  }

  /**
   * As `giveBack`, for a holder that is short; returns whether any was asked. Other short holders meanwhile wait for
   * the same answers. If these brought too little, none is asked again at once: at its cap a tenant's calls must not
   * each wake its sessions.
   */
  async giveBackFor(message: LeaseMessage): Promise<boolean> {
    const whom = shortOf(message);
    if ((this.#shortUntil.get(whom) ?? 0) > this.#books.now()) return false;
    const asking =
      this.#asking.get(whom) ??
      (async () => {
        // The owner's own cap may be the tighter one, so its other holders come first.
        if (whom !== "") await this.#ask(giveBack, lenders(this.#books, atOnce, whom));
        await this.#ask(giveBack, lenders(this.#books, atOnce));
      })().finally(() => this.#asking.delete(whom));
    this.#asking.set(whom, asking);
    await asking;
    return true;
  }

  noteShort(message: LeaseMessage): void {
    if (this.#shortUntil.size > 1_000) this.#shortUntil.clear();
    this.#shortUntil.set(shortOf(message), this.#books.now() + shortMs);
  }

  async #ask(ask: (holder: Lender) => Promise<void>, holders: string[]): Promise<void> {
    for (let i = 0; i < holders.length; i += atOnce) {
      const some = holders.slice(i, i + atOnce);
      await Promise.allSettled(some.map((holder) => ask(lenderOf(this.#books, holder))));
    }
  }
}

const giveBack = (holder: Lender) => holder.giveBackLease();

/** The cap that a message may be short of: its owner's, or the tenant's. */
function shortOf({ owner, ownerCapNanos }: LeaseMessage): string {
  return ownerCapNanos === null ? "" : (owner ?? "");
}

function lenderOf({ env, tenantId }: Books, holder: string): Lender {
  if (holder.startsWith("ses_")) return sessionOf(env, holder);
  return env.REGIONS.getByName(`${tenantId}/${holder}`) as unknown as Lender;
}

export function sessionOf(env: Env, id: string): Session {
  return sessionStub(env, id) as unknown as Session;
}
