import { pick, type Random, seededRandom } from "@rosa2/shared/random";
import { describe, expect, it } from "vitest";
import { compose, cutRequest } from "../../../edge/src/words/compose.ts";
import { readFeedback } from "../../../edge/src/words/feedback.ts";
import { findOccurrences, shippedLexicon } from "../../../edge/src/words/lexicon.ts";
import { kinds } from "../../../gpu-service/language/items.ts";
import { families, untaughtFamilies } from "../../../gpu-service/language/operations.ts";
import {
  hints,
  statements,
  vagueFeedback,
  vagueSpans,
} from "../../../gpu-service/language/phrasings.ts";
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

/** Entries of the senses that the lexicon holds. */
function prepared<T>(bySlot: Record<string, T>): [string, T][] {
  return Object.entries(bySlot).filter(
    ([slot]) => !(untaughtFamilies as readonly string[]).includes(slot),
  );
}

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
  it("says only what is stated", () => {
    expect(request(example)).toBe("Sort them, then rotate them by one: 4 7 1 9");
    expect(request({ ...example, stated: [true, false, true] })).toBe(
      "Sort them from smallest to largest, then rotate them by one, in brackets: 4 7 1 9",
    );
  });

  it("spells every reading out when asked to be clear", () => {
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

describe("every wording, as the words rewriter reads it", () => {
  it("leaves open exactly what the user left unsaid", () => {
    forManyTasks(4000, (task, wording) => {
      const said = request(task, wording);
      const occurrences = findOccurrences(said);
      const slots = slotsOf(task);
      for (const { compiled, stated } of occurrences) {
        const slot = (slots as string[]).indexOf(compiled.sense.id);
        expect(slot, `${compiled.sense.id} in "${said}"`).toBeGreaterThanOrEqual(0);
        const expected = task.stated[slot] ? task.hidden[slot] : undefined;
        expect(stated?.id, `${compiled.sense.id} in "${said}"`).toBe(expected);
      }
      const found = occurrences.map(({ compiled }) => compiled.sense.id);
      for (const [slot, id] of slots.slice(0, -1).entries()) {
        if (!task.stated[slot]) expect(found, `"${said}"`).toContain(id);
      }
    });
  });

  it("is made clear by the rewriter in the words the model is trained on", () => {
    forManyTasks(2000, (task, wording) => {
      const said = request({ ...task, stated: task.stated.with(-1, true) }, wording);
      const slots = slotsOf(task);
      const chosen = new Map(
        shippedLexicon.flatMap((compiled) => {
          const slot = (slots as string[]).indexOf(compiled.sense.id);
          return slot < 0 ? [] : [[compiled, task.hidden[slot]!] as const];
        }),
      );
      const clear = clearRequest(
        { ...task, stated: task.stated.with(-1, true) },
        task.hidden,
        wording,
      );
      expect(compose(cutRequest(said, findOccurrences(said)), chosen, [])).toBe(clear);
    });
  });
});

describe("feedback, as the words rewriter reads it", () => {
  /** A request that leaves every sense open. */
  const occurrences = findOccurrences(
    `${families.map((family) => vagueSpans(family, kinds.digits, "two")[0]).join(", then ")}: 4 7 1`,
  );
  const framings = [
    (text: string) => text,
    (text: string) => `no, ${text}`,
    (text: string) => `${text[0]!.toUpperCase()}${text.slice(1)}.`,
  ];

  it("is read against a request in which every sense is open", () => {
    expect(occurrences.map(({ compiled }) => compiled.sense.id)).toEqual([...families, "format"]);
    expect(occurrences.every(({ stated }) => stated === null)).toBe(true);
  });

  it("hints at one sense", () => {
    for (const frame of framings) {
      for (const [slot, texts] of prepared(hints)) {
        for (const text of texts) {
          const { senses } = readFeedback(frame(text), occurrences);
          expect(senses.map(({ compiled }) => compiled.sense.id)).toEqual([slot]);
          expect(senses[0]).toMatchObject({ hinted: true, stated: null });
        }
      }
    }
  });

  it("states one reading", () => {
    for (const frame of framings) {
      for (const [slot, readings] of prepared(statements)) {
        for (const [id, texts] of Object.entries(readings)) {
          for (const text of texts) {
            const { senses } = readFeedback(frame(text), occurrences);
            expect(senses.map(({ compiled }) => compiled.sense.id)).toEqual([slot]);
            expect(senses[0]?.stated).toBe(id);
          }
        }
      }
    }
  });

  it("says nothing of any sense when it is vague", () => {
    for (const text of vagueFeedback) {
      expect(readFeedback(text, occurrences).senses).toEqual([]);
    }
  });
});
