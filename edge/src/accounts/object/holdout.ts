/**
 * The holdout: which of a tenant's new sessions stay unadapted, and a comparison of them with the other sessions opened
 * meanwhile, which shows what adaptation changes.
 *
 * A session's part depends on its owner, or on its own id without an owner, and never changes: a person has either
 * adaptation or none. Each person counts once, with means over their sessions, so that the compared values are
 * independent and the intervals hold.
 */
import { tQuantile975 } from "@rosa2/shared/statistics";
import { and, eq, gte, lt, type SQL, sql } from "drizzle-orm";
import type { HoldoutReport, TenantAdaptationBody } from "../../contract/index.ts";
import type { Arm } from "../../contract/sets.ts";
import { sha256 } from "../../ids.ts";
import { iso } from "../../time.ts";
import { accountRow, type Books, setAccount } from "./books.ts";
import { type AdaptationSettings, outcomes } from "./schema.ts";

/** The outcome of a session that takes part: counts, no text. */
export interface Outcome {
  arm: Arm;
  owner: string | null;
  openedAt: number;
  turns: number;
  /** Requests; a retry belongs to the request that it repeats. */
  problems: number;
  /** Problems with feedback on a reply, and those whose latest feedback accepts it. */
  judged: number;
  accepted: number;
  costNanos: number;
}

const noAdaptation: AdaptationSettings = {
  holdoutShare: 0,
  holdoutSince: null,
  rollBackAfter: null,
};

export function adaptationSettings(books: Books): AdaptationSettings {
  return accountRow(books).adaptation ?? noAdaptation;
}

/** A new share begins a new comparison, because sessions of different shares are drawn differently. */
export function setAdaptation(
  books: Books,
  wanted: Omit<AdaptationSettings, "holdoutSince">,
): AdaptationSettings {
  const before = adaptationSettings(books);
  const isNew = wanted.holdoutShare !== before.holdoutShare && wanted.holdoutShare > 0;
  const adaptation = { ...wanted, holdoutSince: isNew ? books.now() : before.holdoutSince };
  setAccount(books, { adaptation });
  return adaptation;
}

export function adaptationBody(settings: AdaptationSettings): TenantAdaptationBody {
  return {
    object: "tenant.adaptation",
    holdout_share: settings.holdoutShare,
    holdout_since: iso(settings.holdoutSince),
    roll_back_after: settings.rollBackAfter,
  };
}

/** The place of an owner, or of a session without one, in [0, 1): constant, and evenly spread over ids. */
export async function holdoutPoint(id: string): Promise<number> {
  return Number.parseInt((await sha256(id)).slice(0, 12), 16) / 16 ** 12;
}

/** A new session's part; null without a holdout. */
export function armAt(point: number, { holdoutShare }: AdaptationSettings): Arm | null {
  if (holdoutShare === 0) return null;
  return point < holdoutShare ? "held_out" : "adapted";
}

/** Notes a session's outcome so far. The latest report counts; a session without a turn has none. */
export function noteOutcome({ db }: Books, sessionId: string, outcome: Outcome): void {
  if (outcome.turns === 0) return;
  const row = { ...outcome, owner: outcome.owner ?? "" };
  db.insert(outcomes)
    .values({ sessionId, ...row })
    .onConflictDoUpdate({ target: outcomes.sessionId, set: row })
    .run();
}

