/**
 * The replay buffer: right replies that later updates replay, one per problem, the latest few, worded as the session
 * now understands them.
 */
import { and, asc, desc, eq, inArray } from "drizzle-orm";
import type { WordsReport } from "../../contract/index.ts";
import { reviseRequest } from "../../words/index.ts";
import { withRequest } from "../policy/prompt.ts";
import { type ReplayExample, replayKind, replayMax } from "../policy/update-plan.ts";
import { type Store, sessionRow, type TurnRow } from "./rows.ts";
import { replay, turns } from "./schema.ts";
import { wordsOptions, wordsState } from "./words.ts";

/** Adds a right reply, one per problem, and keeps the latest few. */
export function keepForReplay(
  store: Store,
  turn: TurnRow,
  words: WordsReport,
  right: { kind: "accepted" | "corrected"; reply: string },
): void {
  const { logprob, attempt } = turn;
  const kind = replayKind({ kind: right.kind, logprob, attempt });
  if (kind === null) return;
  const columns = {
    messages: withRequest(turn.messages, words.after),
    reply: right.reply,
    kind,
    createdAt: store.now(),
  };
  store.transaction(() => {
    store.db
      .insert(replay)
      .values({ problemId: turn.problemId, ...columns })
      .onConflictDoUpdate({ target: replay.problemId, set: columns })
      .run();
    const old = store.db
      .select({ problemId: replay.problemId })
      .from(replay)
      .orderBy(desc(replay.createdAt))
      .all()
      .slice(replayMax)
      .map(({ problemId }) => problemId);
    if (old.length > 0) {
      store.db.delete(replay).where(inArray(replay.problemId, old)).run();
    }
  });
}

/** Removes a reply whose acceptance was taken back. */
export function dropFromReplay(store: Store, turn: TurnRow): void {
  store.db
    .delete(replay)
    .where(and(eq(replay.problemId, turn.problemId), eq(replay.reply, turn.reply)))
    .run();
}

/**
 * All kept replies, oldest first. If words adapt, requests are worded by today's ledger: an example learnt under a
 * reading that turned out wrong would teach the wrong lesson with every update.
 */
export function replayExamples(store: Store): ReplayExample[] {
  const kept = store.db.select().from(replay).orderBy(asc(replay.createdAt)).all();
  const { mode } = sessionRow(store);
  if (mode !== "both") return kept;
  const words = wordsState(store);
  const options = wordsOptions(store);
  const said = requestsOf(
    store,
    kept.map(({ problemId }) => problemId),
  );
  return kept.map((example) => {
    const request = said.get(example.problemId);
    if (request === undefined) return example;
    const { prompt } = reviseRequest(words, request, options, example.problemId);
    return { ...example, messages: withRequest(example.messages, prompt) };
  });
}

/** The requests of problems as the user said them. */
function requestsOf(store: Store, problemIds: string[]): Map<string, string> {
  const rows = store.db
    .select({ id: turns.id, request: turns.content })
    .from(turns)
    .where(inArray(turns.id, problemIds))
    .all();
  return new Map(rows.map(({ id, request }) => [id, request]));
}
