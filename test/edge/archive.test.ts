/** Usage of old days moves to R2: reports say the same before, at every step and after, whatever fails on the way. */
import { runInDurableObject } from "cloudflare:test";
import { pick, type Random, randomInt, seededRandom } from "@rosa2/shared/random";
import { max, sql } from "drizzle-orm";
import { describe, expect, it } from "vitest";
import { archiveDueAt, archiveSome } from "../../edge/src/accounts/object/archive.ts";
import type { Books } from "../../edge/src/accounts/object/books.ts";
import { record } from "../../edge/src/accounts/object/ledger.ts";
import { grant } from "../../edge/src/accounts/object/money.ts";
import { reportUsage, type UsageQuery } from "../../edge/src/accounts/object/report.ts";
import { leases } from "../../edge/src/accounts/object/schema.ts";
import type { UsageEvent } from "../../edge/src/accounts/usage.ts";
import type { TenantBody, UsageReport } from "../../edge/src/contract/index.ts";
import { account, accountRows, accountStub, inAccount } from "./support/account.ts";
import { bindings, type Caller, eventually, newTenant } from "./support/client.ts";

const dayMs = 24 * 3_600_000;
const now = Date.UTC(2026, 10, 20, 12);
/** The last day that is old enough on that date. */
const lastOldDay = "2026-09-30";

/** Few rows a file, so that a group of a report spans several files. */
const rowsPerPart = 7;

class Ledger {
  readonly events: UsageEvent[] = [];
  readonly #random: Random;
  readonly #tenantId: string;

  constructor(tenantId: string, seed: number) {
    this.#tenantId = tenantId;
    this.#random = seededRandom(seed);
  }

  /** Events that happened so many days ago. */
  draw(count: number, daysMax: number, daysMin = 0): UsageEvent[] {
    const drawn = Array.from({ length: count }, () => this.#event(daysMin, daysMax));
    this.events.push(...drawn);
    return drawn;
  }

  #event(daysMin: number, daysMax: number): UsageEvent {
    const random = this.#random;
    const owner = pick(random, ["", "ann", "bob", "cy", "dora"]);
    return {
      eventId: `e${this.events.length}`,
      tenantId: this.#tenantId,
      keyId: pick(random, ["key_1", "key_2", null]),
      sessionId: pick(random, [null, `ses_${owner}1`, `ses_${owner}2`, `ses_${owner}3`]),
      owner: owner === "" ? null : owner,
      kind: pick(random, ["reply", "adaptation", "words", "failed"] as const),
      at: now - randomInt(random, daysMin, daysMax) * dayMs,
      promptTokens: randomInt(random, 0, 100),
      completionTokens: randomInt(random, 0, 100),
      gpuMs: randomInt(random, 0, 100),
      costNanos: randomInt(random, 0, 1_000_000_007),
    };
  }

  /** What a report must say, in nano-dollars. */
  report(query: UsageQuery): [string, number, number][] {
    const totals = new Map<string, [number, number]>();
    for (const event of this.events) {
      const day = new Date(event.at).toISOString().slice(0, 10);
      const { owner, sessionId, keyId } = event;
      const groups = { day, session: sessionId, key: keyId, owner };
      const group = groups[query.groupBy] ?? "";
      if (query.owner !== undefined && owner !== query.owner) continue;
      if (day < (query.from ?? "0") || day > (query.to ?? "9")) continue;
      const [tokens, nanos] = totals.get(group) ?? [0, 0];
      totals.set(group, [tokens + (event.promptTokens ?? 0), nanos + event.costNanos]);
    }
    return [...totals]
      .map(([group, [tokens, nanos]]): [string, number, number] => [group, tokens, nanos])
      .sort(([a], [b]) => (a < b ? 1 : -1));
  }
}

function toNumbers({ data }: UsageReport): [string, number, number][] {
  return data.map(({ group, prompt_tokens, cost }) => [
    group ?? "",
    prompt_tokens,
    Math.round(cost.usd * 1e9),
  ]);
}

