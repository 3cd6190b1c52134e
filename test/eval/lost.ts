/**
 * The suite `lost`: one clear request told whole, as shards at once, and as shards over turns ("LLMs Get Lost in
 * Multi-Turn Conversation", arXiv 2505.06120). All three use the same tasks, so their sessions can be paired.
 */
import { type Random, shuffled } from "@rosa2/shared/random";
import { asSentence } from "../../gpu-service/language/question.ts";
import { answer, isRight, type Task } from "../../gpu-service/language/task.ts";
import { canonicalWording, request, type Wording } from "../../gpu-service/language/wording.ts";
import type { SessionRecord } from "./journal.ts";
import type { Problem } from "./problem.ts";
import { type Interval, pairedInterval, ratio, share } from "./statistics.ts";

export type Telling = "whole" | "concatenated" | "shards";

/** The suite of each telling. */
export const lostSuites = { whole: "WHOLE", concatenated: "CONCAT", shards: "SHARDS" } as const;

/** Tries of the shards: the vague request, then one shard after the other. */
const lostTries = (task: Task) => task.operations.length + 2;

/** One task told in one of the ways. After each reply the user reveals the next shard, whatever the reply was. */
export function lostProblem(
  random: Random,
  task: Task,
  telling: Telling,
  wording: Wording = canonicalWording(task),
): Problem {
  const all = { ...task, stated: task.stated.map(() => true) };
  const vague = request({ ...task, stated: task.stated.map(() => false) }, wording);
  const shards = shuffled(random, shardsOf(task, wording));
  const said = {
    whole: request(all, wording),
    concatenated: [vague, ...shards].join("\n"),
    shards: vague,
  }[telling];
  return {
    request: said,
    steps: null,
    clear: null,
    triesMax: telling === "shards" ? lostTries(task) : 1,
    isRight: (reply) => isRight(task, reply),
    correction: answer(task),
    comment: (_random, _reply, tryIndex) => shards[tryIndex] ?? "wrong",
  };
}

/** "Sort them from smallest to largest.", one sentence an operation, and the format. */
function shardsOf(task: Task, wording: Wording): string[] {
  return [
    ...wording.clauses.map((clause, i) => asSentence(clause.clear[task.hidden[i]!]!)),
    asSentence(`answer ${wording.format[task.hidden.at(-1)!]}`),
  ];
}

export interface LostComparison {
  /** The condition that is told in shards; the base model is told the rest. */
  condition: string;
  shards: number;
  whole: number;
  /** Share right told in shards / told whole by the base model. */
  over_whole: number | null;
  /** Told in shards minus concatenated to the base model, paired. */
  over_concatenated: Interval | null;
  sessions: number;
}

/** One entry for every condition that was told shards, where `none` was told the request whole. */
export function compareLost(sessions: readonly SessionRecord[]): LostComparison[] {
  const of = (suite: string, condition: string) =>
    new Map(
      sessions
        .filter((record) => record.suite === suite && record.condition === condition)
        .map(({ seed, index, problems }) => [
          `${seed}/${index}`,
          share(problems.map(({ solved }) => solved)) ?? 0,
        ]),
    );
  const whole = of(lostSuites.whole, "none");
  const concatenated = of(lostSuites.concatenated, "none");
  const names = new Set(
    sessions.flatMap(({ suite, condition }) => (suite === lostSuites.shards ? condition : [])),
  );
  return [...names].flatMap((condition) => {
    const shards = of(lostSuites.shards, condition);
    const pairs = [...shards].filter(([key]) => whole.has(key));
    if (pairs.length === 0) return [];
    const average = (values: number[]) => values.reduce((sum, one) => sum + one, 0) / values.length;
    const told = average(pairs.map(([, solved]) => solved));
    const clear = average(pairs.map(([key]) => whole.get(key)!));
    return {
      condition,
      shards: told,
      whole: clear,
      over_whole: ratio(told, clear),
      over_concatenated: pairedInterval(
        pairs.map(([key, solved]) =>
          concatenated.has(key) ? solved - concatenated.get(key)! : null,
        ),
      ),
      sessions: pairs.length,
    };
  });
}
