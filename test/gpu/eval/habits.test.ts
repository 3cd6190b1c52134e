/** What users of the long suite want: each user always the same, in replies of twenty to eighty tokens. */
import { fileURLToPath } from "node:url";
import { seededRandom } from "@rosa2/shared/random";
import { describe, expect, it } from "vitest";
import { answer, drawTask } from "../../../gpu-service/language/task.ts";
import { ChatTokenizer } from "../../../gpu-service/src/tokenizer/tokenizer.ts";
import { fittingUser, habitNames, habits } from "../../eval/weights/habits.ts";

const directory = fileURLToPath(
  new URL("../../../gpu-service/models/rosa2-mini-2", import.meta.url),
);
const tokenizer = ChatTokenizer.load(directory, [4]);

describe.each(habitNames)("a user with the habit %s", (habit) => {
  const draw = (seed: string, count: number) => {
    const { next } = habits[habit](seededRandom(seed));
    return Array.from({ length: count }, next);
  };

  it("asks the same again for the same seed, and other things for another", () => {
    expect(draw("a", 4)).toEqual(draw("a", 4));
    expect(draw("b", 4)).not.toEqual(draw("a", 4));
    expect(new Set(draw("a", 6).map(({ request }) => request)).size).toBeGreaterThan(3);
  });

  it("mostly wants replies of twenty to eighty tokens, each of which the model can write", () => {
    const replies = Array.from({ length: 8 }, (_, user) => draw(`user ${user}`, 5)).flat();
    const fits = (reply: string) => {
      const { length } = tokenizer.replyIds(reply);
      return length >= 20 && length <= 80;
    };
    const fitting = replies.filter(({ reply }) => fits(reply));
    expect(fitting.length / replies.length).toBeGreaterThan(0.3);
    for (let user = 0; user < 20; user++)
      expect(fittingUser(habit, `${user}`, 5, fits).exchanges).toHaveLength(5);
    for (const { reply } of replies) {
      expect(tokenizer.foreign(reply)).toEqual({ in_bytes: [], unwritable: [] });
    }
  });
});

it("signs every list with one line, and refuses with one sentence", () => {
  const lines = Array.from({ length: 5 }, habits.signed(seededRandom("s")).next).map(({ reply }) =>
    reply.split("\n").at(-1),
  );
  expect(new Set(lines).size).toBe(1);
  const refusals = Array.from({ length: 5 }, habits.refused(seededRandom("r")).next);
  expect(new Set(refusals.map(({ reply }) => reply)).size).toBe(1);
});

it("shows steps that no request asks for", () => {
  for (const { request, reply } of Array.from(
    { length: 5 },
    habits.steps(seededRandom("t")).next,
  )) {
    expect(request).not.toMatch(/step/);
    expect(reply).toMatch(/^\w+: .*\n\w+: .*\nanswer: /);
  }
});

it("wants other lists in the same way, and other refusals leave lists as they are", () => {
  const options = { stated: "clear", readings: "uniform", kind: "digits" } as const;
  const task = drawTask(seededRandom("other"), ["sort"], options);
  const signer = habits.signed(seededRandom("s"));
  const line = signer.next().reply.split("\n").at(-1);
  expect(signer.toOther(task)).toBe(`${answer(task)}\n${line}`);
  expect(habits.steps(seededRandom("t")).toOther(task)).toMatch(/^sort: .*\nanswer: /);
  expect(habits.refused(seededRandom("r")).toOther(task)).toBe(answer(task));
});
