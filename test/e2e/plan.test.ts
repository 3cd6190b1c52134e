/** A retry that works step by step, on the real engine with the bundled model: where it is used and where not. */
import { describe, expect, it } from "vitest";
import type { FeedbackResult, TurnBody } from "../../edge/src/contract/index.ts";
import type { Rosa } from "./support/rosa.ts";
import { useRosa } from "./support/use-rosa.ts";

let rosa: Rosa;
useRosa((started) => {
  rosa = started;
});

async function ask(request: string, mode = "words"): Promise<TurnBody> {
  const { id } = await rosa.openSession({ adaptation: { mode, context: "request" } });
  return rosa.ask(id, request);
}

const answerOf = ({ turn }: FeedbackResult) => turn?.reply.split("answer: ").at(-1);

/** Clear requests for pairs of operations that the bundled model never carried out, and what is right. */
const unskilled = [
  ["Take two that are largest, then flip them end to end, in brackets: 1 6 2 1 4", "[4 6]"],
  ["Take three from the end, then rotate them by two to the right, in quotes: 9 1 2 7", '"2 7 1"'],
] as const;

describe("a plan", () => {
  it.each(unskilled)(
    "is used where the model's own steps lead to the correction: %s",
    async (request, right) => {
      const turn = await ask(request);
      expect(turn.reply).not.toBe(right);
      const { words, ...result } = await rosa.correct(turn, right);
      expect(words.after).toBe(request);
      expect(words.plan?.prompt).toBe(request.replace(": ", ", step by step: "));
      expect(words.plan?.reason).toMatch(/correction is .* likelier/u);
      expect(result.turn.prompt).toBe(words.plan?.prompt);
      expect(answerOf({ words, ...result })).toBe(right);
    },
  );

  it("teaches its answer under the wording, and later requests are asked as before", async () => {
    const [request, right] = unskilled[0];
    const turn = await ask(request);
    const { turn: planned } = await rosa.correct(turn, right);
    const { words } = await rosa.judge(planned, { reward: 1 });
    expect(words).toMatchObject({ before: request, after: request, plan: null });
    const next = await rosa.ask(turn.session_id, request.replace("1 6 2", "1 7 2"));
    expect(next.prompt).not.toContain("step");
    expect(await rosa.get(`/v1/sessions/${turn.session_id}/words`)).toMatchObject({
      constraints: [],
    });
  });

  it("is not used where the steps do not lead to the correction, nor where one was tried", async () => {
    const [request, right] = unskilled[0];
    const turn = await ask(request);
    const wrong = await rosa.correct(turn, '"0 0 9"');
    expect(wrong.words.plan).toBeNull();
    const { turn: planned } = await rosa.correct(await ask(request), right);
    const again = await rosa.judge(planned, { reward: -1, retry: true });
    expect(again.words.plan).toBeNull();
  });

  it("is not used where a wording explains the replies, nor where the weights are taught instead", async () => {
    const vague = await ask("Sort them, as plain text: 3 1 2");
    const explained = await rosa.correct(vague, "3 2 1", "largest first");
    expect(explained.words.plan).toBeNull();
    const [request, right] = unskilled[1];
    const { words, weights, turn } = await rosa.correct(await ask(request, "both"), right);
    expect(words.plan).toBeNull();
    expect(weights.decision).toBe("updated");
    expect(turn.reply).toBe(right);
  });
});
