/** The effect of an adaptation step, in one sentence for people. It knows the API's records and no markup. */
import type { Generation, Reach, Session, Weights, Words } from "rosa2";

/** A probability in everyday words: "1 in 9", "9 in 10", "99.9 in 100". */
export function chance(p: number): string {
  if (p >= 0.995) return "almost certain";
  if (p >= 0.95) return `${Math.round(100 * p)} in 100`;
  if (p >= 0.5) return `${Math.round(10 * p)} in 10`;
  const odds = 1 / p;
  if (!(odds < 1e6)) return "less than 1 in a million";
  return `1 in ${odds < 10 ? Math.round(odds) : Number(odds.toPrecision(2)).toLocaleString("en")}`;
}

export interface Shift {
  what: ShiftedReply;
  /** Probabilities of the whole reply, 0 to 1. */
  before: number;
  after: number;
}

export type ShiftedReply = "right" | "rejected";

/** Probabilities of the right and of the rejected reply, before the update and after it. */
export function shiftsOf(weights: Weights, generation: Generation | undefined): Shift[] {
  const { right_reply: right, tokens } = weights;
  const learnt = generation?.rows.findLast(({ kind }) => kind === "rejected");
  const rejected = learnt ?? wholeOf(tokens?.rejected ?? null);
  const shift = (what: ShiftedReply, row: { logprob_before: number; logprob_after: number }) => ({
    what,
    before: Math.exp(row.logprob_before),
    after: Math.exp(row.logprob_after),
  });
  return [
    ...(right === null ? [] : [shift("right", right)]),
    ...(rejected === null ? [] : [shift("rejected", rejected)]),
  ];
}

type TokenShifts = NonNullable<NonNullable<Weights["tokens"]>["right"]>;

/** A reply's log-probs, summed over its tokens; null where some are missing. */
function wholeOf(tokens: TokenShifts | null) {
  if (tokens?.at(-1)?.text !== "") return null;
  const sum = (of: "before" | "after") => tokens.reduce((total, token) => total + token[of], 0);
  return { logprob_before: sum("before"), logprob_after: sum("after") };
}

/** The smallest change of a token's probability that a drawing shows. */
const seenChange = 0.05;

/** Replies to draw token by token: those with several tokens of which at least one moved. */
export function movedTokens({ tokens }: Weights): { what: ShiftedReply; tokens: TokenShifts }[] {
  const replies = [
    { what: "right" as const, tokens: tokens?.right ?? [] },
    { what: "rejected" as const, tokens: tokens?.rejected ?? [] },
  ];
  const moves = ({ before, after }: TokenShifts[number]) =>
    Math.abs(Math.exp(after) - Math.exp(before)) >= seenChange;
  return replies.filter((reply) => reply.tokens.length > 2 && reply.tokens.some(moves));
}

export function wordsSentence(words: Words): string {
  if (words.changed) return "I read it differently now:";
  if (words.diagnosis === "accepted") return "The wording was right, so it stays.";
  return "I read it as before:";
}

export function weightsSentence(weights: Weights, generation: Generation | undefined): string {
  switch (weights.decision) {
    case "skipped":
      return "The model stays as it is.";
    case "rejected":
      return "An update was tried and thrown away; nothing changed and it costs nothing.";
    case "queued":
      return "The update waits for its turn.";
    case "updated":
      break;
  }
  const [shift] = shiftsOf(weights, generation);
  if (shift === undefined) return "The model changed a little.";
  const name = shift.what === "right" ? "right reply" : "rejected reply";
  const [before, after] = [chance(shift.before), chance(shift.after)];
  if (before === after) return `The model changed; the ${name} is as likely as before: ${after}.`;
  return `The ${name} was ${before}, now ${after}.`;
}

/** Before a correction is sent: whether it can be learned, and how far the model is from saying it. */
export function reachSentence({ verdict, reason, logprob }: Reach): string {
  const isFar = verdict === "one_update" || verdict === "several_updates";
  return isFar && logprob !== null
    ? `${reason} Its chance now: ${chance(Math.exp(logprob))}.`
    : reason;
}

/** What a generation learnt, in its user's words: the request, the feedback, and how sure the model is now. */
export function learntIn(generation: Generation, session: Session): string {
  const record = session.feedback.find(({ weights }) => weights?.generation === generation.id);
  const turn = session.turns.find(({ id }) => id === record?.turn_id);
  // A fork has the generations of its origin, but not their feedback.
  if (record === undefined || turn === undefined) return "Learnt before this session was forked.";
  const asked = `“${turn.content}”`;
  const { text, correction, weights } = record;
  const said = text === null || text === "" ? "" : `, after “${text}”`;
  const lesson =
    correction !== null
      ? `${asked} is to be answered ${correction}${said}.`
      : record.reward > 0
        ? `${asked} was right with ${turn.reply}${said}.`
        : `${asked} is not to be answered ${turn.reply}${said}.`;
  return weights === null ? lesson : `${lesson} ${weightsSentence(weights, generation)}`;
}
