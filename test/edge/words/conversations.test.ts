/** The rules provider on text far from the bundled model's: hand-written conversations, failures listed. */
import { describe, expect, it } from "vitest";
import { emptyWords, textualGradient } from "../../../edge/src/words/index.ts";
import { type Conversation, conversations as first } from "./conversations.ts";
import { fourthConversations } from "./conversations-fourth.ts";
import { freshConversations } from "./conversations-fresh.ts";
import { thirdConversations } from "./conversations-third.ts";

const conversations = [
  ...first,
  ...freshConversations,
  ...thirdConversations,
  ...fourthConversations,
];

function reword({ request, reply, feedback }: Conversation): string {
  return textualGradient(emptyWords(), {
    turnId: "turn_1",
    request,
    attempts: [{ prompt: request, reply, confidence: 0.5 }],
    feedback: { reward: -1, text: feedback },
  }).revision.after;
}

function faults(conversation: Conversation): string[] {
  const after = reword(conversation).toLowerCase();
  return [
    ...conversation.must
      .filter((fact) => !after.includes(fact.toLowerCase()))
      .map((f) => `lacks ${f}`),
    ...(conversation.mustNot ?? [])
      .filter((fact) => after.includes(fact.toLowerCase()))
      .map((f) => `says ${f}`),
  ];
}

describe("everyday conversations", () => {
  it("says what the user asked for in at least nine of ten", () => {
    expect(conversations.length).toBeGreaterThanOrEqual(80);
    const failed = conversations.filter((c) => faults(c).length > 0);
    const passed = conversations.length - failed.length;
    console.info(`${passed} of ${conversations.length} everyday conversations pass`);
    for (const c of failed) {
      console.info(
        `- "${c.feedback}" on "${c.request}": ${faults(c).join("; ")} → ${JSON.stringify(reword(c))}`,
      );
    }
    expect(passed / conversations.length).toBeGreaterThanOrEqual(0.9);
  });

  it("keeps the request itself byte for byte, in order, in every one of them", () => {
    for (const conversation of conversations) {
      const after = reword(conversation);
      let at = 0;
      for (const character of conversation.request) {
        at = after.indexOf(character, at);
        expect(at, conversation.request).toBeGreaterThanOrEqual(0);
        at += character.length;
      }
    }
  });
});
