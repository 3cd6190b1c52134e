/** The cost of a run, shown before it starts: the number of replies, and their time and price from one reply. */
import type { Api } from "./api.ts";
import type { Cell } from "./cells.ts";
import { conditions } from "./conditions.ts";
import type { Journal } from "./journal.ts";
import { pendingOf } from "./run.ts";
import type { Settings } from "./settings.ts";

interface Range {
  /** Every problem right at once. */
  least: number;
  /** Every try of every problem used. */
  most: number;
}

/** Replies that the sessions still to be held will ask for. */
export function projectReplies(cells: readonly Cell[], journal: Journal, bestOf: number): Range {
  const total: Range = { least: 0, most: 0 };
  for (const cell of cells) {
    const { suite, seed, condition } = cell;
    const draws = condition === "best_of" ? bestOf : 1;
    for (const index of pendingOf(cell, journal)) {
      const { problems, probes } = suite.draw(seed, index);
      const asked = conditions[condition].isProbed ? probes.length : 0;
      const tries = problems.map(({ triesMax }, i) =>
        i >= (suite.protocol.silentFrom ?? problems.length)
          ? 1
          : (triesMax ?? suite.protocol.triesMax),
      );
      total.least += problems.length * draws + asked;
      total.most += tries.reduce((sum, n) => sum + n, 0) * draws + asked;
    }
  }
  return total;
}

/** One line for people, from the time and price of one reply to the first problem that is still to be asked. */
export async function project(
  cells: readonly Cell[],
  journal: Journal,
  api: Api,
  { model, settings }: { model: string; settings: Settings },
): Promise<string | null> {
  const range = projectReplies(cells, journal, settings.bestOf);
  const first = cells.find((cell) => pendingOf(cell, journal).length > 0);
  if (first === undefined) return null;
  const [problem] = first.suite.draw(first.seed, pendingOf(first, journal)[0]!).problems;
  const limit = settings.maxTokens === null ? {} : { max_tokens: settings.maxTokens };
  const startedAt = performance.now();
  const answer = await api.chat({
    model,
    messages: [{ role: "user", content: problem!.request }],
    temperature: 0,
    ...limit,
  });
  const ms = performance.now() - startedAt;
  return describeProjection(range, {
    ms,
    usd: answer.rosa2?.cost.usd ?? null,
    concurrency: settings.concurrency,
  });
}

export function describeProjection(
  { least, most }: Range,
  reply: { ms: number; usd: number | null; concurrency: number },
): string {
  const minutes = (replies: number) =>
    ((replies * reply.ms) / reply.concurrency / 60_000).toPrecision(2);
  const price =
    reply.usd === null
      ? ""
      : ` and $${(least * reply.usd).toPrecision(2)} to $${(most * reply.usd).toPrecision(2)}`;
  return `Projected: ${least} to ${most} replies, ${minutes(least)} to ${minutes(most)} minutes${price}, from one reply of ${Math.round(reply.ms)} ms; updates and rewrites come on top`;
}
