/**
 * The words step of feedback: the session's wordings are scored. If none explains the evidence, a model proposes
 * wordings, and all are scored again, in one batch.
 */
import type { Usage } from "@rosa2/shared/protocol";
import { and, asc, eq, inArray, lt, lte } from "drizzle-orm";
import { spend } from "../accounts/spending.ts";
import { replyCostNanos, replyCostNanosMax } from "../accounts/usage.ts";
import type { FeedbackBody, WordsReport } from "../contract/index.ts";
import type { Trace } from "../rpc.ts";
import {
  candidatesToScore,
  drawsFor,
  type GradientInput,
  learnInPlace,
  learnWordings,
  type Revision,
  remarkedWording,
  type Score,
  type ScoreItem,
  textualGradient,
  type WordsState,
} from "../words/index.ts";
import {
  type DrawnWordings,
  drawCount,
  drawsMax,
  rewritableCharsMax,
  rewriteTokensMax,
} from "../words/providers/index.ts";
import type { SessionContext } from "./context.ts";
import { isNeutral, logReport, scoreForWords, unchangedWords } from "./evidence.ts";
import { type OneReply, oneReply } from "./one-reply.ts";
import { asJudged, judgedTurn, tryPlan } from "./plan.ts";
import { withRequest } from "./policy/prompt.ts";
import { askRewriter, rewriterName, usageOf } from "./rewriter.ts";
import type { GpuTime } from "./store/meter.ts";
import { type FeedbackRow, feedbackRow, sessionRow, type TurnRow } from "./store/rows.ts";
import { feedback, turns } from "./store/schema.ts";
import { probability } from "./store/views.ts";
import { noteRevision, reviseWordsTo, wordsOptions, wordsState } from "./store/words.ts";

/** Tokens of the reply that a remark gets by itself: its beginning is evidence enough. */
const heardTokensMax = 64;

/** Takes the words step: learns from the feedback and words the request anew. */
export async function reviseWords(
  context: SessionContext,
  feedbackId: string,
  trace: Trace,
): Promise<void> {
  const row = feedbackRow(context, feedbackId);
  const turn = judgedTurn(context, row.turnId);
  const { mode } = sessionRow(context);
  if ((mode !== "both" && mode !== "words") || isNeutral(row.body)) {
    const words = unchangedWords(turn, row.body);
    context.transaction(() => commit(context, row, words));
    return;
  }
  const gpuTime: GpuTime = { ms: 0 };
  const input = gradientInput(context, turn, row.body);
  const stateBefore = learnInPlace(wordsState(context), input);
  const step = { context, turn, trace, gpuTime, input, measured: new Map() };
  const held = await weigh(step, stateBefore);
  const mayDraw = !held.isExplained && drawsFor(stateBefore, turn.content) < drawsMax;
  const heardId = `${meterIdOfWords(context, feedbackId)}:heard`;
  const [drawn, heard] = await Promise.all([
    mayDraw ? draw(step, row) : null,
    mayDraw || held.isMeasured ? hear(step, stateBefore, heardId) : null,
  ]);
  if (heard !== null) step.input = { ...input, heard: heard.reply };
  const final =
    drawn !== null
      ? await takeIn(step, stateBefore, held, drawn)
      : heard !== null && held.isMeasured
        ? await weigh(step, stateBefore)
        : held;
  // What a correction teaches an adapter needs no steps.
  const isTaught = mode === "both" && row.body.correction !== undefined;
  const planId = `${meterIdOfWords(context, feedbackId)}:plan`;
  const mayPlan = row.body.retry && !isTaught;
  const tried = mayPlan ? await tryPlan(step, final.revision, planId) : null;
  const spentOn = [usageOf(drawn), tried?.usage, heard?.usage].flatMap((usage) => usage ?? []);
  const sumOf = (count: (usage: Usage) => number) =>
    spentOn.reduce((sum, usage) => sum + count(usage), 0);
  const words = {
    ...reportOf(final.revision, drawn),
    plan: tried?.plan ?? null,
    billed: {
      prompt_tokens: sumOf((usage) => usage.prompt_tokens),
      completion_tokens: sumOf((usage) => usage.completion_tokens),
    },
  };
  context.transaction(() => {
    if (feedbackRow(context, feedbackId).step !== "stored") return;
    reviseWordsTo(context, noteRevision(final.state, feedbackId), feedbackId);
    let costNanos = 0;
    const settle = (
      eventId: string,
      usage: Usage,
      spent: { rewriterCalls: number; gpuMs: number },
    ) => {
      const { sessionId, tenantId } = context;
      const cost = replyCostNanos(context.config.prices, usage);
      costNanos += cost;
      context.purse.settle({
        eventId,
        tenantId,
        keyId: row.keyId,
        sessionId,
        kind: "words",
        at: context.now(),
        promptTokens: usage.prompt_tokens,
        cachedTokens: usage.cached_tokens,
        completionTokens: usage.completion_tokens,
        ...spent,
        costNanos: cost,
      });
    };
    if (drawn !== null || gpuTime.ms > 0) {
      const spent = { rewriterCalls: drawn?.calls ?? 0, gpuMs: gpuTime.ms };
      settle(meterIdOfWords(context, feedbackId), usageOf(drawn), spent);
    }
    if (tried !== null) settle(planId, tried.usage, { rewriterCalls: 0, gpuMs: 0 });
    if (heard !== null) settle(heardId, heard.usage, { rewriterCalls: 0, gpuMs: 0 });
    commit(context, row, words, costNanos);
  });
}

