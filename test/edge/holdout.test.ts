import { describe, expect, it } from "vitest";
import { compareArms, holdoutPoint, noteOutcome } from "../../edge/src/accounts/object/holdout.ts";
import type { HoldoutReport, SessionDetail, UsageReport } from "../../edge/src/contract/index.ts";
import type { Arm } from "../../edge/src/contract/sets.ts";
import { inAccount } from "./support/account.ts";
import { ask, type Caller, eventually, judge, newTenant, openSession } from "./support/client.ts";

async function setShare(caller: Caller, holdout_share: number): Promise<Response> {
  return await caller.fetch("/v1/tenant/adaptation", {
    method: "PUT",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ holdout_share, roll_back_after: null }),
  });
}

async function tenantWith(share: number): Promise<Caller> {
  const caller = await newTenant();
  expect((await setShare(caller, share)).status).toBe(200);
  return caller;
}

/** Opens sessions until there is one of each kind. */
async function oneOfEach(caller: Caller): Promise<Record<Arm, SessionDetail>> {
  const found: Partial<Record<Arm, SessionDetail>> = {};
  while (found.held_out === undefined || found.adapted === undefined) {
    const session = await openSession(caller);
    if (session.holdout !== null) found[session.holdout] = session;
  }
  return found as Record<Arm, SessionDetail>;
}

describe("a holdout", () => {
  it("keeps the sessions unadapted whose ids it draws, and says so", async () => {
    const caller = await tenantWith(0.5);
    const { held_out, adapted } = await oneOfEach(caller);
    expect(await holdoutPoint(held_out.id)).toBeLessThan(0.5);
    expect(await holdoutPoint(adapted.id)).toBeGreaterThanOrEqual(0.5);
    expect(held_out).toMatchObject({ mode: "off", context: "dialogue" });
    expect(adapted).toMatchObject({ mode: "both", context: "request" });
    const feedback = { reward: -1, correction: "yes", wait: true };
    for (const { id, holdout } of [held_out, adapted]) {
      const turn = await ask(caller, id, "Say yes");
      const { weights, words } = await judge(caller, id, turn.id, feedback);
      if (holdout === "adapted") expect(weights.decision).toBe("updated");
      else {
        expect(words.changed).toBe(false);
        expect(weights.decision).toBe("skipped");
        expect(weights.reason).toContain("held out");
      }
    }
    expect(await caller.get(`/v1/sessions/${held_out.id}`)).toMatchObject({ generation: "base" });
  });

  it("holds one person's sessions out together, or none of them", async () => {
    const caller = await tenantWith(0.5);
    const people = await Promise.all(
      Array.from({ length: 6 }, (_, i) => `person-${i}`).map(async (owner) => {
        const open = () =>
          caller.make<SessionDetail>("/v1/sessions", {}, { "x-rosa2-owner": owner });
        const sessions = await Promise.all([open(), open(), open()]);
        return { point: await holdoutPoint(owner), arms: sessions.map(({ holdout }) => holdout) };
      }),
    );
    for (const { point, arms } of people) {
      const arm = point < 0.5 ? "held_out" : "adapted";
      expect(arms).toEqual([arm, arm, arm]);
    }
    expect(new Set(people.flatMap(({ arms }) => arms)).size).toBe(2);
  });

  it("draws evenly: of 2,000 ids a tenth lies below .1", async () => {
    const points = await Promise.all(
      Array.from({ length: 2_000 }, (_, i) => holdoutPoint(`ses_${i}`)),
    );
    const below = points.filter((point) => point < 0.1).length;
    // Three standard deviations of a fair draw are 40.
    expect(Math.abs(below - 200)).toBeLessThan(40);
  });

  it("leaves out sessions that want no part, do not adapt, are forks, or were opened before it", async () => {
    const caller = await newTenant();
    const before = await openSession(caller);
    await setShare(caller, 0.5);
    const { held_out, adapted } = await oneOfEach(caller);
    const none = await openSession(caller, { adaptation: { holdout: false } });
    const off = await openSession(caller, { adaptation: { mode: "off" } });
    const forks = await Promise.all(
      [held_out, adapted].map(({ id }) =>
        caller.make<SessionDetail>(`/v1/sessions/${id}/fork`, {}),
      ),
    );
    for (const session of [before, none, off, ...forks]) expect(session.holdout).toBeNull();
    expect(none.mode).toBe("both");
    // A session that was held out stays so.
    expect(forks.map(({ mode }) => mode)).toEqual(["off", "both"]);
  });

  it("compares tries, acceptance and cost of both kinds, and outlives the sessions", async () => {
    const caller = await tenantWith(0.5);
    const { held_out, adapted } = await oneOfEach(caller);
    // Held out: two tries and never right. Adapted: right at the second.
    for (const { id, holdout } of [held_out, adapted]) {
      const turn = await ask(caller, id, "Say yes");
      const { turn: again } = await judge(caller, id, turn.id, {
        reward: -1,
        correction: "yes",
        retry: true,
      });
      await judge(caller, id, again?.id ?? "", { reward: holdout === "adapted" ? 1 : -1 });
      await ask(caller, id, "Say more");
    }
    const report = () => caller.get<UsageReport>("/v1/usage");
    // Three replies to two requests in each, once all of them are told.
    const { holdout } = await eventually(
      report,
      (one) => one.holdout?.held_out.tries === 1.5 && one.holdout.adapted.tries === 1.5,
    );
    expect(holdout).toMatchObject({
      share: 0.5,
      held_out: { people: 1, sessions: 1, tries: 1.5, acceptance: 0 },
      adapted: { people: 1, sessions: 1, tries: 1.5, acceptance: 1 },
      difference: {
        tries: { mean: 0, low: null, high: null },
        acceptance: { mean: 1, low: null, high: null },
      },
    });
    // One update costs .0005.
    expect(holdout?.difference.cost_usd?.mean).toBeCloseTo(0.0005, 4);
    const { totals } = await caller.get<SessionDetail>(`/v1/sessions/${adapted.id}`);
    expect(holdout?.adapted.cost_usd).toBeCloseTo(totals.cost.usd, 12);
    for (const { id } of [held_out, adapted]) {
      await caller.fetch(`/v1/sessions/${id}`, { method: "DELETE" });
    }
    expect((await report()).holdout).toEqual(holdout);
    const none = { sessions: 0, tries: null };
    const { holdout: later } = await caller.get<UsageReport>("/v1/usage?from=2999-01-01");
    expect(later).toMatchObject({ adapted: none, difference: { tries: null } });
  });

  it("begins a new comparison with another share, and keeps the last one once it is over", async () => {
    const caller = await tenantWith(0.2);
    const { holdout_since: first } = await caller.get<{ holdout_since: string }>(
      "/v1/tenant/adaptation",
    );
    await new Promise((resolve) => setTimeout(resolve, 5));
    const second = (await (await setShare(caller, 0.3)).json()) as { holdout_since: string };
    expect(Date.parse(second.holdout_since)).toBeGreaterThan(Date.parse(first));
    const over = await (await setShare(caller, 0)).json();
    expect(over).toEqual({ ...second, holdout_share: 0 });
    expect((await openSession(caller)).holdout).toBeNull();
    const { holdout } = await caller.get<UsageReport>("/v1/usage");
    expect(holdout).toMatchObject({ share: 0, since: second.holdout_since });
  });

  it("reports nothing where there was no holdout", async () => {
    const caller = await newTenant();
    expect((await caller.get<UsageReport>("/v1/usage")).holdout).toBeNull();
    expect((await setShare(caller, 0.95)).status).toBe(400);
  });
});

