/**
 * The same wish in four sessions at once, one for each mode, with the same feedback in each.
 *
 * The visitor's feedback is replayed: first the remark, then the right answer, until a reply is right or the tries are
 * used up; then the sequel. Everything else comes from the running service.
 */
import { signal } from "@preact/signals";
import type { Weights } from "rosa2";
import { modeText } from "../parts/modes.ts";
import { type Mode, outcomeOf, play, type Step, type Wish } from "../story.ts";
import { client } from "./account.ts";
import { explain } from "./failure.ts";

export interface Run {
  mode: Mode;
  sessionId: string | null;
  /** Steps about the first list, then at most one about the other. */
  steps: Step[];
  weights: Weights | null;
  costUsd: number;
  status: "ready" | "running" | "done" | "failed";
  failure: string | null;
}

const order: readonly Mode[] = ["off", "words", "weights", "both"];

/** A request that another page wants compared. */
export const draft = signal<Wish | null>(null);

export const runs = signal<Run[]>(order.map((mode) => newRun(mode, "ready")));

/** Sessions of a comparison are erased after this time, and when the next comparison begins. */
const keptS = 3_600;

export async function compare(wish: Wish): Promise<void> {
  for (const { sessionId } of runs.value) {
    if (sessionId !== null && !opened.has(sessionId)) void eraseQuietly(sessionId);
  }
  runs.value = order.map((mode) => newRun(mode, "running"));
  await Promise.all(order.map((mode) => playIn(mode, wish)));
}

const opened = new Set<string>();

/** A session that the visitor has opened is no longer erased by the page. */
export function keepOpened(sessionId: string): void {
  opened.add(sessionId);
}

/** Where this fails, the session expires later by itself. */
async function eraseQuietly(sessionId: string): Promise<void> {
  await client.value
    .session(sessionId)
    .erase()
    .catch(() => {});
}

/** The try that was right, from 1; 0 when none was. */
export function rightAt({ steps }: Run): number {
  return outcomeOf(steps).rightAt;
}

/** The reply about the other list, once there is one. */
export function sequelOf({ steps }: Run): Step | null {
  return steps.find(({ sequel }) => sequel) ?? null;
}

/** One sentence about finished runs: which modes got it right, and whether it lasted. */
export function verdictOf(done: readonly Run[]): string {
  const names = (of: readonly Run[]) => of.map(({ mode }) => modeText(mode).toLowerCase());
  const solved = done.filter((run) => rightAt(run) > 0);
  if (solved.length === 0) return "None of the four got it right within its tries.";
  const lasting = solved.filter((run) => sequelOf(run)?.right === true);
  const few = Math.min(...solved.map(rightAt));
  const first = listed(names(solved.filter((run) => rightAt(run) === few)));
  const quick = `Right first, at try ${few}: ${first}.`;
  if (solved.every((run) => sequelOf(run) === null)) return quick;
  if (lasting.length === 0) return `${quick} On the other list none was right: it did not last.`;
  return `${quick} Right on the other list too: ${listed(names(lasting))}.`;
}

function listed(names: readonly string[]): string {
  if (names.length < 2) return names.join("");
  return `${names.slice(0, -1).join(", ")} and ${names.at(-1)}`;
}

function newRun(mode: Mode, status: Run["status"]): Run {
  return {
    mode,
    sessionId: null,
    steps: [],
    weights: null,
    costUsd: 0,
    status,
    failure: null,
  };
}

async function playIn(mode: Mode, wish: Wish): Promise<void> {
  try {
    const session = await client.value.createSession({
      title: `${wish.request.slice(0, 60)} · ${modeText(mode).toLowerCase()}`,
      adaptation: { mode },
      ttl_seconds: keptS,
    });
    change(mode, { sessionId: session.id });
    const steps: Step[] = [];
    for await (const step of play(session, wish)) {
      steps.push(step);
      const weights = step.change?.weights;
      change(mode, {
        steps: [...steps],
        ...(weights?.decision === "updated" ? { weights } : {}),
      });
    }
    const { totals } = await session.read();
    change(mode, { status: "done", costUsd: totals.cost.usd });
  } catch (error) {
    change(mode, { status: "failed", failure: explain(error) });
  }
}

function change(mode: Mode, part: Partial<Run>): void {
  runs.value = runs.value.map((run) => (run.mode === mode ? { ...run, ...part } : run));
}
