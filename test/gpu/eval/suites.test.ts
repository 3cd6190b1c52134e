import { seededRandom } from "@rosa2/shared/random";
import { describe, expect, test } from "vitest";
import { compareLost, lostSuites } from "../../eval/lost.ts";
import { nothingSpent } from "../../eval/students/student.ts";
import { type DrawOptions, drawSuiteSession, suiteNames } from "../../eval/suites.ts";

const options: DrawOptions = {
  seed: 5001,
  index: 3,
  length: 12,
  wording: "canonical",
  probeCount: 9,
};
const said = (name: (typeof suiteNames)[number], changes: Partial<DrawOptions> = {}) =>
  drawSuiteSession(name, { ...options, ...changes }).problems.map(({ request }) => request);
const instructionOf = (request: string) => request.slice(0, request.indexOf(":"));

const isLost = (name: string) => (Object.values(lostSuites) as string[]).includes(name);
const streams = suiteNames.filter((name) => !isLost(name));

describe.each(streams)("%s", (name) => {
  test("draws the same session for the same seed, and another for another", () => {
    expect(said(name)).toEqual(said(name));
    expect(said(name, { seed: 5002 })).not.toEqual(said(name));
    expect(said(name, { index: 4 })).not.toEqual(said(name));
  });

  test("asks for the same on new lists throughout a session", () => {
    const requests = said(name);
    expect(requests).toHaveLength(12);
    expect(new Set(requests.map(instructionOf)).size).toBe(1);
    expect(new Set(requests).size).toBeGreaterThan(10);
  });

  test("takes its own correction as right, and comments on any other reply", () => {
    for (const problem of drawSuiteSession(name, options).problems) {
      expect(problem.isRight(problem.correction!)).toBe(true);
      expect(problem.isRight(`${problem.correction} x`)).toBe(false);
      expect(problem.comment(seededRandom(1), "nonsense", 0)).toMatch(
        /^(wrong|no|not that|try again)$/,
      );
    }
  });
});

test("puts as many operations into a request as the suite says", () => {
  for (let index = 0; index < 20; index++) {
    expect(said("AMB", { index })[0]!.split(", then ")).toHaveLength(2);
    expect(said("THREEA", { index })[0]!.split(", then ")).toHaveLength(3);
  }
});

test("never lets a probe ask for an operation of its session", () => {
  for (let index = 0; index < 30; index++) {
    const plan = drawSuiteSession("THREE", { ...options, index });
    const verbs = instructionOf(plan.problems[0]!.request)
      .split(", then ")
      .map((clause) => clause.toLowerCase().split(" ").slice(0, 2).join(" "));
    for (const { request } of plan.probes) {
      for (const verb of verbs) expect(request.toLowerCase()).not.toContain(verb);
    }
  }
});

test("keeps the problems when only the number of probes changes", () => {
  expect(said("MIX", { probeCount: 0 })).toEqual(said("MIX"));
});

test("varies the wording between users, not within a session", () => {
  const wordings = Array.from({ length: 30 }, (_, index) =>
    said("CAP", { index, wording: "varied" }).map((request) => request.split(":")[0]),
  );
  for (const wording of wordings) expect(new Set(wording).size).toBe(1);
  const canonical = Array.from(
    { length: 30 },
    (_, index) => said("CAP", { index })[0]!.split(":")[0],
  );
  expect(wordings.map((wording) => wording[0])).not.toEqual(canonical);
});

describe("suites of notes", () => {
  const session = (name: "NOTEAMB" | "NOTECAP" | "NOTEMIX") => drawSuiteSession(name, options);

  test("ask for the same kind of note about other facts", () => {
    for (const name of ["NOTEAMB", "NOTECAP", "NOTEMIX"] as const) {
      const { problems, probes } = session(name);
      expect(problems).toHaveLength(options.length);
      const asked = problems.map(({ request }) => request.split(": ")[0]);
      expect(new Set(asked).size).toBe(1);
      expect(new Set(problems.map(({ correction }) => correction)).size).toBe(problems.length);
      expect(probes).toHaveLength(options.probeCount);
    }
  });

  test("say what is meant only when they are clear, and judge the whole text", () => {
    for (const { request, clear, correction, isRight } of session("NOTEMIX").problems) {
      expect(clear!.request.length).toBeGreaterThan(request.length);
      expect(isRight(`${correction}\n`)).toBe(true);
      expect(isRight(correction!.replace(", ", "; "))).toBe(false);
    }
    for (const { request, clear } of session("NOTECAP").problems) {
      expect(clear!.request).toBe(request);
    }
  });
});

describe("lost", () => {
  const problemOf = (telling: keyof typeof lostSuites) =>
    drawSuiteSession(lostSuites[telling], { ...options, length: 1 }).problems[0]!;

  test("tells the same request whole, concatenated and in shards", () => {
    const [whole, concatenated, shards] = (["whole", "concatenated", "shards"] as const).map(
      problemOf,
    );
    expect(new Set([whole, concatenated, shards].map((one) => one!.correction)).size).toBe(1);
    const revealed = [0, 1, 2].map((i) => shards!.comment(seededRandom(1), "x", i));
    expect([shards!.request, ...revealed].join("\n")).toBe(concatenated!.request);
    const tries = [whole, concatenated, shards].map((one) => one!.triesMax);
    expect(tries).toEqual([1, 1, 4]);
    // The shards together say what the whole request says.
    for (const shard of revealed) {
      const words = shard.toLowerCase().replace(/^answer |\.$/g, "");
      expect(whole!.request.toLowerCase()).toContain(words);
    }
  });

  test("compares shards with the whole request, and pairs them with the concatenated one", () => {
    const session = (suite: string, condition: string, index: number, solved: boolean) => ({
      ...{ kind: "session" as const, suite, condition, seed: 1, index, probes: null },
      problems: [{ solved, tries: 1, shift: null }],
      spent: nothingSpent(),
    });
    const held = [true, true, true, false].flatMap((solved, i) => [
      session("WHOLE", "none", i, true),
      session("CONCAT", "none", i, i === 0),
      session("SHARDS", "both", i, solved),
      session("SHARDS", "none", i, i < 2),
    ]);
    const [both, none] = compareLost(held);
    expect(both).toMatchObject({
      ...{ condition: "both", shards: 0.75, whole: 1, over_whole: 0.75, sessions: 4 },
      over_concatenated: { mean: 0.5, count: 4 },
    });
    expect(none).toMatchObject({ condition: "none", over_whole: 0.5 });
    expect(compareLost(held.filter(({ suite }) => suite !== "WHOLE"))).toEqual([]);
  });
});