interface WordsStep {
  context: SessionContext;
  turn: TurnRow;
  trace: Trace;
  gpuTime: GpuTime;
  input: GradientInput;
  /** Scores by wording and reply, so that none is measured twice. */
  measured: Map<string, Score>;
}

interface Weighed {
  state: WordsState;
  revision: Revision;
  isExplained: boolean;
  /** Whether some wordings of the request were scored. */
  isMeasured: boolean;
}

/** The result of the feedback for a state, with every candidate scored in one batch. */
async function weigh(step: WordsStep, state: WordsState): Promise<Weighed> {
  const { context, input } = step;
  const options = wordsOptions(context);
  const items = candidatesToScore(state, input, options);
  const scores = items.length === 0 ? null : await measure(step, items);
  const made = textualGradient(state, input, scores, options);
  // Without scores a model's wordings are never used, so none are drawn if none could be measured.
  const isUnmeasured = items.length > 0 && scores === null;
  return { ...made, isExplained: isUnmeasured || made.isExplained, isMeasured: scores !== null };
}

/** Scores of the items in one batch, each measured once; null if nothing can be measured. */
async function measure(
  { context, turn, trace, gpuTime, measured }: WordsStep,
  items: readonly ScoreItem[],
): Promise<Score[] | null> {
  const nameOf = ({ prompt, reply }: ScoreItem) => JSON.stringify([prompt, reply]);
  const fresh = new Map(items.map((item) => [nameOf(item), item]));
  for (const name of measured.keys()) fresh.delete(name);
  if (fresh.size > 0) {
    const asked = [...fresh.values()].map(({ prompt, reply }) => ({
      messages: withRequest(turn.messages, prompt),
      reply,
    }));
    const scores = await scoreForWords(context, trace, gpuTime, asked);
    if (scores === null) return null;
    for (const [i, name] of [...fresh.keys()].entries()) measured.set(name, scores[i]!);
  }
  return items.map((item) => measured.get(nameOf(item))!);
}

/** Adds drawn wordings to the state and weighs all again. */
async function takeIn(
  step: WordsStep,
  stateBefore: WordsState,
  held: Weighed,
  drawn: DrawnWordings & { name: string },
): Promise<Weighed> {
  const { turnId, request } = step.input;
  const state = learnWordings(stateBefore, request, { by: drawn.name, turnId, ...drawn });
  if (drawn.wordings.length > 0) return weigh(step, state);
  return { ...held, state: { ...held.state, draws: state.draws } };
}

