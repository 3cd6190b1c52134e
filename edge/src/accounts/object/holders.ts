/**
 * Whoever holds a lease of the account, as the account calls it: sessions, and the purses of regions. What a lease is
 * worth is money.ts's affair.
 */
import type { Erased } from "../../contract/index.ts";
import type { Env } from "../../env.ts";
import type { Result } from "../../rpc.ts";
import { sessionStub } from "../../session-address.ts";
import type { LeaseMessage } from "../purse/purse.ts";
import type { Books } from "./books.ts";
import { lenders } from "./money.ts";
import { newestSessions } from "./sessions.ts";

/** The calls that the account makes on whoever holds a lease. */
export interface Lender {
  /** Gives back what is not set aside, and reports. */
  giveBackLease(): Promise<void>;
  /** Reports what was metered and not told yet. */
  reportUsage(): Promise<void>;
}

/** And on a session that it erases, for the tenant itself. */
interface Session extends Lender {
  erase(caller: { tenantId: string; owner: null }): Promise<Result<Erased>>;
}

/** Holders that are asked at once, and altogether where no call waits for it. */
const atOnce = 64;
const askedMax = 512;
/** So long nobody is asked again to give back, after that brought too little. */
const shortMs = 1_000;

/** Asks holders for what the account wants of all of them. */
export class Holders {
  readonly #books: Books;
  readonly #asking = new Map<string, Promise<void>>();
  readonly #shortUntil = new Map<string, number>();

  constructor(books: Books) {
    this.#books = books;
  }

  /** Those with most money tell what was metered. */
  async report(): Promise<void> {
    await this.#ask((holder) => holder.reportUsage(), lenders(this.#books, askedMax));
  }

  /** Those with most to give give back what they have not set aside. */
  async giveBack(): Promise<void> {
    await this.#ask(giveBack, lenders(this.#books, askedMax));
  }

  /** The same, and the newest sessions learn that there is a cap from now on. */
  async tellOfCap(): Promise<void> {
    const known = [...lenders(this.#books, askedMax), ...newestSessions(this.#books, askedMax)];
    await this.#ask(giveBack, [...new Set(known)]);
  }

  /**
   * The same for one that is short; whether anybody was asked. Who is short meanwhile waits for the same answers, and
   * where they brought too little nobody is asked again at once: at its cap a tenant's calls must not each wake its
   * sessions.
   */
  async giveBackFor(message: LeaseMessage): Promise<boolean> {
    const whom = shortOf(message);
    if ((this.#shortUntil.get(whom) ?? 0) > this.#books.now()) return false;
    const asking =
      this.#asking.get(whom) ??
      (async () => {
        // An owner's own cap may be the tighter one, so its other holders come first.
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

/** Whose cap a message may be short of: its owner's, or the tenant's. */
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
