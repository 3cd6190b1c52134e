/**
 * The same wish in four sessions at once, one for each way to adapt, with the same feedback in each.
 *
 * The visitor is played back: first what they would say, then the right answer, until a reply is right or
 * the tries are used up; then the sequel. Everything else comes from the running service.
 */
import { signal } from "@preact/signals";
import type { SessionClient, Turn, Weights } from "rosa2";
import { type Mode, modeText } from "../parts/modes.ts";
import { client } from "./account.ts";
import { explain } from "./failure.ts";

export interface Wish {
  request: string;
  hint: string | null;
  answer: string;
  next: { request: string; answer: string } | null;
}

export interface Step {
  /** What was said before this reply; null for the first. */
  said: string | null;
  turn: Turn;
  right: boolean;
}

export interface Run {
  mode: Mode;
  sessionId: string | null;
  steps: Step[];
  sequel: Step | null;
  weights: Weights | null;
  costUsd: number;
  status: "ready" | "running" | "done" | "failed";
  failure: string | null;
}

const triesMax = 3;
const order: readonly Mode[] = ["off", "words", "weights", "both"];

/** A request that another page wants compared. */
export const draft = signal<Wish | null>(null);

export const runs = signal<Run[]>(order.map((mode) => newRun(mode, "ready")));

/** Sessions of a comparison erase themselves after this time, and when the next one begins. */
const keptS = 3_600;

export async function compare(wish: Wish): Promise<void> {
  for (const { sessionId } of runs.value) {
    if (sessionId !== null && !opened.has(sessionId)) void eraseQuietly(sessionId);
  }
  runs.value = order.map((mode) => newRun(mode, "running"));
  await Promise.all(order.map((mode) => play(mode, wish)));
}

const opened = new Set<string>();

/** A session that the visitor has looked at is theirs to erase. */
export function keepOpened(sessionId: string): void {
  opened.add(sessionId);
}

/** It goes by itself later where this fails. */
async function eraseQuietly(sessionId: string): Promise<void> {
  await client.value
    .session(sessionId)
    .erase()
    .catch(() => {});
}

/** The try that was right, from 1; 0 when none was. */
export function rightAt({ steps }: Run): number {
  return steps.findIndex(({ right }) => right) + 1;
}

/** One sentence about finished runs: which ways got it right, and whether it lasted. */
export function verdictOf(done: readonly Run[]): string {
  const names = (of: readonly Run[]) => of.map(({ mode }) => modeText(mode).toLowerCase());
  const solved = done.filter((run) => rightAt(run) > 0);
  if (solved.length === 0) return "None of the four got it right within its tries.";
  const lasting = solved.filter(({ sequel }) => sequel?.right === true);
  const few = Math.min(...solved.map(rightAt));
  const first = listed(names(solved.filter((run) => rightAt(run) === few)));
  const quick = `Right first, at try ${few}: ${first}.`;
  if (solved.every(({ sequel }) => sequel === null)) return quick;
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
    sequel: null,
    weights: null,
    costUsd: 0,
    status,
    failure: null,
  };
}

async function play(mode: Mode, wish: Wish): Promise<void> {
  try {
    const session = await client.value.createSession({
      title: `${wish.request.slice(0, 60)} · ${modeText(mode).toLowerCase()}`,
      adaptation: { mode },
      ttl_seconds: keptS,
    });
    change(mode, { sessionId: session.id });
    await converse(mode, session, wish);
    const { totals } = await session.read();
    change(mode, { status: "done", costUsd: totals.cost.usd });
  } catch (error) {
    change(mode, { status: "failed", failure: explain(error) });
  }
}

async function converse(mode: Mode, session: SessionClient, wish: Wish): Promise<void> {
  const isRight = (turn: Turn, answer: string) => turn.reply.trim() === answer.trim();
  const steps: Step[] = [];
  const add = (said: string | null, turn: Turn) => {
    steps.push({ said, turn, right: isRight(turn, wish.answer) });
    change(mode, { steps: [...steps] });
    return turn;
  };
  let turn = add(null, await session.ask(wish.request));
  while (!isRight(turn, wish.answer) && steps.length < triesMax) {
    const hinting = steps.length === 1 && wish.hint !== null;
    const said = hinting ? { text: wish.hint ?? "" } : { correction: wish.answer };
    const result = await session.feedback(turn.id, { reward: -1, retry: true, ...said });
    if (result.weights.decision === "updated") change(mode, { weights: result.weights });
    if (result.turn === undefined) return;
    turn = add(hinting ? wish.hint : `it should be ${wish.answer}`, result.turn);
  }
  if (wish.next === null) return;
  const sequel = await session.ask(wish.next.request);
  change(mode, {
    sequel: { said: null, turn: sequel, right: isRight(sequel, wish.next.answer) },
  });
}

function change(mode: Mode, part: Partial<Run>): void {
  runs.value = runs.value.map((run) => (run.mode === mode ? { ...run, ...part } : run));
}
