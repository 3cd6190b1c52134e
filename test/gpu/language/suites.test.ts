import { seededRandom } from "@rosa2/shared/random";
import { describe, expect, it } from "vitest";
import { newWordRequest } from "../../../gpu-service/language/new-words.ts";
import { isTrained } from "../../../gpu-service/language/skills.ts";
import {
  drawNewWordSession,
  drawSession,
  type SuiteName,
  suites,
} from "../../../gpu-service/language/suites.ts";
import { answer, consistentReadings, result } from "../../../gpu-service/language/task.ts";
import { request } from "../../../gpu-service/language/wording.ts";

const names = Object.keys(suites) as SuiteName[];

describe("a session of a suite", () => {
  it.each(names)("%s asks for the same thing of a new list each time", (name) => {
    const session = drawSession(seededRandom(`${name} session`), name, 12);
    expect(session).toHaveLength(12);
    const instructions = session.map((task) => request(task).split(":")[0]);
    expect(new Set(instructions).size).toBe(1);
    expect(new Set(session.map(({ items }) => items.join(" "))).size).toBeGreaterThan(8);
    expect(new Set(session.map(({ hidden }) => hidden.join("|"))).size).toBe(1);
  });

  it("is ambiguous, beyond what was trained, or both, as its suite states", () => {
    const random = seededRandom("suites");
    for (let i = 0; i < 30; i++) {
      for (const name of names) {
        const [task] = drawSession(random, name, 1);
        const chain = task!.operations.map(({ family }) => family);
        if (!["MIX4", "THREE4"].includes(name))
          expect(isTrained(chain)).toBe(["AMB", "UNTAUGHT", "LONG", "LONGA"].includes(name));
        const readings = consistentReadings(task!).length;
        if (["CAP", "THREE", "LONG"].includes(name)) expect(readings).toBe(1);
        else expect(readings).toBeGreaterThan(1);
      }
    }
  });

  it("asks LONG about eight words each time, with no shift", () => {
    for (const name of ["LONG", "LONGA"] as const) {
      for (const task of drawSession(seededRandom(`${name} lists`), name, 12)) {
        expect(task.items).toHaveLength(8);
        expect(task.kind).toBe("nouns");
        expect(task.operations.map(({ family }) => family)).not.toContain("shift");
      }
    }
  });

  it("takes four of seven items in MIX4 and THREE4, and never more than three elsewhere", () => {
    const random = seededRandom("taken");
    for (const name of names) {
      for (const task of drawSession(random, name, 12)) {
        const isMore = ["MIX4", "THREE4"].includes(name);
        for (const [at, { family, count }] of task.operations.entries()) {
          if (family !== "take") continue;
          expect(count === 4, name).toBe(isMore);
          const before = { ...task, operations: task.operations.slice(0, at) };
          if (isMore) expect(result(before).length).toBeGreaterThanOrEqual(7);
        }
        if (isMore) expect(request(task).toLowerCase()).toMatch(/take 4/);
      }
    }
  });

  it("hides a composition behind a new word, answered as plain text", () => {
    const [task] = drawNewWordSession(seededRandom(3), 1);
    expect(newWordRequest({ ...task!, word: "zig", items: ["4", "7", "1"] })).toBe(
      "Zig them, as plain text: 4 7 1",
    );
    expect(answer(task!)).not.toMatch(/[["]/);
  });
});