/** The reply that the remark gets by itself, where the served model has weights that can be asked. */
async function hear(step: WordsStep, state: WordsState, eventId: string): Promise<OneReply | null> {
  const { context, turn, input } = step;
  if (context.gpu.fixedWeights !== null || rewriterName(context) === "compose") return null;
  const prompt = remarkedWording(state, input, wordsOptions(context));
  if (prompt === null) return null;
  const maxTokens = Math.min(heardTokensMax, turn.sampling.max_tokens);
  return oneReply(step, withRequest(turn.messages, prompt), maxTokens, eventId);
}

/** Lets the session's rewriter propose wordings, within the cap; it never fails and never takes long. */
async function draw(
  { context, turn, trace, gpuTime }: WordsStep,
  row: FeedbackRow,
): Promise<(DrawnWordings & { name: string }) | null> {
  const name = rewriterName(context);
  if (name === "compose") return null;
  const nothing = (failure: string) => ({
    ...{ name, wordings: [], drawn: 0, calls: 0, usage: null, failure },
  });
  if (turn.content.length > rewritableCharsMax) {
    return nothing(`a request of more than ${rewritableCharsMax} characters is not reworded`);
  }
  const said = (row.body.text ?? "").trim();
  const attempts = [...earlierAttempts(context, turn), { reply: turn.reply, feedback: said }];
  const task = { request: turn.content, attempts };
  const asking = { context, trace, gpuTime };
  if (name !== "gpu") return askRewriter(asking, task);
  const shown = [{ content: turn.content }, ...attempts.flatMap(contentsOf)];
  const tokensMax = drawCount * rewriteTokensMax(turn.content);
  const charge = {
    eventId: meterIdOfWords(context, row.id),
    amountNanos: replyCostNanosMax(context.config.prices, shown, tokensMax),
  };
  return spend(context.purse, charge, async (keep) => {
    const drawn = await askRewriter(asking, task);
    keep();
    return drawn;
  }).catch((error: unknown) => nothing(error instanceof Error ? error.message : String(error)));
}

const contentsOf = ({ reply, feedback: said }: { reply: string; feedback: string }) => [
  { content: reply },
  { content: said },
];

function meterIdOfWords({ sessionId }: SessionContext, feedbackId: string): string {
  return `${sessionId}/${feedbackId}:words`;
}

function commit(
  context: SessionContext,
  row: FeedbackRow,
  words: WordsReport,
  costNanos = 0,
): void {
  if (feedbackRow(context, row.id).step !== "stored") return;
  const columns = { words, costNanos, step: "words" as const };
  context.db.update(feedback).set(columns).where(eq(feedback.id, row.id)).run();
  logReport(context, row, "words", words);
}

function reportOf(
  { constraints, ...found }: Revision,
  drawn: (DrawnWordings & { name: string }) | null,
): Omit<WordsReport, "plan" | "billed"> {
  return {
    ...found,
    constraints: constraints.map(({ text }) => text),
    rewriter:
      drawn === null
        ? null
        : {
            name: drawn.name,
            adopted: found.by === drawn.name,
            failure: drawn.failure,
            calls: drawn.calls,
            drawn: drawn.drawn,
            kept: drawn.wordings.length,
            prompt_tokens: drawn.usage?.prompt_tokens ?? 0,
            completion_tokens: drawn.usage?.completion_tokens ?? 0,
          },
  };
}

/**
 * Everything said about this problem so far. A retry learns under its problem's id, so that what holds for one try
 * holds for the next.
 */
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
    attempts: asJudged(context, attempts).map(({ prompt, reply, logprob }) => ({
      prompt,
      reply,
      ...(logprob === null ? {} : { confidence: probability(logprob) }),
    })),
    feedback: { reward: body.reward, text: body.text, correction: body.correction },
  };
}

/** The earlier tries of a turn's problem, each with the last remark on it. */
function earlierAttempts(
  context: SessionContext,
  turn: TurnRow,
): { reply: string; feedback: string }[] {
  const rows = context.db
    .select({ turn: turns, body: feedback.body })
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
    .all();
  const judged = asJudged(
    context,
    rows.map((row) => row.turn),
  );
  return rows.map(({ body }, i) => ({ reply: judged[i]!.reply, feedback: body?.text ?? "" }));
}
