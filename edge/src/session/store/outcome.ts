/** A session's outcome for the tenant's holdout: counts and money, no text. */
import { and, count, countDistinct, eq, gt, inArray, max, sql, sum } from "drizzle-orm";
import type { Outcome } from "../../accounts/object/holdout.ts";
import { type Store, sessionRow } from "./rows.ts";
import { feedback, turns } from "./schema.ts";

/** Null for a session that takes no part. */
export function outcomeOf(store: Store): Outcome | null {
  const { arm, createdAt } = sessionRow(store);
  if (arm === null) return null;
  const { db, owner } = store;
  const answered = db
    .select({
      turns: count(),
      problems: countDistinct(turns.problemId),
      costNanos: sum(turns.costNanos).mapWith(Number),
    })
    .from(turns)
    // Turns that a client sent as history were not run here.
    .where(and(inArray(turns.status, ["completed", "stopped"]), gt(turns.runs, 0)))
    .get();
  const verdicts = db
    .select({
      latest: max(feedback.id),
      reward: sql<number>`${feedback.body} ->> 'reward'`,
      correction: sql<string | null>`${feedback.body} ->> 'correction'`,
    })
    .from(feedback)
    .innerJoin(turns, eq(feedback.turnId, turns.id))
    .groupBy(turns.problemId)
    .all();
  const ofFeedback = db
    .select({ costNanos: sum(feedback.costNanos).mapWith(Number) })
    .from(feedback)
    .get();
  return {
    arm,
    owner,
    openedAt: createdAt,
    turns: answered?.turns ?? 0,
    problems: answered?.problems ?? 0,
    judged: verdicts.length,
    accepted: verdicts.filter(({ reward, correction }) => reward > 0 && correction === null).length,
    costNanos: (answered?.costNanos ?? 0) + (ofFeedback?.costNanos ?? 0),
  };
}
