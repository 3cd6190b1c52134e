/** The lexicon and the composer against the language that the bundled model is trained on. */

import { pick, seededRandom } from "@rosa2/shared/random";
import { describe, expect, it } from "vitest";
import { emptyWords, reviseRequest, textualGradient } from "../../../edge/src/words/index.ts";
import { choose, readRequest, wording } from "../../../edge/src/words/reading.ts";
import { families } from "../../../gpu-service/language/operations.ts";
import { hints, statements } from "../../../gpu-service/language/phrasings.ts";
import type { Chain } from "../../../gpu-service/language/skills.ts";
import { drawTask, type Task } from "../../../gpu-service/language/task.ts";
import { clearRequest, drawWording, request } from "../../../gpu-service/language/wording.ts";

function drawChain(random: () => number): Chain {
  const length = 1 + Math.floor(random() * 3);
  const chain: string[] = [];
  while (chain.length < length) {
    const family = pick(random, families);
    if (!chain.includes(family)) chain.push(family);
  }
  return chain as unknown as Chain;
}

/** Open slots of a task as the lexicon names them. */
function openSenses(task: Task): string[] {
  const ids = [...task.operations.map(({ family }) => family), "format"];
  return ids.filter((_, slot) => !task.stated[slot]).sort();
}

describe("list requests in the training language", () => {
  it("finds every open sense and no other, in 2,000 varied requests", () => {
    const random = seededRandom(20);
    const missed: string[] = [];
    for (let i = 0; i < 2_000; i++) {
      const task = drawTask(random, drawChain(random), { stated: 0.5, readings: "uniform" });
      const text = request(task, drawWording(random, task));
      const found = readRequest(emptyWords(), text)
        .senses.map(({ sense }) => sense.id)
        .sort();
      if (found.join() !== openSenses(task).join()) {
        missed.push(`${text} → ${found} instead of ${openSenses(task)}`);
      }
    }
    expect(missed).toEqual([]);
  });

  it("words a reading exactly as the model was trained on it", () => {
    const random = seededRandom(21);
    for (let i = 0; i < 1_000; i++) {
      const task = drawTask(random, drawChain(random), { stated: 0.4, readings: "uniform" });
      const form = drawWording(random, task);
      const said = request(task, form);
      const reading = readRequest(emptyWords(), said);
      const ids = [...task.operations.map(({ family }) => family as string), "format"];
      const joint = reading.senses.map(({ sense }) => task.hidden[ids.indexOf(sense.id)] ?? "");
      const { prompt } = wording(emptyWords(), null, reading, choose(reading, joint));
      expect(prompt).toBe(clearRequest(task, task.hidden, form));
    }
  });

  it("hears each statement as its reading and each hint as its sense", () => {
    const random = seededRandom(22);
    for (let i = 0; i < 600; i++) {
      const task = drawTask(random, drawChain(random), { stated: 0, readings: "uniform" });
      const said = request(task);
      const slots = [...task.operations.map(({ family }) => family), "format" as const];
      const index = Math.floor(random() * slots.length);
      const slot = slots[index]!;
      const speak = (text: string) =>
        textualGradient(emptyWords(), {
          turnId: "turn_1",
          request: said,
          attempts: [{ prompt: said, reply: "1 2 3", confidence: 0.6 }],
          feedback: { reward: -1, text },
        }).revision;
      const statement = pick(random, statements[slot][task.hidden[index]!]!);
      const stated = speak(statement);
      const span = stated.spans.find(({ sense }) => sense === slot);
      expect([statement, span?.reading]).toEqual([statement, task.hidden[index]]);
      expect(stated.constraints).toEqual([]);
      const hint = pick(random, hints[slot]);
      const hinted = speak(hint);
      expect([hint, hinted.constraints, hinted.ruledOut.length]).toEqual([hint, [], 1]);
    }
  });

  it("sends a request out as said before any feedback", () => {
    const random = seededRandom(23);
    for (let i = 0; i < 300; i++) {
      const task = drawTask(random, drawChain(random), { stated: 0.5, readings: "uniform" });
      const said = request(task, drawWording(random, task));
      expect(reviseRequest(emptyWords(), said)).toMatchObject({ prompt: said, changed: false });
    }
  });
});
