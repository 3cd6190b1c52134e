/**
 * Trust in generations, and the automatic roll-back.
 *
 * The trusted generation is the latest that a person chose by hand or accepted a reply of; at first it is `base`. Once
 * a number of replies of later generations are rejected, the trusted one becomes active again. The words stay: users
 * see them and can change them.
 */
import { eq, lte, sql } from "drizzle-orm";
import type { RollBack } from "../contract/index.ts";
import type { SessionContext } from "./context.ts";
import { logReport } from "./evidence.ts";
import { goBackTo } from "./store/lineage.ts";
import { meterIdOfUpdate, noteReport } from "./store/meter.ts";
import {
  activeGeneration,
  type FeedbackRow,
  type Store,
  sessionRow,
  setActiveGeneration,
  trustedGeneration,
  turnRow,
} from "./store/rows.ts";
import { feedback, generations, turns } from "./store/schema.ts";

/** Weighs one piece of feedback on the generations on trial. Repeating changes nothing. */
export function weighTrust(context: SessionContext, row: FeedbackRow): void {
  const { rollBackAfter } = sessionRow(context);
  if (rollBackAfter === null) return;
  const onTrial = generationsOnTrial(context);
  const { generation } = turnRow(context, row.turnId);
  if (!onTrial.has(generation)) return;
  const { reward, correction } = row.body;
  if (reward > 0 && correction === undefined) {
    context.transaction(() => setActiveGeneration(context, activeGeneration(context), generation));
  } else if (reward < 0) {
    const rejections = rejectedTurns(context, onTrial, row.id);
    if (rejections >= rollBackAfter) rollBack(context, row, rejections);
  }
}

/** Generations from the active one back to the trusted one, which is excluded. */
function generationsOnTrial(store: Store): ReadonlySet<string> {
  const { id, parent } = generations;
  const parents = new Map(
    store.db
      .select({ id, parent })
      .from(generations)
      .all()
      .map((row) => [row.id, row.parent]),
  );
  const trusted = trustedGeneration(store);
  const line = new Set<string>();
  for (
    let at: string | undefined = activeGeneration(store);
    at !== undefined && at !== trusted;
    at = parents.get(at)
  ) {
    if (at !== "base") line.add(at);
  }
  return line;
}

/** Turns of these generations whose latest feedback, up to this one, rejects the reply. */
function rejectedTurns({ db }: Store, of: ReadonlySet<string>, feedbackId: string): number {
  const verdicts = db
    .select({
      turnId: feedback.turnId,
      generation: turns.generation,
      reward: sql<number>`${feedback.body} ->> 'reward'`,
    })
    .from(feedback)
    .innerJoin(turns, eq(feedback.turnId, turns.id))
    .where(lte(feedback.id, feedbackId))
    .orderBy(feedback.id)
    .all()
    .filter(({ generation }) => of.has(generation));
  const latest = new Map(verdicts.map(({ turnId, reward }) => [turnId, reward]));
  return [...latest.values()].filter((reward) => reward < 0).length;
}

function rollBack(context: SessionContext, row: FeedbackRow, rejections: number): void {
  const { sessionId, tenantId, owner, purse, db, now } = context;
  const rolledBack: RollBack = {
    from: activeGeneration(context),
    to: trustedGeneration(context),
    rejections,
  };
  context.transaction(() => {
    goBackTo(context, rolledBack.to);
    db.update(feedback).set({ rolledBack }).where(eq(feedback.id, row.id)).run();
    const { id: feedback_id, turnId: turn_id } = row;
    logReport(context, row, "rolled_back", { ...rolledBack, feedback_id });
    // It costs nothing: the event reports the roll-back to the account, once.
    purse.settle({
      eventId: `${meterIdOfUpdate(context, row.id)}:rolled_back`,
      tenantId,
      keyId: row.keyId,
      sessionId,
      kind: "adaptation",
      at: now(),
      costNanos: 0,
      notice: {
        type: "adaptation.rolled_back",
        data: { session: sessionId, owner, feedback_id, turn_id, ...rolledBack },
      },
    });
    noteReport(context, context.hasWebhooks);
  });
}