const groups = ["day", "session", "key", "owner"] as const;
const ranges = [
  {},
  { from: "2026-09-10", to: "2026-10-20" },
  { to: lastOldDay },
  { from: "2026-08-05", to: "2026-08-06" },
];

/** Every kind of query, whole and a page of two groups after the other. */
async function expectReports(books: Books, ledger: Ledger): Promise<void> {
  for (const groupBy of groups) {
    for (const range of ranges) {
      for (const owner of [undefined, "bob"]) {
        const query = { groupBy, ...range, ...(owner === undefined ? {} : { owner }) };
        const wanted = ledger.report({ ...query, limit: 0 });
        const what = JSON.stringify(query);
        expect(toNumbers(await reportUsage(books, { ...query, limit: 1000 })), what).toEqual(
          wanted,
        );
        const paged: [string, number, number][] = [];
        for (let cursor: string | undefined; ; ) {
          const page = await reportUsage(books, { ...query, limit: 2, ...(cursor && { cursor }) });
          paged.push(...toNumbers(page));
          if (page.next_cursor === null) break;
          cursor = page.next_cursor;
        }
        expect(paged, `${what}, two a page`).toEqual(wanted);
      }
    }
  }
}

async function expectTotals(books: Books, ledger: Ledger): Promise<void> {
  for (const groupBy of groups) {
    const report = await reportUsage(books, { groupBy, limit: 1000 });
    expect(toNumbers(report), groupBy).toEqual(ledger.report({ groupBy, limit: 0 }));
  }
}

/** Records events as a holder reports them. */
function tell(books: Books, events: UsageEvent[]): void {
  const last =
    books.db
      .select({ seq: max(leases.recordedSeq) })
      .from(leases)
      .get()?.seq ?? 0;
  const numbered = events.map((event, i) => ({ ...event, seq: last + i + 1 }));
  record(books, { holder: "far", owner: null, settledNanos: 0, events: numbered }, null);
}

async function filesOf(tenantId: string): Promise<string[]> {
  const { objects } = await bindings.ADAPTERS.list({ prefix: `usage/${tenantId}/` });
  return objects.map(({ key }) => key);
}

/** The account's books on that date. */
function atThatDate<T>(tenantId: string, work: (books: Books) => Promise<T>): Promise<T> {
  return inAccount(tenantId, (books) => work({ ...books, tenantId, now: () => now }));
}

