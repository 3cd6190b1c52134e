/**
 * The Durable Object of one tenant's account: the only writer of its money, usage, session index, file references and
 * saved answers. One tenant is one shard.
 *
 * This file holds the object's calls; each part has a file of its own. No token waits for it: sessions and regions hold
 * leases (../purse) and report after the answer.
 */
import { DurableObject } from "cloudflare:workers";
import { type DrizzleSqliteDODatabase, drizzle } from "drizzle-orm/durable-sqlite";
import { migrate } from "drizzle-orm/durable-sqlite/migrator";
import migrations from "../../../../migrations/account/migrations.js";
import { configOf } from "../../config.ts";
import type { BudgetBody, ErasureBody, SessionSummary, UsageReport } from "../../contract/index.ts";
import type { OwnLexicon } from "../../contract/lexicon.ts";
import type { Arm } from "../../contract/sets.ts";
import type { Env } from "../../env.ts";
import { logFailure } from "../../failure.ts";
import { type Result, settle } from "../../rpc.ts";
import type { FirstLease, LeaseAnswer, LeaseMessage } from "../purse/purse.ts";
import type { Owed } from "../region-calls.ts";
import { dropFile, eraseAdapters, holdAdapter, shareAdapters } from "./adapters.ts";
import {
  type Claim,
  type ClaimingCall,
  claimAnswer,
  dropClaim,
  forgetAnswers,
  keepAlive,
  payOwed,
  type SavedAnswer,
  saveAnswer,
} from "./answers.ts";
import { archiveDueAt, archiveSome } from "./archive.ts";
import { accountRow, type Books, setAccount } from "./books.ts";
import { againMs, eraseSome, startErasure } from "./erasure.ts";
import { Holders, sessionOf } from "./holders.ts";
import { adaptationSettings, armAt, holdoutPoint, setAdaptation } from "./holdout.ts";
import { record } from "./ledger.ts";
import { nextMessageAt, postMessages } from "./messages.ts";
import { endLease, grant, isRefused, readBudget, setCap, tellNearBudget } from "./money.ts";
import { reportUsage, type UsageQuery } from "./report.ts";
import type { AdaptationSettings } from "./schema.ts";
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
import { nextReportAt, reportToStripe, StripeCustomer } from "./stripe.ts";
import { hasWebhooks, webhookCalls } from "./webhooks.ts";

/** The settings that a new session begins with. */
interface OpenedSession {
  lexicon: OwnLexicon;
  arm: Arm | null;
  rollBackAfter: number | null;
  lease: FirstLease;
}

type WebhookCalls = typeof webhookCalls;
type WebhookArguments<Name extends keyof WebhookCalls> =
  Parameters<WebhookCalls[Name]> extends [Books, ...infer Rest] ? Rest : never;

