import { pick, type Random, seededRandom } from "@rosa2/shared/random";
import { describe, expect, it } from "vitest";
import { sayingsOf } from "../../../edge/src/words/wordings.ts";
import { families } from "../../../gpu-service/language/operations.ts";
import { pairs } from "../../../gpu-service/language/skills.ts";
import { drawTask, slotsOf, type Task } from "../../../gpu-service/language/task.ts";
import {
  canonicalWording,
  clearRequest,
  drawWording,
  request,
} from "../../../gpu-service/language/wording.ts";

const chains = [...families.map((family) => [family]), ...pairs];
const seed = 20261123;

const example: Task = {
  kind: "digits",
  items: ["4", "7", "1", "9"],
  operations: [
    { family: "sort", count: 0 },
    { family: "rotate", count: 1 },
  ],
  hidden: ["up", "left", "brackets"],
  stated: [false, false, false],
};

/** Calls `check` with many tasks and a wording of each, every second one canonical. */
function forManyTasks(
  count: number,
  check: (task: Task, wording: ReturnType<typeof drawWording>, random: Random) => void,
) {
  const random = seededRandom(seed);
  for (let i = 0; i < count; i++) {
    const task = drawTask(random, pick(random, chains), { stated: 0.5, readings: "uniform" });
    check(task, i % 2 === 0 ? canonicalWording(task) : drawWording(random, task), random);
  }
}

describe("canonical wording", () => {
  it("says only what the task states", () => {
    expect(request(example)).toBe("Sort them, then rotate them by one: 4 7 1 9");
    expect(request({ ...example, stated: [true, false, true] })).toBe(
      "Sort them from smallest to largest, then rotate them by one, in brackets: 4 7 1 9",
    );
  });

  it("states every reading when asked to be clear", () => {
    expect(clearRequest(example)).toBe(
      "Sort them from smallest to largest, then rotate them by one to the left, in brackets: 4 7 1 9",
    );
    expect(clearRequest(example, ["down", "right", "plain"])).toBe(
      "Sort them from largest to smallest, then rotate them by one to the right, as plain text: 4 7 1 9",
    );
  });

  it("gives different requests to different readings of an operation", () => {
    forManyTasks(500, (task) => {
      const other = task.hidden.with(0, "other");
      expect(() => clearRequest(task, other)).not.toThrow();
      expect(clearRequest(task, other)).not.toBe(clearRequest(task));
    });
  });
});

describe("every clear wording, as a session can learn it", () => {
  it("words whole stretches of the request otherwise, and nothing else", () => {
    forManyTasks(2000, (task, wording) => {
      const said = request(task, wording);
      const clear = clearRequest(task, task.hidden, wording);
      const [sayings = []] = sayingsOf(said, [clear]);
      expect(sayings.length > 0, `"${said}" → "${clear}"`).toBe(said !== clear);
      expect(sayings.map(({ place }) => place)).not.toContain("whole");
      const open = slotsOf(task).filter((_, slot) => !task.stated[slot]);
      expect(sayings.length).toBe(open.length);
    });
  });
});
