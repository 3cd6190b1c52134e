/**
 * What a chat client sends besides its request: a system message, and earlier messages.
 *
 * The session's own instructions and history are authoritative. A first system message becomes the instructions; a
 * later one must be equal. Earlier messages are compared with the history and never replace it.
 */
import { RosaError } from "@rosa2/shared/errors";
import type { Message } from "@rosa2/shared/protocol";
import { asc, count, desc, inArray } from "drizzle-orm";
import { newId } from "../../ids.ts";
import type { Exchange } from "../policy/prompt.ts";
import { type Store, sessionRow } from "./rows.ts";
import { session, turns } from "./schema.ts";

export interface Said {
  /** The client's system message; null for none. */
  instructions: string | null;
  /** Its messages before the request. */
  earlier: Message[];
  /** Whether a session without turns takes them as its history. */
  adopts?: boolean;
  /** The turn that must be the latest. */
  after?: string;
}

/** How the sent messages relate to the history: none were sent, they are its latest part, or they differ. */
export type History = "server" | "matched" | "differs";

/** A started turn, as a chat client's stream begins. */
export interface BegunTurn {
  turnId: string;
  generation: string;
  history: History;
  stream: ReadableStream<Uint8Array>;
}

interface Finished extends Exchange {
  problemId: string;
  index: number;
  content: string;
}

/** Finished exchanges, oldest first, each problem with its last try; `but` excludes a problem. */
export function exchanges(store: Store, but: string | null = null): Finished[] {
  const { problemId, index, content, prompt, reply, status } = turns;
  const rows = store.db
    .select({ problemId, index, content, prompt, reply })
    .from(turns)
    .where(inArray(status, ["completed", "stopped"]))
    .orderBy(asc(index))
    .all();
  const last = new Map<string, Finished>();
  for (const row of rows)
    if (row.problemId !== but && row.reply !== "") last.set(row.problemId, row);
  return [...last.values()];
}

/**
 * Makes the client's system message the instructions of a session without instructions and turns.
 *
 * @throws RosaError `invalid_request` if the session's instructions differ.
 */
export function takeInstructions(store: Store, said: Said | undefined): void {
  const wanted = said?.instructions ?? null;
  if (wanted === null) return;
  const { instructions } = sessionRow(store);
  if (instructions === wanted) return;
  const begun = store.db.select({ turns: count() }).from(turns).get()?.turns ?? 0;
  if (instructions !== null || begun > 0) {
    throw new RosaError(
      "invalid_request",
      "messages: the system message is not the session's instructions. Leave it out, send it as it was, or open another session",
      { param: "messages" },
    );
  }
  store.db.update(session).set({ instructions: wanted }).run();
}

/**
 * Stores a client's earlier messages as turns of a new session's history; they cost nothing.
 *
 * @throws RosaError `invalid_request` if the latest turn is not the one named.
 */
export function takeHistory(store: Store, said: Said | undefined, keyId: string): void {
  const latest = store.db.select({ id: turns.id }).from(turns).orderBy(desc(turns.index)).get();
  if (said?.after !== undefined && latest?.id !== said.after) {
    throw new RosaError(
      "invalid_request",
      "previous_response_id: another response follows it already; fork the session at that turn",
      { param: "previous_response_id" },
    );
  }
  if (said?.adopts !== true || latest !== undefined) return;
  let request: string[] = [];
  let index = 0;
  for (const { role, content } of said.earlier) {
    if (role === "user") request.push(content);
    else {
      const id = newId("turn");
      const prompt = request.join("\n\n");
      request = [];
      const text = { content: prompt, prompt, reply: content };
      const empty = { messages: [], sampling: { max_tokens: 1 }, rejected: [] };
      const state = { status: "completed" as const, finishReason: "stop" as const };
      const at = { createdAt: store.now(), finishedAt: store.now() };
      store.db
        .insert(turns)
        .values({
          ...{ id, index, problemId: id, attempt: 1, generation: "base", keyId },
          ...{ ...text, ...empty, ...state, ...at },
        })
        .run();
      index++;
    }
  }
}

/** Compares the client's earlier messages with the history before the turn of this index. */
export function compareHistory(store: Store, said: Said | undefined, before: number): History {
  const sent = said?.earlier ?? [];
  if (sent.length === 0) return "server";
  const history = exchanges(store)
    .filter(({ index }) => index < before)
    .flatMap(({ content, prompt, reply }) => [[content, prompt], [reply]]);
  const latest = history.slice(-sent.length);
  const isLatest =
    latest.length === sent.length &&
    sent.every(({ role, content }, i) => {
      const isUser = (sent.length - i) % 2 === 0;
      return (
        role === (isUser ? "user" : "assistant") &&
        latest[i]?.some((text) => text.trim() === content.trim()) === true
      );
    });
  return isLatest ? "matched" : "differs";
}
