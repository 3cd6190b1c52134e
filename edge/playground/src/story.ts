/**
 * One wish played to one session, as a visitor would do it: ask; while a reply is wrong give first the remark, then the
 * right answer; then ask the same about another list, without feedback. The page's comparison, the demo and the drawing
 * of examples share it. It knows the client and what each kind of example demands, but neither markup nor a language.
 */
import type { FeedbackResult, SessionClient, SessionSummary, Turn } from "rosa2";

export type Mode = SessionSummary["mode"];

export interface Wish {
  request: string;
  /** The remark on a wrong reply, if there is one. */
  hint: string | null;
  answer: string;
  /** The same wish about another list: what was learnt once should be right here at once. */
  next: { request: string; answer: string } | null;
}

export interface Step {
  /** The feedback before this reply; null where there was none. */
  said: string | null;
  turn: Turn;
  right: boolean;
  /** What the feedback before this reply changed. */
  change: FeedbackResult | null;
  /** Whether it is about the other list. */
  sequel: boolean;
}

const triesMax = 3;

/** The replies one by one: those of the first list (at most `triesMax`), then the one of the other list. */
export async function* play(
  session: SessionClient,
  wish: Wish,
  hintOn: (reply: string) => string | null = () => wish.hint,
): AsyncGenerator<Step> {
  const isRight = (turn: Turn, answer: string) => turn.reply.trim() === answer.trim();
  let turn = await session.ask(wish.request);
  yield { said: null, turn, right: isRight(turn, wish.answer), change: null, sequel: false };
  for (let tries = 1; !isRight(turn, wish.answer) && tries < triesMax; tries++) {
    const hint = tries === 1 ? hintOn(turn.reply) : null;
    const feedback = hint === null ? { correction: wish.answer } : { text: hint };
    const change = await session.feedback(turn.id, { reward: -1, retry: true, ...feedback });
    if (change.turn === undefined) return;
    turn = change.turn;
    const said = hint ?? `it should be ${wish.answer}`;
    yield { said, turn, right: isRight(turn, wish.answer), change, sequel: false };
  }
  if (wish.next === null) return;
  const next = await session.ask(wish.next.request);
  const right = isRight(next, wish.next.answer);
  yield { said: null, turn: next, right, change: null, sequel: true };
}

/** How a story went in one mode. */
export interface Outcome {
  /** Number of the right try, from 1; 0 when none was right. */
  rightAt: number;
  /** Whether the other list was right too. */
  lasts: boolean;
}
export type Outcomes = Record<Mode, Outcome>;

export function outcomeOf(steps: readonly Step[]): Outcome {
  return {
    rightAt: steps.findIndex(({ right, sequel }) => right && !sequel) + 1,
    lasts: steps.some(({ right, sequel }) => right && sequel),
  };
}

/**
 * What a mode must do. `fails`: never right. `fades`: may be right where it was corrected, but is wrong about the other
 * list, because it learnt the wrong thing or does not last. `lasts`: right, and right about the other list.
 */
type Course = "fails" | "fades" | "lasts";

export const kindNames = ["unclear", "unpractised", "both"] as const;
export type KindName = (typeof kindNames)[number];

/**
 * What each mode must do for a drawn request to be an example of a kind. Where only one thing is missing, drawing again
 * may give the right reply for the first list; that teaches nothing.
 */
const courses: Record<KindName, Record<Mode, Course>> = {
  unclear: { off: "fades", words: "lasts", weights: "fades", both: "lasts" },
  unpractised: { off: "fades", words: "fades", weights: "lasts", both: "lasts" },
  both: { off: "fails", words: "fails", weights: "fades", both: "lasts" },
};

const keeps: Record<Course, (outcome: Outcome) => boolean> = {
  fails: ({ rightAt, lasts }) => rightAt === 0 && !lasts,
  fades: ({ lasts }) => !lasts,
  lasts: ({ rightAt, lasts }) => rightAt > 0 && lasts,
};

/** The modes whose outcome is not what an example of this kind needs; empty when the request is a good example. */
export function untold(kind: KindName, outcomes: Partial<Outcomes>): Mode[] {
  return (Object.keys(outcomes) as Mode[]).filter(
    (mode) => !keeps[courses[kind][mode]](outcomes[mode]!),
  );
}