/** Null before the first holdout. Days are UTC and those of the sessions' opening, both ends included. */
export function compareArms(
  books: Books,
  { owner, from, to }: { owner?: string; from?: string; to?: string },
): HoldoutReport | null {
  const { holdoutShare, holdoutSince } = adaptationSettings(books);
  if (holdoutSince === null) return null;
  const since = Math.max(holdoutSince, from === undefined ? 0 : Date.parse(from));
  const until = to === undefined ? undefined : Date.parse(to) + 24 * 3_600_000;
  const opened = and(
    gte(outcomes.openedAt, since),
    until === undefined ? undefined : lt(outcomes.openedAt, until),
    owner === undefined ? undefined : eq(outcomes.owner, owner),
  );
  const [heldOut, adapted] = [
    figuresOf(books, "held_out", opened),
    figuresOf(books, "adapted", opened),
  ];
  return {
    share: holdoutShare,
    since: iso(holdoutSince),
    held_out: armBody(heldOut),
    adapted: armBody(adapted),
    difference: {
      tries: difference(adapted.tries, heldOut.tries),
      acceptance: difference(adapted.acceptance, heldOut.acceptance),
      cost_usd: difference(adapted.costUsd, heldOut.costUsd),
    },
  };
}

/** Over the people with a figure: their number, the figure's sum, the sum of its squares. */
interface Sums {
  n: number;
  sum: number;
  squares: number;
}
type Figures = { people: number; sessions: number } & Record<
  "tries" | "acceptance" | "costUsd",
  Sums
>;

function figuresOf({ db }: Books, arm: Arm, opened: SQL | undefined): Figures {
  const { owner, sessionId, turns, problems, accepted, judged, costNanos } = outcomes;
  const people = db
    .select({
      sessions: sql<number>`count(*)`.as("sessions"),
      tries: sql`avg(1.0 * ${turns} / nullif(${problems}, 0))`.as("tries"),
      acceptance: sql`avg(1.0 * ${accepted} / nullif(${judged}, 0))`.as("acceptance"),
      costUsd: sql`avg(${costNanos} / 1e9)`.as("cost_usd"),
    })
    .from(outcomes)
    .where(and(eq(outcomes.arm, arm), opened))
    .groupBy(owner, sql`case ${owner} when '' then ${sessionId} end`)
    .as("people");
  const row = db
    .select({
      people: sql<number>`count(*)`,
      sessions: sql<number>`total(${people.sessions})`,
      tries: sumsOf(people.tries),
      acceptance: sumsOf(people.acceptance),
      costUsd: sumsOf(people.costUsd),
    })
    .from(people)
    .get();
  if (row === undefined) throw new Error("An aggregate without groups has one row");
  return row;
}

function sumsOf(value: SQL.Aliased): SQL<Sums> {
  return sql`json_array(count(${value}), total(${value}), total(${value} * ${value}))`.mapWith(
    (text: string) => {
      const [n = 0, sum = 0, squares = 0] = JSON.parse(text) as number[];
      return { n, sum, squares };
    },
  );
}

function armBody({ people, sessions, tries, acceptance, costUsd }: Figures) {
  return {
    people,
    sessions,
    tries: meanOf(tries),
    acceptance: meanOf(acceptance),
    cost_usd: meanOf(costUsd),
  };
}

function meanOf({ n, sum }: Sums): number | null {
  return n === 0 ? null : sum / n;
}

/** The difference of two means with its 95 % interval by Welch's t. */
function difference(a: Sums, b: Sums): HoldoutReport["difference"]["tries"] {
  const [meanA, meanB] = [meanOf(a), meanOf(b)];
  if (meanA === null || meanB === null) return null;
  const mean = meanA - meanB;
  const [partA, partB] = [squaredError(a), squaredError(b)];
  const squared = partA + partB;
  // With one person, or without any spread, nothing can be said about other possible outcomes.
  if (!(squared > 0)) return { mean, low: null, high: null };
  const degrees = squared ** 2 / (partA ** 2 / (a.n - 1) + partB ** 2 / (b.n - 1));
  const reach = tQuantile975(degrees) * Math.sqrt(squared);
  return { mean, low: mean - reach, high: mean + reach };
}

/** Squared standard error of a mean, s²/n; NaN below two values. */
function squaredError({ n, sum, squares }: Sums): number {
  if (n < 2) return Number.NaN;
  return Math.max(0, squares - sum ** 2 / n) / (n - 1) / n;
}
