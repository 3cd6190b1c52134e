/** Corrections of twenty to eighty tokens on the bundled model: what one correction teaches about the next request. */
import type { Message } from "@rosa2/shared/protocol";
import { pick, type Random, seededRandom } from "@rosa2/shared/random";
import { families } from "../../../gpu-service/language/operations.ts";
import { answer, drawTask } from "../../../gpu-service/language/task.ts";
import { request } from "../../../gpu-service/language/wording.ts";
import type { AdapterWeights, TokenRow } from "../../../gpu-service/src/language-model.ts";
import { mean, pairedInterval, share } from "../statistics.ts";
import { fittingUser, type Habit, habitNames, type User } from "./habits.ts";
import type { Lab } from "./lab.ts";

const tokens = { min: 20, max: 80 };
const requestsPerSession = 5;
/** A user who gets a wrong reply to the same request again repeats the correction, so many times in all. */
const feedbacksMax = 3;
/** Requests that a session does not use, asked before and after it. */
const keptCount = 16;

const conditions = ["none", "history", "weights"] as const;
type Condition = (typeof conditions)[number];

export interface LongSession {
  habit: Habit;
  /** Of each request after the first one, whether the reply was right at once. */
  right: Record<Condition, boolean[]>;
  /** Tokens of each correction, and the time of the update that learned it (ms). */
  corrections: { tokens: number; ms: number }[];
  /** Share right before minus after, of requests that the session does not use. */
  forgotten: number;
  klReported: number;
}

/**
 * One user who wants the same habit in every reply and corrects what is wrong. Each request after the first correction
 * is asked three times: the base model, the base model with the corrections in its context, and the adapter.
 */
async function longSession(lab: Lab, habit: Habit, seed: string): Promise<LongSession> {
  const { user, exchanges } = fittingUser(
    habit,
    `${habit} ${seed}`,
    requestsPerSession,
    (reply) => {
      const { length } = lab.tokenizer.replyIds(reply);
      return length >= tokens.min && length <= tokens.max;
    },
  );
  const right: LongSession["right"] = { none: [], history: [], weights: [] };
  const corrections: LongSession["corrections"] = [];
  const view: Message[] = [];
  const examples: TokenRow[] = [];
  let adapter: AdapterWeights | null = null;
  let klReported = 0;
  for (const [at, { request: said, reply: wanted }] of exchanges.entries()) {
    const own: Message[] = [{ role: "user", content: said }];
    const isRight = async (messages: Message[], under: AdapterWeights | null) =>
      (await lab.reply(messages, under, tokens.max)) === wanted;
    const isLearned = await isRight(own, adapter);
    if (at > 0) {
      right.none.push(await isRight(own, null));
      right.history.push(await isRight([...view, ...own], null));
      right.weights.push(isLearned);
    }
    view.push(...own, { role: "assistant", content: wanted });
    const example = lab.row(said, wanted, isLearned ? "held" : "corrected");
    examples.push(example);
    for (let given = 0; !isLearned && given < feedbacksMax; given++) {
      const { adapter: updated, outcome, ms } = await lab.update(examples, adapter);
      adapter = updated;
      klReported = outcome.kl_base;
      corrections.push({ tokens: example.reply.length, ms });
      if (await isRight(own, adapter)) break;
    }
  }
  const kept = (under: AdapterWeights | null) => shareKept(lab, user, seed, under);
  return {
    habit,
    right,
    corrections,
    forgotten: (await kept(null)) - (await kept(adapter)),
    klReported,
  };
}

/** Figures of some sessions by name; intervals are of 95 %, paired over sessions. */
export function longFigures(sessions: readonly LongSession[]): Record<string, number | string> {
  const of = (condition: Condition) =>
    share(sessions.flatMap(({ right }) => right[condition])) ?? Number.NaN;
  const gain = (than: Condition) => {
    const interval = pairedInterval(
      sessions.map(({ right }) => share(right.weights)! - share(right[than])!),
    );
    const signed = (value: number | null) =>
      value === null ? "?" : (value < 0 ? "−" : "+") + Math.abs(value).toFixed(3);
    const { mean, low, high } = interval!;
    return `${signed(mean)} [${signed(low)} ${signed(high)}]`;
  };
  const corrections = sessions.flatMap(({ corrections }) => corrections);
  const times = corrections.map(({ ms }) => ms).sort((a, b) => a - b);
  return {
    sessions: sessions.length,
    ...Object.fromEntries(conditions.map((condition) => [condition, of(condition)])),
    overNone: gain("none"),
    overHistory: gain("history"),
    forgotten: mean(sessions.map(({ forgotten }) => forgotten)) ?? Number.NaN,
    klReportedMax: Math.max(...sessions.map(({ klReported }) => klReported)),
    updates: corrections.length,
    tokens: mean(corrections.map(({ tokens }) => tokens)) ?? Number.NaN,
    msMedian: times[times.length >> 1] ?? Number.NaN,
    msP95: times[Math.floor(0.95 * times.length)] ?? Number.NaN,
  };
}

/** `count` sessions of each habit; `done` is called with each. */
export async function longSessions(
  lab: Lab,
  { seed, sessions }: { seed: string; sessions: number },
  done: (habit: Habit, found: readonly LongSession[]) => void,
): Promise<LongSession[]> {
  const all: LongSession[] = [];
  for (const habit of habitNames) {
    const found: LongSession[] = [];
    for (let at = 0; at < sessions; at++) {
      found.push(await longSession(lab, habit, `${seed}/${at}`));
    }
    done(habit, found);
    all.push(...found);
  }
  return all;
}

/** Of clear single operations. A reply in the way that this user wants every reply is right too. */
async function shareKept(lab: Lab, user: User, seed: string, adapter: AdapterWeights | null) {
  const random: Random = seededRandom(`kept ${seed}`);
  let right = 0;
  for (let at = 0; at < keptCount; at++) {
    const options = { stated: "clear", readings: "uniform" } as const;
    const task = drawTask(random, [pick(random, families)], options);
    const messages: Message[] = [{ role: "user", content: request(task) }];
    const reply = await lab.reply(messages, adapter, tokens.max);
    if (reply === answer(task) || reply === user.toOther(task)) right++;
  }
  return right / keptCount;
}
