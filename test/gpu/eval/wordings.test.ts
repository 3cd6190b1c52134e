import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { Api } from "../../eval/api.ts";
import { nothingSpent } from "../../eval/students/student.ts";
import { SessionWording } from "../../eval/students/wordings.ts";
import { wordingGains } from "../../eval/wordings.ts";
import { fakeKey } from "./support/fake-api.ts";
import {
  answersTo,
  FakeApi,
  holdSessions,
  meansUnder,
  settingsOf,
  temporaryFile,
} from "./support/harness.ts";

const settings = settingsOf("--suite words --seeds 11,12 --sessions 1");

let fake: FakeApi;
let url: string;
beforeEach(async () => {
  fake = new FakeApi(answersTo(settings));
  url = await fake.listen();
});
afterEach(() => fake.close());

test("distinguishes what rewriting repairs from what it cannot", async () => {
  const held = await holdSessions(url, settings, temporaryFile("j.jsonl"));
  const { rows } = meansUnder(settings, held);
  const of = (suite: string, condition: string) =>
    rows.filter((row) => row.suite === suite && row.condition === condition);
  for (const row of of("ONE", "compose")) {
    expect(row).toMatchObject({
      first_try: 0,
      second_try: 1,
      solved: 1,
      tries: 2,
      words_changed: 1,
    });
  }
  for (const condition of ["none", "said", "appended", "proposed"]) {
    for (const row of of("AMB", condition)) {
      expect(row).toMatchObject({ solved: 0, tries: 3, forgetting: null });
    }
  }
  for (const row of of("MIX", "gpu")) expect(row.solved).toBe(0);
});

test("judges a wording only by a plain reply to it", async () => {
  const one = settingsOf(
    "--suite ONE --protocol A --tries 2 --sessions 1 --seeds 11 --conditions compose",
  );
  await holdSessions(url, one, temporaryFile("j.jsonl"));
  const asked = fake.callsTo("POST", "completions").map(({ body }) => body.messages);
  const [[request]] = [...answersTo(one)] as [[string, unknown]];
  expect(asked).toEqual([
    [{ role: "user", content: request }],
    [{ role: "user", content: `${request} (said clearly)` }],
  ]);
  expect(fake.callsTo("POST", "sessions")[0]!.body.adaptation).toEqual({
    mode: "words",
    context: "request",
    rewriter: "compose",
  });
  expect(fake.sessions.size).toBe(0);
});

test("shows the other ways of wording the same remarks and no session", async () => {
  const one = settingsOf(
    "--suite ONE --protocol A --tries 3 --sessions 1 --seeds 11 --conditions appended,proposed",
  );
  await holdSessions(url, one, temporaryFile("j.jsonl"));
  const [[request]] = [...answersTo(one)] as [[string, unknown]];
  const asked = fake
    .callsTo("POST", "completions")
    .map(({ body }) => body.messages as { role: string; content: string }[]);
  const [, once, twice] = asked.map((messages) => messages[0]!.content);
  expect(once!.startsWith(`${request}\n`)).toBe(true);
  expect(once!.slice(request.length)).toMatch(/^\n[a-z ]+$/);
  expect(twice!.startsWith(`${once}\n`)).toBe(true);
  // The model is asked to rewrite with every try in view. Its empty answer leaves the request as it is.
  const rewriting = asked.filter(([first]) => first!.role === "system");
  expect(rewriting.map((messages) => messages.length)).toEqual([4, 6]);
  expect(asked.at(-1)).toEqual([{ role: "user", content: request }]);
  expect(fake.callsTo("POST", "sessions")).toEqual([]);
});

test("gives a remark to the turn whose reply the user saw", async () => {
  const [[request]] = [...answersTo(settings)] as [[string, unknown]];
  const api = new Api({ url, key: fakeKey });
  const options = {
    model: "fake-student",
    sampling: { temperature: 0 },
    instructions: null,
    title: "t",
    spent: nothingSpent(),
  };
  const wording = await SessionWording.open(api, request, options, "gpu");
  await wording.reword([{ reply: "wrong 0", feedback: "no" }]);
  // The session ruled out "wrong 0" and gave another reply; the plain reply was "wrong 0" again.
  await wording.reword([
    { reply: "wrong 0", feedback: "no" },
    { reply: "wrong 0", feedback: "wrong" },
  ]);
  const turns = fake.callsTo("POST", "feedback").map(({ path }) => path.split("/")[5]);
  expect(turns[1]).toBe(turns[0]);
  await wording.close();
  expect(fake.sessions.size).toBe(0);
});

test("refuses to compare where sessions cannot choose who rewrites", async () => {
  fake.adaptationKeys = ["mode"];
  const api = new Api({ url, key: fakeKey });
  expect(await api.takesAdaptation("rewriter")).toBe(false);
});

describe("a gain", () => {
  test("pairs the seeds of both sides", async () => {
    const held = await holdSessions(url, settings, temporaryFile("j.jsonl"));
    const { rows } = meansUnder(settings, held);
    const solved = (condition: string, share: number) => {
      const row = rows.find((one) => one.suite === "ONE" && one.condition === condition)!;
      return [
        { ...row, seed: 11, first_try: 0.2, solved: share, second_try: share },
        { ...row, seed: 12, first_try: 0.2, solved: share, second_try: null },
      ];
    };
    const [gain] = wordingGains([...solved("compose", 0.8), ...solved("appended", 0.4)]);
    expect(gain).toMatchObject({
      suite: "ONE",
      rewriter: "compose",
      solved: { appended: { mean: 2, se: 0, count: 2 }, said: null },
      second_try: { appended: { mean: 2, se: null, count: 1 } },
      // (0.8 − 0.2) / (0.4 − 0.2)
      repaired: { appended: { mean: expect.closeTo(3, 12), count: 2 } },
    });
  });

  test("is not computed where nothing was rewritten", () => {
    expect(wordingGains([])).toEqual([]);
  });
});