export class AccountObject extends DurableObject<Env> {
  readonly #books: Books;
  readonly #customer = new StripeCustomer();
  #tenantId: string | null = null;
  readonly #holders: Holders;

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
    this.#holders = new Holders(this.#books);
    ctx.blockConcurrencyWhile(async () => {
      await migrate(db, migrations);
      const [row] = ctx.storage.sql.exec<{ id: string }>("SELECT tenant_id AS id FROM account");
      this.#tenantId = row?.id ?? null;
    });
  }

  /** Enters a new session in the index, and grants its first lease. */
  async openSession(
    tenantId: string,
    row: NewIndexRow,
    sessionsMax: number,
    wanted: { spareNanos: number; ownerCapNanos: number | null; mayBeHeldOut: boolean },
  ): Promise<Result<OpenedSession>> {
    const point = await holdoutPoint(row.owner ?? row.id);
    return this.#answer(tenantId, (books) =>
      books.transaction(() => {
        const settings = adaptationSettings(books);
        const arm = wanted.mayBeHeldOut ? armAt(point, settings) : null;
        const mode = arm === "held_out" ? "off" : row.mode;
        const lexicon = addSession(books, { ...row, mode }, sessionsMax);
        const { grantedNanos, expiresAt } = grant(books, {
          holder: row.id,
          owner: row.owner,
          ownerCapNanos: wanted.ownerCapNanos,
          round: 1,
          settledNanos: 0,
          neededNanos: 0,
          wantedNanos: wanted.spareNanos,
        });
        const { ownerCapNanos } = wanted;
        const lease = {
          ...{ grantedNanos, expiresAt, ownerCapNanos },
          ...toldWithLease(books, ownerCapNanos),
        };
        return { lexicon, arm, rollBackAfter: settings.rollBackAfter, lease };
      }),
    );
  }

  /** Takes a holder's events, and answers its request for a lease. */
  async exchange(
    tenantId: string,
    message: LeaseMessage,
    session?: IndexUpdate,
  ): Promise<LeaseAnswer> {
    this.#own(tenantId);
    const books = this.#books;
    const customer = await this.#customer.of(
      books,
      message.events.some((one) => one.costNanos > 0),
    );
    const take = () =>
      books.transaction(() => {
        // Events first: their cost leaves the lease before it is measured.
        record(books, message, customer);
        if (session !== undefined) updateSession(books, session);
        if (message.events.length > 0) tellNearBudget(books);
        return grant(books, message);
      });
    let answer = take();
    if (isRefused(message, answer) && (await this.#holders.giveBackFor(message))) {
      answer = books.transaction(() => grant(books, { ...message, round: message.round + 0.5 }));
      if (isRefused(message, answer)) this.#holders.noteShort(message);
    }
    await this.#arm();
    const { grantedNanos, expiresAt } = answer;
    return { grantedNanos, expiresAt, ...toldWithLease(books, message.ownerCapNanos) };
  }

  /**
   * Takes a session's last message: its events and outcome are counted, and its row, files and lease are deleted.
   * Returns the number of files.
   */
  async closeSession(
    tenantId: string,
    message: LeaseMessage,
    session: IndexUpdate,
  ): Promise<number> {
    await this.exchange(tenantId, message, session);
    return await this.dropSession(tenantId, message.holder);
  }

  /** Deletes a session's row, files and lease. Returns the number of files. */
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

  /** Totals of reported usage. Holders with money are asked to report first. */
  async usage(tenantId: string, query: UsageQuery): Promise<UsageReport> {
    this.#own(tenantId);
    await this.#holders.report();
    return await reportUsage(this.#books, query);
  }

  /** The budget. Money that holders have not reserved for running calls is given back first. */
  async budget(tenantId: string): Promise<BudgetBody> {
    this.#own(tenantId);
    await this.#holders.giveBack();
    return readBudget(this.#books);
  }

  /** Sets or lifts the cap. Unreserved money is given back first, so that the cap holds at once. */
  async setCap(tenantId: string, capUsd: number | null): Promise<BudgetBody> {
    this.#own(tenantId);
    const isFirst = capUsd !== null && accountRow(this.#books).capNanos === null;
    this.#books.transaction(() => {
      setCap(this.#books, capUsd);
      tellNearBudget(this.#books);
    });
    await this.#arm();
    await (isFirst ? this.#holders.tellOfCap() : this.#holders.giveBack());
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

  /** For new sessions; open ones keep theirs. */
  async setLexicon(tenantId: string, lexicon: OwnLexicon): Promise<void> {
    this.#own(tenantId);
    setAccount(this.#books, { lexicon });
  }

  async adaptation(tenantId: string): Promise<AdaptationSettings> {
    this.#own(tenantId);
    return adaptationSettings(this.#books);
  }

  /** For new sessions; open ones continue as they began. */
  async setAdaptation(
    tenantId: string,
    wanted: Omit<AdaptationSettings, "holdoutSince">,
  ): Promise<AdaptationSettings> {
    this.#own(tenantId);
    return setAdaptation(this.#books, wanted);
  }

  /** The calls on the tenant's webhooks, by name (webhooks.ts). */
  async webhooks<Name extends keyof WebhookCalls>(
    tenantId: string,
    name: Name,
    ...rest: WebhookArguments<Name>
  ): Promise<Result<ReturnType<WebhookCalls[Name]>>> {
    const call = webhookCalls[name] as (...all: unknown[]) => ReturnType<WebhookCalls[Name]>;
    const answer = await this.#answer(tenantId, (books) => call(books, ...rest));
    await this.#arm();
    return answer;
  }

  claimAnswer(tenantId: string, call: ClaimingCall): Promise<Result<Claim>> {
    return this.#answer(tenantId, (books) => claimAnswer(books, call));
  }

  async keepAlive(key: string, token: string): Promise<boolean> {
    return keepAlive(this.#books, key, token);
  }

  async saveAnswer(
    call: { key: string; token: string },
    answer: SavedAnswer,
    sessionId: string | null,
    owed: Owed | null,
  ): Promise<void> {
    saveAnswer(this.#books, call, answer, sessionId, owed);
    if (owed === null) return;
    // If this object ends before the purse has the event, the alarm continues.
    await this.#arm(Date.now() + againMs);
    this.ctx.waitUntil(payOwed(this.#books).catch(() => {}));
  }

  async dropClaim(key: string, token: string): Promise<void> {
    dropClaim(this.#books, key, token);
  }

  /** Deletes all saved answers. The account asks its shards for this when everything is erased. */
  async forgetAnswers(): Promise<void> {
    await payOwed(this.#books);
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
      const posted = postMessages(this.#books);
      if (stripe !== null) await reportToStripe(this.#books, stripe);
      await posted;
      await payOwed(this.#books);
      const pauseMs = await eraseSome(this.#books, {
        session: (id) =>
          sessionOf(this.env, id).erase({ tenantId: this.#books.tenantId, owner: null }),
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

  /** Sets the alarm for the next due work, unless it rings earlier anyway. */
  async #arm(againAt: number | null = null): Promise<void> {
    const books = this.#books;
    const dueAt = [againAt, nextReportAt(books), nextMessageAt(books), archiveDueAt(books)];
    const times = dueAt.filter((at) => at !== null);
    if (times.length === 0) return;
    const at = Math.max(Date.now(), Math.min(...times));
    const set = await this.ctx.storage.getAlarm();
    if (set === null || set > at) await this.ctx.storage.setAlarm(at);
  }

  async #eraseShards(): Promise<void> {
    const shards = answerShards(this.env, this.#books.tenantId);
    await Promise.all(shards.map((shard) => shard.forgetAnswers()));
  }
}

/** What every holder learns with its lease. */
function toldWithLease(
  books: Books,
  ownerCapNanos: number | null,
): Pick<LeaseAnswer, "isCapped" | "adapterBytes" | "hasWebhooks"> {
  const { capNanos, adapterBytes } = accountRow(books);
  const isCapped = capNanos !== null || ownerCapNanos !== null;
  return { isCapped, adapterBytes, hasWebhooks: hasWebhooks(books) };
}
