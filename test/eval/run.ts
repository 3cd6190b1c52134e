/** Holds the sessions of a plan that the journal lacks, several at a time, and reports each as it finishes. */
import type { Api } from "./api.ts";
import type { Cell } from "./cells.ts";
import { conditions } from "./conditions.ts";
import type { Journal, SessionRecord } from "./journal.ts";
import type { Meter } from "./meter.ts";
import type { Probe, SessionPlan } from "./problem.ts";
import { runSession } from "./session.ts";
import type { Settings } from "./settings.ts";
import { DialogueStudent } from "./students/dialogue-student.ts";

export interface RunContext {
  api: Api;
  model: string;
  settings: Settings;
  journal: Journal;
  meter: Meter | null;
  signal: AbortSignal;
  onSession(record: SessionRecord): void;
}

/** Number of sessions that a cell still needs. */
export function pendingOf(cell: Cell, journal: Journal): number[] {
  const indices = Array.from({ length: cell.suite.sessionCount }, (_, index) => index);
  return indices.filter((index) => !journal.holds(keyOf(cell), index));
}

/** @throws the first failure of a session, once those in flight have ended. */
export async function runCells(cells: readonly Cell[], context: RunContext): Promise<void> {
  const baseReplies = new Map<string, Promise<string>>();
  for (const cell of cells) {
    const pending = pendingOf(cell, context.journal);
    if (pending.length === 0) continue;
    const watch = await context.meter?.watch();
    try {
      await inParallel(pending, context.settings.concurrency, context.signal, async (index) => {
        const record = await holdSession(cell, index, context, baseReplies);
        context.journal.add(record);
        context.onSession(record);
      });
      if (watch) context.journal.add({ kind: "meter", ...keyOf(cell), ...(await watch.read()) });
    } finally {
      watch?.stop();
    }
  }
}

async function holdSession(
  cell: Cell,
  index: number,
  context: RunContext,
  baseReplies: Map<string, Promise<string>>,
): Promise<SessionRecord> {
  const { api, model, settings } = context;
  const { suite, seed } = cell;
  const condition = conditions[cell.condition];
  const plan = suite.draw(seed, index);
  const title = `eval ${suite.name} ${cell.condition} ${seed}/${index}`;
  const sampling = {
    temperature: settings.temperature,
    ...(settings.maxTokens === null ? {} : { max_tokens: settings.maxTokens }),
    ...(settings.temperature > 0 ? { seed: seed * 1000 + index } : {}),
  };
  const { instructions } = plan;
  const { bestOf } = settings;
  const options = { model, sampling, context: settings.context, bestOf, instructions, title };
  const student = await condition.open(api, options);
  let isDone = false;
  try {
    const { problems, probesRight, spent } = await runSession(student, plan, suite.protocol, {
      userSeed: `user ${seed}/${suite.name}/${index}`,
      probes: condition.isProbed,
    });
    const base = new DialogueStudent(api, { ...options, keepsHistory: false });
    const before = probesRight === null ? 0 : await countRight(plan, base, baseReplies);
    isDone = true;
    return {
      kind: "session",
      ...keyOf(cell),
      index,
      problems,
      probes:
        probesRight === null ? null : { count: plan.probes.length, before, after: probesRight },
      spent,
    };
  } finally {
    // After a failure the session is kept, so that people can look at it.
    if (isDone && !settings.keep) await student.close();
  }
}

/** Probes that the base model answers right, each asked once in a run. */
async function countRight(
  plan: SessionPlan,
  base: DialogueStudent,
  replies: Map<string, Promise<string>>,
): Promise<number> {
  let right = 0;
  for (const { request, isRight } of plan.probes satisfies readonly Probe[]) {
    const name = JSON.stringify([plan.instructions, request]);
    const reply = replies.get(name) ?? base.probe(request);
    replies.set(name, reply);
    if (await isRight(await reply)) right++;
  }
  return right;
}

function keyOf({ suite, condition, seed }: Cell) {
  return { suite: suite.name, condition, seed };
}

/** Runs the work on every item, `width` at a time; after a failure or an abort no more is begun. */
async function inParallel<T>(
  items: readonly T[],
  width: number,
  signal: AbortSignal,
  work: (item: T) => Promise<void>,
): Promise<void> {
  const queue = items.values();
  let failure: { error: unknown } | null = null;
  const worker = async () => {
    for (const item of queue) {
      if (failure !== null || signal.aborted) return;
      try {
        await work(item);
      } catch (error) {
        failure ??= { error };
      }
    }
  };
  await Promise.all(Array.from({ length: width }, worker));
  signal.throwIfAborted();
  if (failure !== null) throw (failure as { error: unknown }).error;
}
