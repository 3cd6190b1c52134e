/** A chat client's messages as a session takes them: instructions, what came before, and the next request. */
import { RosaError } from "@rosa2/shared/errors";
import type { Message } from "@rosa2/shared/protocol";
import { contentCharsMax, instructionsCharsMax } from "../../contract/index.ts";
import type { Said } from "../../session/dialogue.ts";

/** @throws RosaError `invalid_request` unless the last message is a request of the user's. */
export function conversationOf(messages: readonly Message[]): { request: string; said: Said } {
  const systems = messages.filter(({ role }) => role === "system");
  const others = messages.filter(({ role }) => role !== "system");
  const last = others.at(-1);
  if (last?.role !== "user" || messages.at(-1) !== last) {
    throw invalid("in a session the last message must be the user's next request");
  }
  const instructions =
    systems.length === 0 ? null : systems.map(({ content }) => content).join("\n\n");
  if (last.content.length > contentCharsMax) {
    throw invalid(`a request may have ${contentCharsMax} characters`);
  }
  if (instructions !== null && instructions.length > instructionsCharsMax) {
    throw invalid(`a session's system message may have ${instructionsCharsMax} characters`);
  }
  return { request: last.content, said: { instructions, earlier: others.slice(0, -1) } };
}

function invalid(message: string): RosaError {
  return new RosaError("invalid_request", `messages: ${message}`, { param: "messages" });
}
