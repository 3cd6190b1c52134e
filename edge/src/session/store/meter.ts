/** What a session notes for the accounts in D1: metered events and changes of the index, through the outbox. */
import type { Message, Spent, Usage } from "@rosa2/shared/protocol";
import type { UsageEvent } from "../../accounts/usage.ts";
import { estimateTokens } from "../policy/prompt.ts";
import type { Store } from "./store.ts";

/** Event id in the ledger; it holds the session's id because a fork keeps the ids of its turns. */
export function meterId(store: Store, turnId: string, run: number): string {
  return `${store.sessionId}/${turnId}:${run}`;
}

export function meter(store: Store, event: UsageEvent): void {
  store.outbox.put({
    id: `usage:${event.eventId}`,
    kind: "usage",
    payload: event,
    dueAt: store.now(),
  });
}

/** The list of sessions is brought up to date soon; many changes become one write. */
export function noteIndex(store: Store): void {
  store.outbox.put({ id: "index", kind: "index", payload: {}, dueAt: store.now() });
}

/** GPU milliseconds of one step's calls, for the step's own metered event. */
export interface GpuTime {
  ms: number;
}

/** What a reply that never came to its end has taken: as last reported, else counted by what was read. */
export class Spending {
  readonly #messages: readonly Message[];
  readonly #now: () => number;
  #reported: Spent | null = null;
  #deltaCount = 0;
  #firstDeltaAt: number | null = null;

  constructor(messages: readonly Message[], now: () => number) {
    this.#messages = messages;
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
        prompt_tokens: estimateTokens(this.#messages),
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
