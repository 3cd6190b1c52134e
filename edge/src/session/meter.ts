/** What a session notes for the accounts in D1: metered events and changes of the index, through the outbox. */
import type { Usage } from "@rosa2/shared/protocol";
import type { UsageEvent } from "../accounts/usage.ts";
import { type Desk, sessionRow, type TurnRow } from "./desk.ts";
import { estimateTokens } from "./prompt.ts";

/** Event id in the ledger; it holds the session's id because a fork keeps the ids of its turns. */
export function meterId(desk: Desk, turnId: string, run: number): string {
  return `${sessionRow(desk).id}/${turnId}:${run}`;
}

export function meter(desk: Desk, event: UsageEvent): void {
  desk.outbox.put({
    id: `usage:${event.eventId}`,
    kind: "usage",
    payload: event,
    dueAt: desk.now(),
  });
}

/** The list of sessions is brought up to date soon; many changes become one write. */
export function noteIndex(desk: Desk): void {
  desk.outbox.put({ id: "index", kind: "index", payload: {}, dueAt: desk.now() });
}

/** A stopped reply is never reported by the service; this counts what was read, and estimates what was sent. */
export function estimateUsage(turn: TurnRow, deltaCount: number): Usage {
  return {
    prompt_tokens: estimateTokens(turn.messages),
    completion_tokens: deltaCount,
    cached_tokens: 0,
  };
}
