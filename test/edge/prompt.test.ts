import { describe, expect, it } from "vitest";
import { estimateTokens } from "../../edge/src/inference/estimate.ts";
import { buildPrompt, shorterDialogue } from "../../edge/src/session/policy/prompt.ts";

const dialogue = [
  { prompt: "first question", reply: "first answer" },
  { prompt: "second question", reply: "second answer" },
];
const input = { instructions: null, dialogue, request: "third question", tokensMax: 512 };

describe("buildPrompt", () => {
  it("sends the rewritten request alone when the words adapt", () => {
    const messages = buildPrompt({ ...input, policy: "request", instructions: "Be brief." });
    expect(messages).toEqual([
      { role: "system", content: "Be brief." },
      { role: "user", content: "third question" },
    ]);
  });

  it("sends the dialogue, oldest first, otherwise", () => {
    expect(buildPrompt({ ...input, policy: "dialogue" }).map(({ content }) => content)).toEqual([
      "first question",
      "first answer",
      "second question",
      "second answer",
      "third question",
    ]);
  });

  it("drops whole exchanges from the oldest on until the rest fits", () => {
    const rest = buildPrompt({ ...input, policy: "dialogue", dialogue: dialogue.slice(1) });
    const tokensMax = estimateTokens(rest);
    expect(buildPrompt({ ...input, policy: "dialogue", tokensMax })).toEqual(rest);
    expect(buildPrompt({ ...input, policy: "dialogue", tokensMax: tokensMax - 1 })).toHaveLength(1);
  });

  it("never cuts the instructions or the request, however long", () => {
    const long = "x".repeat(10_000);
    const messages = buildPrompt({
      ...input,
      policy: "dialogue",
      instructions: long,
      request: long,
      tokensMax: 64,
    });
    expect(messages).toEqual([
      { role: "system", content: long },
      { role: "user", content: long },
    ]);
  });
});

describe("shorterDialogue", () => {
  const messages = buildPrompt({ ...input, policy: "dialogue", instructions: "Be brief." });
  const contents = (left: ReturnType<typeof shorterDialogue>) => left?.map((one) => one.content);

  it("leaves out the older half of the exchanges, and keeps instructions and request", () => {
    const half = shorterDialogue(messages);
    expect(contents(half)).toEqual([
      "Be brief.",
      "second question",
      "second answer",
      "third question",
    ]);
    expect(contents(shorterDialogue(half!))).toEqual(["Be brief.", "third question"]);
  });

  it("is null where no exchange is left", () => {
    expect(shorterDialogue(buildPrompt({ ...input, policy: "request" }))).toBeNull();
    expect(
      shorterDialogue(buildPrompt({ ...input, policy: "request", instructions: "Be brief." })),
    ).toBeNull();
  });
});
