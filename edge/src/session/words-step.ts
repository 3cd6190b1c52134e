/** The words step of feedback: ledger, maybe a proposal of a model, the rewritten request. */
import { and, asc, eq, inArray, lt, lte } from "drizzle-orm";
import type { FeedbackBody, WordsReport } from "../contract/index.ts";
import type { Trace } from "../rpc.ts";
import {
  candidatesToScore,
  type GradientInput,
  type Revision,
  textualGradient,
} from "../words/index.ts";
import { adopt, proposeRewrite, type RivalScores, rewriteTask } from "../words/providers/index.ts";
import type { SessionContext } from "./context.ts";
import { isNeutral, logReport, scoreRepliesForWords, unchangedWords } from "./evidence.ts";
import { withRequest } from "./policy/prompt.ts";
import { rewriterOf } from "./rewriter.ts";
import { wordsOptions } from "./store/lexicon.ts";
import type { GpuTime } from "./store/meter.ts";
import { feedbackRow, sessionRow, type TurnRow, turnRow } from "./store/rows.ts";
import { feedback, revisions, turns } from "./store/schema.ts";
import { probability } from "./store/views.ts";
import { setWordsState, wordsState } from "./store/words.ts";

/** Words: the ledger takes the feedback in, and the request is worded anew. */
export async function reviseWords(
  context: SessionContext,
  feedbackId: string,
  trace: Trace,
): Promise<void> {
  const row = feedbackRow(context, feedbackId);
  const turn = turnRow(context, row.turnId);
  const { mode } = sessionRow(context);
  const stateBefore = wordsState(context);
  const adapts = (mode === "both" || mode === "words") && !isNeutral(row.body);
  let words = unchangedWords(turn, row.body);
  let state = stateBefore;
  const gpuTime: GpuTime = { ms: 0 };
  if (adapts) {
    const input = gradientInput(context, turn, row.body);
    const options = wordsOptions(context);
    const items = candidatesToScore(state, input, options);
    const scores =
      items.length === 0
        ? null
        : await scoreRepliesForWords(
            context,
            trace,
            gpuTime,
            items.map(({ prompt, reply }) => ({
              messages: withRequest(turn.messages, prompt),
              reply,
            })),
          );
    const { state: next, revision: byRules } = textualGradient(state, input, scores, options);
    state = next;
    const { revision, rewriter } = await askRewriter(context, turn, input, byRules, trace, gpuTime);
    words = {
      rewriter,
      changed: revision.changed,
      before: revision.before,
      after: revision.after,
      diagnosis: revision.diagnosis,
      confidence: revision.confidence,
      hinted: revision.hinted,
      share: revision.share,
      constraints: revision.constraints.map(({ text }) => text),
      ruled_out: revision.ruledOut,
      spans: revision.spans.map(({ label, text, start, end, phrase, said, probability: p }) => ({
        label,
        text,
        start,
        end,
        phrase,
        said,
        probability: p,
      })),
    };
  }
  context.transaction(() => {
    if (feedbackRow(context, feedbackId).step !== "stored") return;
    if (adapts) {
      const createdAt = context.now();
      context.db.insert(revisions).values({ feedbackId, stateBefore, createdAt }).run();
      setWordsState(context, state);
    }
    if (words.rewriter !== null || gpuTime.ms > 0) {
      const { sessionId, tenantId } = context;
      context.purse.settle({
        eventId: `${sessionId}/${feedbackId}:words`,
        tenantId,
        keyId: row.keyId,
        sessionId,
        kind: "words",
        at: context.now(),
        rewriterCalls: words.rewriter?.calls ?? 0,
        gpuMs: gpuTime.ms,
        costNanos: 0,
      });
    }
    context.db
      .update(feedback)
      .set({ words, step: "words" })
      .where(eq(feedback.id, feedbackId))
      .run();
    logReport(context, row, "words", words);
  });
}

/** Everything said about this problem so far. A retry learns under its problem's id, so that what holds for one try holds for the next. */
function gradientInput(context: SessionContext, turn: TurnRow, body: FeedbackBody): GradientInput {
  const attempts = context.db
    .select()
    .from(turns)
    .where(
      and(
        eq(turns.problemId, turn.problemId),
        lte(turns.index, turn.index),
        inArray(turns.status, ["completed", "stopped"]),
      ),
    )
    .orderBy(asc(turns.index))
    .all();
  return {
    turnId: turn.problemId,
    request: turn.content,
    attempts: attempts.map(({ prompt, reply, logprob }) => ({
      prompt,
      reply,
      ...(logprob === null ? {} : { confidence: probability(logprob) }),
    })),
    feedback: { reward: body.reward, text: body.text, correction: body.correction },
  };
}

/** Lets a model propose a wording beside the rules', where one is set up; it never fails and never takes long. */
async function askRewriter(
  context: SessionContext,
  turn: TurnRow,
  input: GradientInput,
  byRules: Revision,
  trace: Trace,
  gpuTime: GpuTime,
): Promise<{ revision: Revision; rewriter: WordsReport["rewriter"] }> {
  const { tenantId } = context;
  const rewriter = rewriterOf(context, tenantId, trace, gpuTime);
  if (rewriter === null || byRules.diagnosis === "accepted") {
    return { revision: byRules, rewriter: null };
  }
  const { proposal, failure, attempts } = await proposeRewrite(
    rewriter,
    rewriteTask(input, byRules, earlierTexts(context, turn)),
    { timeoutMs: context.config.rewriterTimeoutMs },
  );
  const { correction } = input.feedback;
  let rivals: RivalScores | null = null;
  if (proposal !== null && correction !== undefined) {
    const scores = await scoreRepliesForWords(
      context,
      trace,
      gpuTime,
      [byRules.after, proposal.rewritten].map((prompt) => ({
        messages: withRequest(turn.messages, prompt),
        reply: correction,
      })),
    );
    if (scores !== null) rivals = { rules: scores[0] ?? 0, proposal: scores[1] ?? 0 };
  }
  const revision = adopt(byRules, proposal, rivals);
  const adopted = revision !== byRules;
  return { revision, rewriter: { name: rewriter.name, adopted, failure, calls: attempts } };
}

/** What was said about the earlier tries of a turn's problem, one text a try. */
function earlierTexts(context: SessionContext, turn: TurnRow): string[] {
  return context.db
    .select({ text: feedback.body })
    .from(turns)
    .leftJoin(feedback, eq(feedback.turnId, turns.id))
    .where(
      and(
        eq(turns.problemId, turn.problemId),
        lt(turns.index, turn.index),
        inArray(turns.status, ["completed", "stopped"]),
      ),
    )
    .groupBy(turns.id)
    .orderBy(asc(turns.index))
    .all()
    .map(({ text }) => text?.text ?? "");
}
