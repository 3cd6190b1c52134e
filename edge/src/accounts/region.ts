/**
 * The Durable Object of one tenant in one region: the purse of stateless calls made there.
 *
 * There is one a region, near its callers, so reserving money waits for no other region. An isolate holds no money:
 * what it reserved and never settled is free again after a while.
 */
import { DurableObject } from "cloudflare:workers";
import { lte, sql } from "drizzle-orm";
import { type DrizzleSqliteDODatabase, drizzle } from "drizzle-orm/durable-sqlite";
import { migrate } from "drizzle-orm/durable-sqlite/migrator";
import migrations from "../../../migrations/region/migrations.js";
import { configOf, spareNanos } from "../config.ts";
import type { Env } from "../env.ts";
import { logFailure } from "../failure.ts";
import { type Result, settle } from "../rpc.ts";
import { statement } from "../statements.ts";
import { accountOf } from "./account.ts";
import { Purse } from "./purse/purse.ts";
import type { RegionOwner } from "./region-calls.ts";
import { settled } from "./region-schema.ts";
import type { Charge } from "./spending.ts";
import type { UsageEvent } from "./usage.ts";

/** A call without a sign of life for this long has died with its isolate; its reserved money is freed. */
const aliveMs = 60_000;
const againMs = 5_000;
/** Settled events are remembered for this long: longer than an answer that owes one tries to send it. */
const settledMs = 7 * 86_400_000;

const noteSettled = statement((db) =>
  db
    .insert(settled)
    .values({ eventId: sql.placeholder("eventId"), at: sql.placeholder("at") })
    .onConflictDoNothing()
    .returning({ at: settled.at })
    .prepare(),
);

export class RegionObject extends DurableObject<Env> {
  readonly #db: DrizzleSqliteDODatabase;
  readonly #purse: Purse;
  readonly #meteringMs: number;
  #of: RegionOwner | null = null;
  /** When the alarm rings, as far as it was set or read since it last rang. */
  #ringsAt: number | null = null;

  constructor(ctx: DurableObjectState, env: Env) {
    super(ctx, env);
    const config = configOf(env);
    this.#meteringMs = config.meteringMs;
    const db = drizzle(ctx.storage, { logger: false });
    this.#db = db;
    this.#purse = new Purse({
      db,
      holder: () => this.#own().holder,
      owner: () => this.#own().owner,
      send: (message) =>
        accountOf(env, this.#own().tenantId).exchange(this.#own().tenantId, message),
      // Many callers share it.
      spareNanos: 8 * spareNanos(config),
      now: () => Date.now(),
      transaction: (work) => ctx.storage.transactionSync(work),
      remind: (soon) => this.#remind(soon ? 0 : this.#meteringMs),
    });
    ctx.blockConcurrencyWhile(async () => {
      await migrate(db, migrations);
      this.#of = (await ctx.storage.get("of")) ?? null;
    });
  }

  /** Reserves money for a call and returns whether a cap bounds it; `budget_exceeded` comes back as a value. */
  reserve(of: RegionOwner, charge: Charge, ownerCapNanos: number | null): Promise<Result<boolean>> {
    if (this.#of === null) {
      this.#of = of;
      void this.ctx.storage.put("of", of);
    }
    this.#purse.setOwnerCap(ownerCapNanos);
    return settle(async () => {
      await this.#purse.reserve(charge.eventId, charge.amountNanos);
      return this.#purse.isCapped;
    });
  }

  /**
   * Settles an event that may come again at any time, even long after its money was freed: it counts once. Returns
   * whether a cap bounds what is spent.
   */
  async settleOnce(event: UsageEvent): Promise<boolean> {
    this.ctx.storage.transactionSync(() => {
      const row = { eventId: event.eventId, at: Date.now() };
      if (noteSettled(this.#db).get(row) !== undefined) this.#purse.settle(event);
    });
    return this.#purse.isCapped;
  }

  async release(eventId: string): Promise<void> {
    this.#purse.release(eventId);
  }

  /** A sign of life of a long call. */
  async keep(eventId: string): Promise<void> {
    this.#purse.keep(eventId);
  }

  async giveBackLease(): Promise<void> {
    if (this.#of === null) return;
    this.#purse.releaseOlderThan(Date.now() - aliveMs);
    await this.#purse.giveBack();
  }

  async reportUsage(): Promise<void> {
    await this.#purse.report(this.#meteringMs);
  }

  override async alarm(): Promise<void> {
    this.#ringsAt = null;
    if (this.#of === null) return;
    try {
      const now = Date.now();
      this.#purse.releaseOlderThan(now - aliveMs);
      this.#db
        .delete(settled)
        .where(lte(settled.at, now - settledMs))
        .run();
      await this.#purse.report(this.#meteringMs);
      if (!this.#purse.isQuiet(this.#meteringMs)) this.#remind(this.#meteringMs);
    } catch (error) {
      logFailure("region", error);
      this.#remind(againMs);
    }
  }

  #own(): RegionOwner {
    if (this.#of === null) throw new Error("The region object was not told whose it is");
    return this.#of;
  }

  /** A set alarm stays, unless it must ring at once. */
  #remind(inMs: number): void {
    const at = Date.now() + inMs;
    const stays = (set: number | null) => set !== null && (inMs > 0 || set <= at);
    if (stays(this.#ringsAt)) return;
    this.#ringsAt = at;
    this.ctx.waitUntil(
      (async () => {
        const set = await this.ctx.storage.getAlarm();
        if (stays(set)) this.#ringsAt = set;
        else await this.ctx.storage.setAlarm(at);
      })(),
    );
  }
}
