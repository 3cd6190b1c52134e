/** Right replies that later updates replay: one per problem, the latest few. */
import { and, desc, eq, inArray } from "drizzle-orm";
import type { WordsReport } from "../contract.ts";
import type { Desk, TurnRow } from "./desk.ts";
import { withRequest } from "./prompt.ts";
import { positivesMax, worthKeeping } from "./recipe.ts";
import { positives } from "./schema.ts";
import { probability } from "./views.ts";

/** Remembers a right reply for replay, one per problem, the latest few. */
export function keepPositive(
  desk: Desk,
  turn: TurnRow,
  words: WordsReport,
  right: { kind: "accepted" | "corrected"; reply: string },
): void {
  const likely = turn.logprob === null ? null : probability(turn.logprob);
  if (!worthKeeping({ kind: right.kind, probability: likely, attempt: turn.attempt })) return;
  const columns = {
    messages: withRequest(turn.messages, words.after),
    reply: right.reply,
    kind: right.kind,
    createdAt: desk.now(),
  };
  desk.transaction(() => {
    desk.db
      .insert(positives)
      .values({ problemId: turn.problemId, ...columns })
      .onConflictDoUpdate({ target: positives.problemId, set: columns })
      .run();
    const old = desk.db
      .select({ problemId: positives.problemId })
      .from(positives)
      .orderBy(desc(positives.createdAt))
      .all()
      .slice(positivesMax)
      .map(({ problemId }) => problemId);
    if (old.length > 0) {
      desk.db.delete(positives).where(inArray(positives.problemId, old)).run();
    }
  });
}

/** Whoever takes an acceptance back does not want it replayed. */
export function dropPositive(desk: Desk, turn: TurnRow): void {
  desk.db
    .delete(positives)
    .where(and(eq(positives.problemId, turn.problemId), eq(positives.reply, turn.reply)))
    .run();
}
