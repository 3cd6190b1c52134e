import { seededRandom } from "@rosa2/shared/random";
import { describe, expect, it } from "vitest";
import { listQuestion } from "../../../gpu-service/language/list-question.ts";
import type { Task } from "../../../gpu-service/language/task.ts";
import { feedback, misreadSlots } from "../../../gpu-service/language/user.ts";

const task: Task = {
  kind: "digits",
  items: ["4", "7", "1", "9"],
  operations: [{ family: "sort", count: 0 }],
  hidden: ["up", "plain"],
  stated: [false, false],
};
const question = listQuestion(task);
const always = { hint: 1, statement: 0, varied: false };

describe("the simulated user", () => {
  it("hints at the sense whose misreading explains the reply", () => {
    const random = seededRandom(1);
    expect(feedback(random, question, "9 7 4 1", always)).toBe("other order");
    expect(feedback(random, question, "[1 4 7 9]", always)).toBe("other format");
  });

  it("hints at either sense when both were misread, one at a time", () => {
    const random = seededRandom(2);
    const said = Array.from({ length: 40 }, () => feedback(random, question, '"9 7 4 1"', always));
    expect(new Set(said)).toEqual(new Set(["other order", "other format"]));
  });

  it("only says that the reply is wrong when no reading explains it", () => {
    const random = seededRandom(3);
    expect(misreadSlots(question, "1 4 9 7")).toEqual([]);
    for (let i = 0; i < 20; i++) {
      expect(["wrong", "no", "not that", "try again"]).toContain(
        feedback(random, question, "1 4 9 7", always),
      );
    }
  });

  it("never blames what the request stated", () => {
    const stated = listQuestion({ ...task, stated: [true, false] });
    expect(misreadSlots(stated, "9 7 4 1")).toEqual([]);
    expect(misreadSlots(stated, "[1 4 7 9]")).toEqual([1]);
  });

  it("states the reading if it is that kind of user", () => {
    const random = seededRandom(4);
    const said = Array.from({ length: 40 }, () =>
      feedback(random, question, "9 7 4 1", { hint: 0, statement: 1, varied: false }),
    );
    expect(new Set(said)).toEqual(new Set(["smallest first", "ascending"]));
  });

  it("states it in many ways if it talks as people do, its own part of the request among them", () => {
    const random = seededRandom(6);
    const manner = { hint: 0, statement: 1, varied: true };
    const said = new Set(
      Array.from({ length: 400 }, () => feedback(random, question, "9 7 4 1", manner)),
    );
    expect(said.size).toBeGreaterThan(60);
    expect([...said]).toContain("Sort them from smallest to largest.");
    for (const one of said)
      expect(one).not.toMatch(/[{}]|largest first|falling|decreasing|descending/i);
  });

  it("refuses to reject a right reply", () => {
    expect(() => feedback(seededRandom(5), question, "1 4 7 9")).toThrow("it is right");
  });
});