describe("usage of old days", () => {
  it("moves to R2 a month at a time, and every report says the same, at every step", async () => {
    const { tenantId } = await newTenant();
    const ledger = new Ledger(tenantId, 1);
    await atThatDate(tenantId, async (books) => {
      tell(books, ledger.draw(150, 150));
      await expectReports(books, ledger);
      expect(archiveDueAt(books)).toBe(now);
      let steps = 0;
      for (; await archiveSome(books, rowsPerPart); steps++) {
        expect(steps).toBeLessThan(500);
        await expectTotals(books, ledger);
      }
      expect(steps).toBeGreaterThan(30);
      await expectReports(books, ledger);
    });
    const left = await accountRows<{ day: string }>(tenantId, "SELECT min(day) AS day FROM usage");
    expect((left[0]?.day ?? "") > lastOldDay).toBe(true);
    expect((await filesOf(tenantId)).length).toBeGreaterThan(30);
    // The next month's turn comes 35 days after it ends.
    await atThatDate(tenantId, async (books) => {
      expect(archiveDueAt(books)).toBe(Date.UTC(2026, 10, 1) + 35 * dayMs);
    });
  });

  it("loses nothing and doubles nothing when a step fails before or after its file is written, and usage of those days comes late", async () => {
    const { tenantId } = await newTenant();
    const ledger = new Ledger(tenantId, 2);
    await atThatDate(tenantId, async (books) => {
      let puts = 0;
      // Of three attempts at a file the first fails before, the second after it is written.
      const failing = new Proxy(bindings.ADAPTERS, {
        get: (bucket, name) =>
          name === "put"
            ? async (key: string, value: ArrayBuffer) => {
                const attempt = puts++ % 3;
                if (attempt === 0) throw new Error("R2 is away");
                const put = await bucket.put(key, value);
                if (attempt === 1) throw new Error("R2's answer is lost");
                return put;
              }
            : (Reflect.get(bucket, name) as () => unknown).bind(bucket),
      });
      const troubled = {
        ...books,
        tenantId,
        now: () => now,
        env: { ...bindings, ADAPTERS: failing },
      };
      tell(books, ledger.draw(120, 120));
      for (let goesOn = true, step = 0; goesOn; step++) {
        expect(step).toBeLessThan(2_000);
        goesOn = await archiveSome(troubled, rowsPerPart).catch(() => true);
        if (step < 100 && step % 5 === 0) tell(books, ledger.draw(1, 120, 60));
        await expectTotals(books, ledger);
      }
      expect(puts).toBeGreaterThan(90);
      await expectReports(books, ledger);
    });
    // Late usage is now in an archive of its own, or waits for the next one.
    const archives = await accountRows<{ state: string }>(tenantId, "SELECT state FROM archives");
    expect(archives.length).toBeGreaterThan(1);
    expect(new Set(archives.map(({ state }) => state))).toEqual(new Set(["done"]));
  });

  it("moves sooner, day by day, where the account is large, and owners' caps still hold", async () => {
    const { tenantId } = await newTenant();
    const ledger = new Ledger(tenantId, 3);
    await atThatDate(tenantId, async (small) => {
      const books = { ...small, tenantId, now: () => now, storedBytes: () => 3 * 1024 ** 3 };
      tell(books, ledger.draw(40, 8));
      while (await archiveSome(books, rowsPerPart)) await expectTotals(books, ledger);
      await expectReports(books, ledger);
      const spent = ledger.events
        .filter(({ owner }) => owner === "bob")
        .reduce((sum, { costNanos }) => sum + costNanos, 0);
      const asks = { holder: "ses_bob9", owner: "bob", settledNanos: 0, neededNanos: 9 };
      const lent = (round: number, ownerCapNanos: number) =>
        grant(books, { ...asks, round, ownerCapNanos, wantedNanos: 9 }).grantedNanos;
      expect([lent(1, spent + 8), lent(2, spent + 9)]).toEqual([8, 9]);
    });
    const days = await accountRows<{ day: string }>(tenantId, "SELECT DISTINCT day FROM usage");
    expect(days.map(({ day }) => day).toSorted()).toEqual([
      "2026-11-18",
      "2026-11-19",
      "2026-11-20",
    ]);
  });

  it("takes the bytes that the README states, here and in R2", async () => {
    const { tenantId } = await newTenant();
    const count = 20_000;
    const random = () => btoa(String.fromCharCode(...crypto.getRandomValues(new Uint8Array(32))));
    const ids = JSON.stringify(Array.from({ length: count }, () => `ses_${random().slice(0, 43)}`));
    const owner = "'user_' || abs(random() % 1000000)";
    const fills = {
      usage: `SELECT '2026-01-15', value, 'key_01KAQ2V7S3Z3XWJ0H1G8Y4T5RM', ${owner}, 1, 10, 5000, 1000, 3000, 1, 0, 8, 4000, 3000000`,
      session_index: `SELECT value, ${owner}, 'A title of thirty characters', '{}', 'both', 1795000000000 + key, 1795000000000 + key, 10, 'gen_01KAQ2V7S3Z3XWJ0H1G8Y4T5RM'`,
      leases: `SELECT value, ${owner}, 5, 3000000, 3000000, 11, 1795000000000 + key, NULL`,
      owner_spend: "SELECT 'user_' || (1000000 + key), '2026-11', 3000000",
    };
    await atThatDate(tenantId, async (books) => {
      const bytes: Record<string, number> = {};
      for (const [table, select] of Object.entries(fills)) {
        const before = books.storedBytes();
        books.db.run(sql`${sql.raw(`INSERT INTO ${table} ${select} FROM json_each(`)}${ids})`);
        bytes[table] = Math.round((books.storedBytes() - before) / count);
      }
      const full = books.storedBytes();
      while (await archiveSome(books)) {}
      const { objects } = await bindings.ADAPTERS.list({ prefix: `usage/${tenantId}/` });
      bytes.r2 = Math.round(objects.reduce((sum, { size }) => sum + size, 0) / count);
      console.log("bytes a row:", bytes);
      // Deleted rows make room for others.
      expect(full - books.storedBytes()).toBeGreaterThan(0.9 * (bytes.usage ?? 0) * count);
      const { usage = 0, session_index = 0, leases: lease = 0, owner_spend = 0, r2 = 0 } = bytes;
      const told = [420, 520, 80, 75];
      for (const [i, n] of [usage, session_index + lease, owner_spend, r2].entries()) {
        expect(Math.abs(n / (told[i] ?? 0) - 1), `${n} against ${told[i]}`).toBeLessThan(0.1);
      }
    });
  });
});

describe("the account's alarm", () => {
  /** Reports usage of a year ago, as a holder does that was away. */
  async function tellOfOldUsage(caller: Caller): Promise<Ledger> {
    const { tenantId } = caller;
    const ledger = new Ledger(tenantId, 5);
    const events = ledger.draw(60, 400, 300).map((event, i) => ({ ...event, seq: i + 1 }));
    const message = { holder: "far", owner: null, ownerCapNanos: null, round: 1, settledNanos: 0 };
    await account(tenantId).exchange(tenantId, {
      ...message,
      neededNanos: 0,
      wantedNanos: 0,
      events,
    });
    return ledger;
  }

  async function whenMoved({ tenantId }: Caller): Promise<void> {
    const rows = () => accountRows(tenantId, "SELECT day FROM usage").catch(() => ["not now"]);
    await eventually(rows, (left) => left.length === 0);
  }

  it("moves old usage although the object ends again and again", async () => {
    const caller = await newTenant();
    const ledger = await tellOfOldUsage(caller);
    for (let i = 0; i < 12; i++) {
      const stub = accountStub(caller.tenantId);
      await runInDurableObject(stub, (_, state) => state.abort("crash")).catch(() => {});
      await new Promise((resolve) => setTimeout(resolve, 7));
    }
    await whenMoved(caller);
    for (const by of groups) {
      const report = await caller.get<UsageReport>(`/v1/usage?group_by=${by}&limit=1000`);
      expect(toNumbers(report)).toEqual(ledger.report({ groupBy: by, limit: 0 }));
    }
  });

  it("keeps an erased tenant's old usage by day and by key alone", async () => {
    const caller = await newTenant();
    const { tenantId } = caller;
    const ledger = await tellOfOldUsage(caller);
    await whenMoved(caller);
    await caller.fetch(`/v1/tenant?confirm=${tenantId}`, { method: "DELETE" });
    await eventually(
      () => caller.get<TenantBody>("/v1/tenant"),
      ({ erasure }) => erasure?.status === "done",
    );
    const kinds = new Set((await filesOf(tenantId)).map((path) => path.split("/")[3]));
    expect(kinds).toEqual(new Set(["day", "key"]));
    const report = (query: string) => caller.get<UsageReport>(`/v1/usage?limit=1000&${query}`);
    for (const by of ["day", "key"] as const) {
      expect(toNumbers(await report(`group_by=${by}`))).toEqual(
        ledger.report({ groupBy: by, limit: 0 }),
      );
    }
    const all = ledger.events.reduce((sum, { costNanos }) => sum + costNanos, 0);
    for (const by of ["session", "owner"]) {
      const { data } = await report(`group_by=${by}`);
      expect(data.map(({ group, cost }) => [group, Math.round(cost.usd * 1e9)])).toEqual([
        [null, all],
      ]);
    }
    expect((await report("owner=ann")).data).toEqual([]);
  });
});