describe("the interval of a difference", () => {
  /** Sessions of one problem each, with so many tries; those of a list within the list are one owner's. */
  async function reportOf(
    tries: Record<Arm, (number | number[])[]>,
  ): Promise<HoldoutReport | null> {
    const caller = await tenantWith(0.5);
    return await inAccount(caller.tenantId, (books) => {
      for (const arm of ["held_out", "adapted"] as const) {
        for (const [i, one] of tries[arm].entries()) {
          const owner = Array.isArray(one) ? `${arm} ${i}` : null;
          for (const [j, turns] of [one].flat().entries()) {
            const rest = { problems: 1, judged: 0, accepted: 0, costNanos: 0 };
            const openedAt = Date.now();
            noteOutcome(books, `${arm}${i}.${j}`, { arm, owner, openedAt, turns, ...rest });
          }
        }
      }
      return compareArms(books, {});
    });
  }

  it("is Welch's: with 8.06 degrees of freedom and a standard error of .547, and nearly the exact quantile 2.3030", async () => {
    const report = await reportOf({
      adapted: [1, 1, 2, 1, 3, 1, 2, 1],
      held_out: [2, 4, 3, 5, 2, 3],
    });
    const { mean, low, high } = report?.difference.tries ?? {};
    expect(mean).toBeCloseTo(-1.6667, 4);
    expect(low).toBeCloseTo(-2.9264, 2);
    expect(high).toBeCloseTo(-0.407, 2);
    expect(report?.difference.acceptance).toBeNull();
  });

  it("counts people: one who opens many sessions weighs as one", async () => {
    const alone = await reportOf({ adapted: [1, 2, 1.5], held_out: [2, 4, 3] });
    const many = await reportOf({
      adapted: [1, 2, [1, 2, 1, 2]],
      held_out: [[2, 2, 2], 4, [3, 3]],
    });
    expect(many?.difference.tries).toEqual(alone?.difference.tries);
    expect(many?.adapted).toMatchObject({ people: 3, sessions: 6, tries: 1.5 });
    expect(many?.held_out).toMatchObject({ people: 3, sessions: 6, tries: 3 });
  });

  it("has no ends for a single session, or where all sessions are alike", async () => {
    const one = await reportOf({ adapted: [1], held_out: [2, 3] });
    expect(one?.difference.tries).toEqual({ mean: -1.5, low: null, high: null });
    const same = await reportOf({ adapted: [1, 1, 1], held_out: [2, 2] });
    expect(same?.difference.tries).toEqual({ mean: -1, low: null, high: null });
  });
});
