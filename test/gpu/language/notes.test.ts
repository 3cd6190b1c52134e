import { seededRandom } from "@rosa2/shared/random";
import { describe, expect, it } from "vitest";
import { additionNames, additions } from "../../../gpu-service/language/notes/additions.ts";
import { drawEverydayNote } from "../../../gpu-service/language/notes/everyday.ts";
import { type Facts, listFacts } from "../../../gpu-service/language/notes/facts.ts";
import {
  drawNote,
  type Note,
  noteText,
  withNewFacts,
} from "../../../gpu-service/language/notes/note.ts";
import { drawNoteWording, noteQuestion } from "../../../gpu-service/language/notes/question.ts";
import { feedback, misreadSlots } from "../../../gpu-service/language/user.ts";

const facts: Facts = {
  to: "Anna",
  event: { name: "walk", told: "a walk" },
  place: "lake",
  day: 3,
  month: 4,
  time: 14 * 60 + 30,
};
const note: Note = {
  facts,
  hidden: ["formal", "several", "date", "month", "halves"],
  stated: [true, false, true, false, true],
  addition: null,
};
const always = { hint: 1, statement: 0, varied: false };

describe("a note", () => {
  it("reads as its readings say", () => {
    const text = (...readings: string[]) => noteText(note, readings);
    expect(text("friendly", "one", "event", "day", "long")).toBe(
      "Hi Anna, join me for a walk at the lake on 3 May at 14:30. See you!",
    );
    expect(text("formal", "several", "date", "month", "halves")).toBe(
      "Dear Anna, on May 3 at 2:30 pm we invite you to a walk at the lake. Kind regards",
    );
    expect(text("friendly", "several", "event", "figures", "long")).toBe(
      "Hi Anna, join us for a walk at the lake on 3/5 at 14:30. See you!",
    );
  });

  it("leaves out what the facts do not hold, and tells noon from morning", () => {
    const without = { ...note, facts: { ...facts, place: null, time: null } };
    expect(noteText(without)).toBe("Dear Anna, on May 3 we invite you to a walk. Kind regards");
    const at = (time: number) => noteText({ ...note, facts: { ...facts, time } });
    expect(at(12 * 60)).toContain("at 12:00 pm");
    expect(at(9 * 60 + 5)).toContain("at 9:05 am");
  });

  it("holds what is added to it", () => {
    expect(additionNames.map((addition) => noteText({ ...note, addition }))).toEqual([
      `${noteText(note)} Tom`,
      `Walk: ${noteText(note)}`,
      `${noteText(note)} Do not forget it!`,
    ]);
  });
});

describe("a request for a note", () => {
  it("says what is stated, and everything when it is clear", () => {
    const question = noteQuestion(note);
    expect(question.request).toBe(
      "Write a note, in a formal tone, with the date first, with am and pm: Anna, walk, lake, 3 May, 14:30",
    );
    expect(question.clearRequest()).toBe(
      "Write a note, in a formal tone, from us, with the date first, month before day, with am and pm: Anna, walk, lake, 3 May, 14:30",
    );
  });

  it("may mean every reading of what is open", () => {
    const question = noteQuestion(note);
    expect(question.consistent()).toHaveLength(2 * 3);
    expect(question.consistent()).toContainEqual(note.hidden);
    const texts = question.consistent().map((readings) => question.answer(readings));
    expect(new Set(texts).size).toBe(texts.length);
  });

  it("keeps the user's words and meaning when the facts change", () => {
    const random = seededRandom("other facts");
    for (let i = 0; i < 50; i++) {
      const drawn = drawNote(random, { stated: 0.5, readings: "uniform" });
      const question = noteQuestion(drawn, drawNoteWording(random));
      const next = question.next(random);
      const instruction = (text: string) => text.slice(0, text.indexOf(": "));
      expect(instruction(next.request)).toBe(instruction(question.request));
      expect(next.hidden).toEqual(question.hidden);
      expect(question.request).toContain(`: ${listFacts(drawn.facts)}`);
    }
  });

  it("leaves two things open where a suite asks for it", () => {
    const random = seededRandom("two open");
    for (let i = 0; i < 50; i++) {
      const { stated } = drawNote(random, { stated: "two open", readings: "uniform" });
      expect(stated.filter((one) => !one)).toHaveLength(2);
    }
  });

  it("gets hints and statements about what was misread", () => {
    const question = noteQuestion(note);
    const reply = question.answer(["formal", "one", "date", "month", "halves"]);
    expect(misreadSlots(question, reply)).toEqual([1]);
    expect(feedback(seededRandom(1), question, reply, always)).toBe("other sender");
    const stating = { hint: 0, statement: 1, varied: false };
    expect(["from us", "from both of us"]).toContain(
      feedback(seededRandom(2), question, reply, stating),
    );
  });

  it("gets mistakes that are no misreading", () => {
    const random = seededRandom("mistakes");
    let mistakes = 0;
    for (let i = 0; i < 200; i++) {
      const drawn = drawNote(random, { stated: "two open", readings: "uniform" });
      const question = noteQuestion(drawn);
      const reply = question.mistake(random, question.hidden);
      if (reply !== question.answer()) mistakes++;
      if (reply !== question.answer()) expect(misreadSlots(question, reply)).toEqual([]);
    }
    expect(mistakes).toBeGreaterThan(120);
  });
});

describe("notes asked for in a sentence", () => {
  it("hold every fact", () => {
    const random = seededRandom("sentences");
    for (let i = 0; i < 300; i++) {
      const question = drawEverydayNote(random, { disputed: i % 2 === 1 });
      const { request } = question;
      const reply = question.answer();
      expect(request + reply).not.toMatch(/[{}]|undefined|null|NaN/);
      const [, to, day] = /^(?:Hi|Dear) (\w+),.* on (\d+|\w+ \d+)/.exec(reply)!;
      expect(request).toContain(to);
      expect(request).toContain(/\d+/.exec(day!)![0]);
      // A usual note needs no clearer words; another one says what is meant behind its sentence.
      const clear = question.clearRequest();
      expect(clear === request).toBe(i % 2 === 0);
      expect(clear).toContain(request.replace(/[.?]$/, ""));
    }
  });
});

describe("additions", () => {
  it("are never carried out by a request that names none", () => {
    const random = seededRandom("plain");
    for (let i = 0; i < 100; i++) {
      const plain = withNewFacts(
        random,
        drawNote(random, { stated: "clear", readings: "uniform" }),
      );
      const { request } = noteQuestion(plain);
      for (const { phrase } of Object.values(additions)) expect(request).not.toContain(phrase);
      expect(noteText(plain)).not.toMatch(/Tom$|forget|^\w+: /);
    }
  });
});
