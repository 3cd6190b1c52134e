/** A session's notes for its tenant's account, and the usage of a reply so far. */
import type { Spent, Usage } from "@rosa2/shared/protocol";
import { estimateTokens } from "../../inference/estimate.ts";
import type { Store } from "./rows.ts";

/** Event id in the ledger. It contains the session's id, because a fork keeps the ids of its turns. */
export function meterId(store: Store, turnId: string, run: number): string {
  return `${store.sessionId}/${turnId}:${run}`;
}

/** Event id of the update that a piece of feedback leads to. */
export function meterIdOfUpdate(store: Store, feedbackId: string): string {
  return `${store.sessionId}/${feedbackId}`;
}

/**
 * Schedules a report of metered events and of the session's index row; many changes share one message. `soon` for
 * changes that should not wait.
 */
export function noteReport(store: Store, soon = false): void {
  if (!soon && store.outbox.get("account") !== undefined) return;
  const dueAt = soon ? store.now() : store.now() + store.meteringMs;
  store.outbox.put({ id: "account", kind: "account", payload: {}, dueAt });
}

/** GPU milliseconds of one step's calls, for the step's own metered event. */
export interface GpuTime {
  ms: number;
}

interface Prompt {
  /** Read when the usage is asked for: a turn may have been asked with less of its dialogue. */
  messages: readonly { content: string }[];
}

/** Usage of an unfinished reply: as last reported, otherwise estimated from what was read. */
export class ReplyMeter {
  readonly #prompt: Prompt;
  readonly #now: () => number;
  #reported: Spent | null = null;
  #deltaCount = 0;
  #firstDeltaAt: number | null = null;

  constructor(prompt: Prompt, now: () => number) {
    this.#prompt = prompt;
    this.#now = now;
  }

  get hasBegun(): boolean {
    return this.#deltaCount > 0;
  }

  read(delta: { spent?: Spent | undefined }): void {
    this.#deltaCount++;
    this.#firstDeltaAt ??= this.#now();
    this.#reported = delta.spent ?? this.#reported;
  }

  get usage(): Usage {
    return (
      this.#reported?.usage ?? {
        prompt_tokens: estimateTokens(this.#prompt.messages),
        completion_tokens: this.#deltaCount,
        cached_tokens: 0,
      }
    );
  }

  get gpuMs(): number {
    if (this.#reported !== null) return gpuMsOf(this.#reported);
    return this.#firstDeltaAt === null ? 0 : this.#now() - this.#firstDeltaAt;
  }
}

export function gpuMsOf({ ms }: Pick<Spent, "ms">): number {
  return ms.prefill + ms.decode;
}
