/**
 * The Durable Object of one tenant's account: the only writer of its money, usage, session index, file
 * references and saved answers. A tenant is the shard.
 *
 * This file is the object's surface; each part has a file of its own. Nothing here is waited for before a
 * token: sessions and regions hold leases (../purse) and report behind the answer.
 */
import { DurableObject } from "cloudflare:workers";
import { type DrizzleSqliteDODatabase, drizzle } from "drizzle-orm/durable-sqlite";
import { migrate } from "drizzle-orm/durable-sqlite/migrator";
import migrations from "../../../../migrations/account/migrations.js";
import { configOf } from "../../config.ts";
import type {
  BudgetBody,
  Erased,
  ErasureBody,
  SessionSummary,
  UsageReport,
} from "../../contract/index.ts";
import type { OwnLexicon } from "../../contract/lexicon.ts";
import type { Env } from "../../env.ts";
import { logFailure } from "../../failure.ts";
import { type Result, settle } from "../../rpc.ts";
import { sessionStub } from "../../session-address.ts";
import type { FirstLease, LeaseAnswer, LeaseMessage } from "../purse/purse.ts";
import { dropFile, eraseAdapters, holdAdapter, shareAdapters } from "./adapters.ts";
import {
  type Claim,
  claimAnswer,
  dropClaim,
  forgetAnswers,
  keepAlive,
  type SavedAnswer,
  saveAnswer,
} from "./answers.ts";
import { archiveDueAt, archiveSome } from "./archive.ts";
import { accountRow, type Books, setAccount } from "./books.ts";
import { againMs, eraseSome, startErasure } from "./erasure.ts";
import { record } from "./ledger.ts";
import { endLease, grant, isRefused, lenders, readBudget, setCap } from "./money.ts";
import { reportUsage, type UsageQuery } from "./report.ts";
import {
  addSession,
  type IndexUpdate,
  listSessions,
  type NewIndexRow,
  removeFromIndex,
  type SessionPage,
  updateSession,
} from "./sessions.ts";
import { answerShards } from "./shards.ts";
import { nextReportAt, reportToStripe } from "./stripe.ts";

/** The calls that the account makes on whoever holds a lease. */
interface Lender {
  /** Gives back what is not set aside, and reports. */
  giveBackLease(): Promise<void>;
  /** Reports what was metered and not told yet. */
  reportUsage(): Promise<void>;
}

/** And on a session that it erases, for the tenant itself. */
interface Session extends Lender {
  erase(caller: { tenantId: string; owner: null }): Promise<Result<Erased>>;
}

/** Holders that are asked at once to give back, and altogether: while a call waits, and where it is to hold of all. */
const askedAtOnce = 64;
const askedMax = 512;
const customerMs = 60_000;

/** So long nobody is asked again to give back, after that brought too little. */
const shortMs = 1_000;

/** Whose cap a message may be short of: its owner's, or the tenant's. */
const shortOf = ({ owner, ownerCapNanos }: LeaseMessage) =>
  ownerCapNanos === null ? "" : (owner ?? "");
const giveBack = (holder: Lender) => holder.giveBackLease();

export class AccountObject extends DurableObject<Env> {
  readonly #books: Books;
  #tenantId: string | null = null;
  #customer: { id: string | null; until: number } | null = null;
  readonly #asking = new Map<string, Promise<void>>();
  readonly #shortUntil = new Map<string, number>();

  constructor(ctx: DurableObjectState, env: Env) {
    super(ctx, env);
    const db: DrizzleSqliteDODatabase = drizzle(ctx.storage, { logger: false });
    const tenantId = () => {
      if (this.#tenantId === null) throw new Error("The account object was not told whose it is");
      return this.#tenantId;
    };
    this.#books = {
      get tenantId() {
        return tenantId();
      },
      env,
      config: configOf(env),
      db,
      now: () => Date.now(),
      storedBytes: () => ctx.storage.sql.databaseSize,
      transaction: (work) => ctx.storage.transactionSync(work),
    };
    ctx.blockConcurrencyWhile(async () => {
      await migrate(db, migrations);
      const [row] = ctx.storage.sql.exec<{ id: string }>("SELECT tenant_id AS id FROM account");
      this.#tenantId = row?.id ?? null;
    });
  }

