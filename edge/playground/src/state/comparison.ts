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

export async function compare(wish: Wish): Promise<void> {
  runs.value = order.map((mode) => newRun(mode, "running"));
  await Promise.all(order.map((mode) => play(mode, wish)));
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
