/** Composing alone on hand-written conversations: the next request contains what was said, and nothing else. */
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

/** The parts of what was said that a conversation's next request lacks, and the parts that it adds. */
function faults(conversation: Conversation): { lacks: string[]; says: string[] } {
  const after = reword(conversation).toLowerCase();
  const has = (fact: string) => after.includes(fact.toLowerCase());
  return {
    lacks: conversation.must.filter((fact) => !has(fact)),
    says: (conversation.mustNot ?? []).filter(has),
  };
}

describe("everyday conversations", () => {
  it("hold what was said, 97 in a hundred at least", () => {
    expect(conversations.length).toBeGreaterThanOrEqual(190);
    const failed = conversations.filter((c) => faults(c).lacks.length > 0);
    for (const c of failed) console.info(`- "${c.feedback}": ${reword(c)}`);
    const passed = conversations.length - failed.length;
    console.info(`${passed} of ${conversations.length} everyday conversations pass`);
    expect(passed / conversations.length).toBeGreaterThanOrEqual(0.97);
  });

  it("never hold what nobody said", () => {
    const invented = conversations.filter((c) => faults(c).says.length > 0);
    expect(invented.map(({ feedback }) => feedback)).toEqual([]);
  });

  it("keep the request byte for byte, but for a number that the user takes back", () => {
    const changed = conversations.filter((c) => !reword(c).startsWith(c.request.trimEnd()));
    expect(changed.map(({ feedback }) => feedback)).toEqual(["no, 2024"]);
  });
});