  /** A new session in the index, and the lease that it starts with. */
  openSession(
    tenantId: string,
    row: NewIndexRow,
    sessionsMax: number,
    wanted: { spareNanos: number; ownerCapNanos: number | null },
  ): Promise<Result<{ lexicon: OwnLexicon; lease: FirstLease }>> {
    return this.#answer(tenantId, (books) =>
      books.transaction(() => {
        const lexicon = addSession(books, row, sessionsMax);
        const { grantedNanos, expiresAt } = grant(books, {
          holder: row.id,
          owner: row.owner,
          ownerCapNanos: wanted.ownerCapNanos,
          round: 1,
          settledNanos: 0,
          neededNanos: 0,
          wantedNanos: wanted.spareNanos,
        });
        const { adapterBytes } = accountRow(books);
        const { ownerCapNanos } = wanted;
        return { lexicon, lease: { grantedNanos, expiresAt, adapterBytes, ownerCapNanos } };
      }),
    );
  }

  /** A holder's events, and the lease that it asks for. */
  async exchange(
    tenantId: string,
    message: LeaseMessage,
    session?: IndexUpdate,
  ): Promise<LeaseAnswer> {
    this.#own(tenantId);
    const books = this.#books;
    const customer = await this.#stripeCustomer(message.events.some((one) => one.costNanos > 0));
    const take = () =>
      books.transaction(() => {
        // The events first: their cost leaves the lease before it is measured.
        record(books, message, customer);
        if (session !== undefined) updateSession(books, session);
        return grant(books, message);
      });
    let answer = take();
    if (isRefused(message, answer) && (await this.#askBackFor(message))) {
      answer = books.transaction(() => grant(books, { ...message, round: message.round + 0.5 }));
      if (isRefused(message, answer)) this.#noteShort(message);
    }
    await this.#arm();
    const { grantedNanos, expiresAt } = answer;
    return { grantedNanos, expiresAt, adapterBytes: accountRow(books).adapterBytes };
  }

  /** A session's last message: its events count, and its row, files and lease go. How many files went. */
  async closeSession(tenantId: string, message: LeaseMessage): Promise<number> {
    await this.exchange(tenantId, message);
    return await this.dropSession(tenantId, message.holder);
  }

  /** Takes away what the account keeps of a session: its row, files and lease. How many files went. */
  async dropSession(tenantId: string, sessionId: string): Promise<number> {
    this.#own(tenantId);
    const erased = await eraseAdapters(this.#books, sessionId);
    this.#books.transaction(() => {
      removeFromIndex(this.#books, sessionId);
      endLease(this.#books, sessionId);
    });
    return erased;
  }

  listSessions(
    tenantId: string,
    page: SessionPage,
  ): Promise<Result<{ data: SessionSummary[]; next_cursor: string | null }>> {
    return this.#answer(tenantId, (books) => listSessions(books, page));
  }

  holdAdapter(
    tenantId: string,
    ref: { sessionId: string; digest: string; bytes: number },
    bytesMax: number,
  ): Promise<Result<"held" | "again" | "wait">> {
    return this.#answer(tenantId, (books) => holdAdapter(books, ref, bytesMax));
  }

  async dropFile(tenantId: string, digest: string): Promise<void> {
    this.#own(tenantId);
    await dropFile(this.#books, digest);
  }

  shareAdapters(
    tenantId: string,
    from: string,
    to: string,
    digests: readonly string[],
    bytesMax: number,
  ): Promise<Result<void>> {
    return this.#answer(tenantId, (books) => shareAdapters(books, from, to, digests, bytesMax));
  }

  /** Totals of what holders have reported by now: those with money are asked to report first. */
  async usage(tenantId: string, query: UsageQuery): Promise<UsageReport> {
    this.#own(tenantId);
    await this.#askHolders((holder) => holder.reportUsage(), { max: askedMax });
    return await reportUsage(this.#books, query);
  }

  /** What is reserved is what holders have set aside for calls that run: the rest is given back first. */
  async budget(tenantId: string): Promise<BudgetBody> {
    this.#own(tenantId);
    await this.#askHolders(giveBack, { max: askedMax });
    return readBudget(this.#books);
  }

  /** Sets or lifts the cap. What holders have not set aside comes back first, so that it holds at once. */
  async setCap(tenantId: string, capUsd: number | null): Promise<BudgetBody> {
    this.#own(tenantId);
    setCap(this.#books, capUsd);
    await this.#askHolders(giveBack, { max: askedMax });
    return readBudget(this.#books);
  }

  async describe(
    tenantId: string,
  ): Promise<{ sessions: number; adapterBytes: number; erasure: ErasureBody | null }> {
    this.#own(tenantId);
    const { sessionCount, adapterBytes, erasure } = accountRow(this.#books);
    return { sessions: sessionCount, adapterBytes, erasure };
  }

  async lexicon(tenantId: string): Promise<OwnLexicon> {
    this.#own(tenantId);
    return accountRow(this.#books).lexicon ?? [];
  }

  /** New sessions start with these; those that are open keep what they have. */
  async setLexicon(tenantId: string, lexicon: OwnLexicon): Promise<void> {
    this.#own(tenantId);
    setAccount(this.#books, { lexicon });
  }

  claimAnswer(
    tenantId: string,
    call: { key: string; fingerprint: string; token: string },
  ): Promise<Result<Claim>> {
    return this.#answer(tenantId, (books) => claimAnswer(books, call));
  }

  async keepAlive(key: string, token: string): Promise<boolean> {
    return keepAlive(this.#books, key, token);
  }

  async saveAnswer(
    call: { key: string; token: string },
    answer: SavedAnswer,
    sessionId: string | null,
  ): Promise<void> {
    saveAnswer(this.#books, call, answer, sessionId);
  }

  async dropClaim(key: string, token: string): Promise<void> {
    dropClaim(this.#books, key, token);
  }

  /** Forgets all saved answers: the account asks its shards when everything is erased. */
  async forgetAnswers(): Promise<void> {
    forgetAnswers(this.#books, undefined);
  }

  /** Begins to erase everything; `keys` were revoked already. */
  async erase(tenantId: string, keys: number): Promise<ErasureBody> {
    this.#own(tenantId);
    const erasure = startErasure(this.#books, keys);
    await this.ctx.storage.setAlarm(Date.now());
    return erasure;
  }

  override async alarm(): Promise<void> {
    if (this.#tenantId === null) return;
    const { stripe } = this.#books.config;
    let againAt: number | null = null;
    try {
      if (stripe !== null) await reportToStripe(this.#books, stripe);
      const pauseMs = await eraseSome(this.#books, {
        session: (id) => this.#session(id).erase({ tenantId: this.#books.tenantId, owner: null }),
        answers: () => this.#eraseShards(),
      });
      if (pauseMs !== null) againAt = Date.now() + pauseMs;
      await archiveSome(this.#books);
    } catch (error) {
      logFailure("account", error);
      againAt = Date.now() + againMs;
    }
    await this.#arm(againAt);
  }

  #own(tenantId: string): void {
    if (this.#tenantId === tenantId) return;
    if (this.#tenantId !== null) throw new Error("An account object serves one tenant");
    this.#tenantId = tenantId;
    accountRow(this.#books);
  }

  #answer<T>(tenantId: string, work: (books: Books) => T): Promise<Result<T>> {
    this.#own(tenantId);
    return settle(() => work(this.#books));
  }

  /** Sets the alarm for what is due next, unless it rings earlier already. */
  async #arm(againAt: number | null = null): Promise<void> {
    const due = [againAt, nextReportAt(this.#books), archiveDueAt(this.#books)];
    const times = due.filter((at) => at !== null);
    if (times.length === 0) return;
    const at = Math.max(Date.now(), Math.min(...times));
    const set = await this.ctx.storage.getAlarm();
    if (set === null || set > at) await this.ctx.storage.setAlarm(at);
  }

  /**
   * Asks holders to give back what they have not set aside, for one that is short; whether any was asked. Who is short
   * meanwhile waits for the same answers, and where they brought too little nobody is asked again at once: at its cap
   * a tenant's calls must not each wake its sessions.
   */
  async #askBackFor(message: LeaseMessage): Promise<boolean> {
    const whom = shortOf(message);
    if ((this.#shortUntil.get(whom) ?? 0) > Date.now()) return false;
    const asking =
      this.#asking.get(whom) ??
      (async () => {
        // An owner's own cap may be the tighter one, so its other holders come first.
        if (whom !== "") await this.#askHolders(giveBack, { owner: whom });
        await this.#askHolders(giveBack);
      })().finally(() => this.#asking.delete(whom));
    this.#asking.set(whom, asking);
    await asking;
    return true;
  }

  #noteShort(message: LeaseMessage): void {
    if (this.#shortUntil.size > 1_000) this.#shortUntil.clear();
    this.#shortUntil.set(shortOf(message), Date.now() + shortMs);
  }

  async #askHolders(
    ask: (holder: Lender) => Promise<void>,
    { max = askedAtOnce, owner }: { max?: number; owner?: string } = {},
  ): Promise<void> {
    const holders = lenders(this.#books, max, owner);
    for (let i = 0; i < holders.length; i += askedAtOnce) {
      const some = holders.slice(i, i + askedAtOnce);
      await Promise.allSettled(some.map((holder) => ask(this.#lender(holder))));
    }
  }

  async #eraseShards(): Promise<void> {
    const shards = answerShards(this.env, this.#books.tenantId);
    await Promise.all(shards.map((shard) => shard.forgetAnswers()));
  }

  #lender(holder: string): Lender {
    return holder.startsWith("ses_") ? this.#session(holder) : this.#region(holder);
  }

  #region(holder: string): Lender {
    const name = `${this.#books.tenantId}/${holder}`;
    return this.env.REGIONS.getByName(name) as unknown as Lender;
  }

  #session(id: string): Session {
    const stub = sessionStub(this.env, id);
    return stub as unknown as Session;
  }

  /** Whom Stripe bills for this tenant, as the operator last said. */
  async #stripeCustomer(isWanted: boolean): Promise<string | null> {
    if (!isWanted || this.#books.config.stripe === null) return null;
    if (this.#customer === null || this.#customer.until < Date.now()) {
      const id = await this.env.DB.prepare("SELECT stripe_customer FROM tenants WHERE id = ?1")
        .bind(this.#books.tenantId)
        .first<string>("stripe_customer");
      this.#customer = { id, until: Date.now() + customerMs };
    }
    return this.#customer.id;
  }
}
