/** A chat client's messages in a session's form: instructions, earlier messages, and the next request. */
import { RosaError } from "@rosa2/shared/errors";
import type { Message, PromptMessage } from "@rosa2/shared/protocol";
import { writtenCall, writtenResult } from "@rosa2/shared/reply-parts";
import { contentCharsMax, instructionsCharsMax } from "../../contract/index.ts";
import type { Said } from "../../session/store/dialogue.ts";

/**
 * The request is the user's last message, or the results of the functions that the last reply called.
 *
 * @throws RosaError `invalid_request` unless the last message is one of these.
 */
export function conversationOf(messages: readonly PromptMessage[]): {
  request: string;
  said: Said;
} {
  const systems = messages.filter(({ role }) => role === "system");
  const others = asText(messages.filter(({ role }) => role !== "system"));
  const last = others.at(-1);
  if (last?.role !== "user" || messages.at(-1)?.role === "system") {
    throw invalid(
      "in a session the last message must be the user's next request, or a tool's result",
    );
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

/** Calls and results as a session's texts; the results of one reply's calls form one request. */
function asText(messages: readonly PromptMessage[]): Message[] {
  const said: (Message & { isResult?: boolean })[] = [];
  for (const { role, content, tool_calls: calls = [] } of messages) {
    const before = said.at(-1);
    if (role === "tool") {
      const result = writtenResult(content);
      if (before?.isResult) before.content += `\n${result}`;
      else said.push({ role: "user", content: result, isResult: true });
    } else {
      const parts = [content, ...calls.map(writtenCall)].filter((part) => part !== "");
      said.push({ role, content: parts.join("\n") });
    }
  }
  return said.map(({ role, content }) => ({ role, content }));
}

function invalid(message: string): RosaError {
  return new RosaError("invalid_request", `messages: ${message}`, { param: "messages" });
}
