import { setTimeout as sleep } from "node:timers/promises";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { SuiteSource } from "../../eval/cells.ts";
import { compare } from "../../eval/comparison.ts";
import { Meter } from "../../eval/meter.ts";
import { rowsOf } from "../../eval/results.ts";
import type { Known } from "./support/fake-api.ts";
import { serveMetrics } from "./support/fake-metrics.ts";
import {
  answersTo,
  FakeApi,
  holdCells,
  holdSessions,
  meansUnder,
  settingsOf,
  temporaryFile,
} from "./support/harness.ts";

const line =
  "--suite AMB,CAP,MIX --conditions none,never,words,weights,both --seeds 11,12 --sessions 2 --length 4 --probes 3";
const settings = settingsOf(line);

let fake: FakeApi;
let url: string;
beforeEach(async () => {
  fake = new FakeApi(answersTo(settings));
  url = await fake.listen();
});
afterEach(() => fake.close());

test("shows each axis repairing its own fault, and both repairing both", async () => {
  const held = await holdSessions(url, settings, temporaryFile("j.jsonl"));
  const { means } = meansUnder(settings, held);
  const late = (suite: string, condition: string) =>
    means.find((row) => row.suite === suite && row.condition === condition)!.late_first_try!.mean;
  expect(late("AMB", "words")).toBe(1);
  expect(late("AMB", "weights")).toBe(0);
  expect(late("CAP", "weights")).toBe(1);
  expect(late("CAP", "words")).toBe(0);
  expect(late("MIX", "words")).toBe(0);
  expect(late("MIX", "weights")).toBe(0);
  expect(late("MIX", "both")).toBe(1);
  expect(late("MIX", "none")).toBe(0);
});

test("counts tries, updates, shift and cost from what the API reports", async () => {
  const cap = settingsOf(`${line} --suite CAP`);
  const held = await holdSessions(url, cap, temporaryFile("j.jsonl"));
  const { rows } = meansUnder(cap, held);
  // Three failed tries, a correction, then three problems right at once.
  expect(rows.find(({ condition }) => condition === "both")).toMatchObject({
    sessions: 2,
    problems: 8,
    first_try: 0.75,
    late_first_try: 1,
    solved: 0.75,
    tries: 1.5,
    shift_at_success: 1,
    updates: 1,
    updates_refused: 0,
    update_ms: 20,
    curve: [0, 1, 1, 1],
  });
  // A plain turn costs 1, feedback 2, feedback with a retry 3: (1 + 3 + 3 + 2) + 3 × (1 + 2).
  expect(rows.find(({ condition }) => condition === "both")!.cost_usd).toBeCloseTo(18e-6, 12);
  expect(rows.find(({ condition }) => condition === "never")).toMatchObject({
    tries: 3,
    solved: 0,
    shift_at_success: null,
    update_ms: null,
    forgetting: 0,
  });
});

test("counts refused updates apart from those that were made", async () => {
  fake.refusesUpdates = true;
  const cap = settingsOf(`${line} --suite CAP --conditions both`);
  const held = await holdSessions(url, cap, temporaryFile("j.jsonl"));
  const { rows } = meansUnder(cap, held);
  // No problem is ever learned, so each of the four ends with a correction.
  expect(rows[0]).toMatchObject({ updates: 0, updates_refused: 4, update_ms: null, solved: 0 });
});

test("compares the shift over the problems that both conditions solved", async () => {
  const held = await holdSessions(url, settings, temporaryFile("j.jsonl"));
  const comparisons = compare(meansUnder(settings, held).means, held.journal.sessions);
  expect(comparisons.find(({ suite }) => suite === "CAP")).toMatchObject({
    shift_ratio: 0.5,
    late_over_best_axis: 0,
    tries_over_none: -0.5,
  });
  // Weights alone solve nothing of MIX, so there is no problem to compare on.
  expect(comparisons.find(({ suite }) => suite === "MIX")).toMatchObject({
    shift_ratio: null,
    late_over_best_axis: null,
  });
});

test("gives the same figures for the same seeds, whatever runs side by side", async () => {
  const figures = async (extra: string) => {
    const own = settingsOf(`${line} ${extra}`);
    const held = await holdSessions(url, own, temporaryFile("j.jsonl"));
    return meansUnder(own, held).rows.map(({ update_per_reply: _wall, ...row }) => row);
  };
  expect(await figures("--concurrency 5")).toEqual(await figures("--concurrency 1"));
});

test("asks every condition the same, and reacts the same to the same reply", async () => {
  const one = settingsOf(`${line} --suite MIX --conditions none,never --seeds 11 --sessions 1`);
  await holdSessions(url, one, temporaryFile("j.jsonl"));
  const chats = fake
    .callsTo("POST", "/completions")
    .map(({ body }) => body.messages as { content: string }[]);
  const asked = chats
    .filter((messages) => messages.length === 1)
    .map(([message]) => message!.content);
  expect(fake.callsTo("POST", "/turns").map(({ body }) => body.content)).toEqual(asked);
  const retries = chats
    .filter((messages) => messages.length > 1)
    .map((messages) => messages.at(-1)!.content);
  const comments = fake
    .callsTo("POST", "/feedback")
    .filter(({ body }) => body.retry === true)
    .map(({ body }) => body.text);
  expect(comments).toEqual(retries);
});

describe("resuming", () => {
  test("holds only what is missing, and ends with the same figures", async () => {
    const path = temporaryFile("j.jsonl");
    const interruption = new AbortController();
    let count = 0;
    const stopped = holdSessions(url, settings, path, interruption.signal, () => {
      if (++count === 7) interruption.abort();
    });
    await expect(stopped).rejects.toThrow(/aborted/);
    const resumed = await holdSessions(url, settings, path);
    const total = 3 * 5 * 2 * 2;
    expect(resumed.finished.length).toBeGreaterThanOrEqual(total - 8);
    expect(resumed.finished.length).toBeLessThanOrEqual(total - 7);
    expect(resumed.journal.sessions).toHaveLength(total);
    const whole = await holdSessions(url, settings, temporaryFile("j.jsonl"));
    const figures = ({ journal }: typeof whole) =>
      meansUnder(settings, { journal, finished: [] }).rows.map(
        ({ suite, condition, seed, curve, tries }) => ({
          ...{ suite, condition, seed, curve, tries },
        }),
      );
    expect(figures(resumed)).toEqual(figures(whole));
  });

  test("asks nothing when everything is there", async () => {
    const path = temporaryFile("j.jsonl");
    await holdSessions(url, settings, path);
    fake.calls.length = 0;
    expect((await holdSessions(url, settings, path)).finished).toEqual([]);
    expect(fake.calls).toEqual([]);
  });
});

test("makes every change once, although answers get lost and calls are refused", async () => {
  const one = settingsOf(`${line} --suite CAP --conditions both --seeds 11 --sessions 1`);
  const smooth = await holdSessions(url, one, temporaryFile("j.jsonl"));
  const calls = fake.calls.map(({ method, path }) => `${method} ${path.replaceAll(/_\d+/g, "")}`);
  fake.calls.length = 0;
  fake.lostAnswers = 5;
  fake.refusals = 2;
  const rough = await holdSessions(url, one, temporaryFile("j.jsonl"));
  expect(fake.calls.map(({ method, path }) => `${method} ${path.replaceAll(/_\d+/g, "")}`)).toEqual(
    calls,
  );
  expect(rough.finished[0]!.problems).toEqual(smooth.finished[0]!.problems);
});

test("erases its sessions, unless told to keep them", async () => {
  await holdSessions(url, settings, temporaryFile("j.jsonl"));
  expect(fake.sessions.size).toBe(0);
  const kept = settingsOf(`${line} --suite CAP --conditions both --seeds 11 --keep`);
  await holdSessions(url, kept, temporaryFile("j.jsonl"));
  expect(fake.sessions.size).toBe(2);
});

test("stops at the first refusal that a retry cannot mend", async () => {
  fake.close();
  fake = new FakeApi(new Map());
  const other = await fake.listen();
  const broken = { ...settings, context: "request" as const };
  const api = holdSessions(`${other}/v9`, broken, temporaryFile("j.jsonl"));
  await expect(api).rejects.toThrow(/answered 404 not_found/);
});

test("measures what weights forget against the base model on the same requests", async () => {
  fake.close();
  const taught = ["t1", "t2", "t3"];
  const probes = ["p1", "p2"];
  fake = new FakeApi(
    new Map<string, Known>([
      ...taught.map((request) => [request, { answer: "right", isHard: true }] as const),
      ...probes.map((request) => [request, { answer: "right", isForgotten: true }] as const),
    ]),
  );
  const isRight = (reply: string) => reply === "right";
  const suite = ownSuite(() => ({
    instructions: null,
    problems: taught.map((request) => ({
      request,
      steps: null,
      clear: null,
      isRight,
      correction: "right",
      comment: () => "wrong",
    })),
    probes: [...probes, "nobody knows"].map((request) => ({ request, isRight })),
  }));
  const cells = (["never", "words", "weights", "both"] as const).map((condition) => ({
    condition,
    suite,
    seed: 1,
  }));
  const journal = await holdCells(await fake.listen(), settings, cells, temporaryFile("j.jsonl"));
  const rows = rowsOf(cells, journal.sessions, []);
  expect(rows.map(({ condition, forgetting }) => [condition, forgetting])).toEqual([
    ["never", 0],
    ["words", 0],
    ["weights", expect.closeTo(-2 / 3, 12)],
    ["both", 0],
  ]);
  // The base model is asked each probe once, however many conditions compare with it.
  expect(fake.callsTo("POST", "/completions")).toHaveLength(3);
});

test("stops watching the service when a session fails, so that the command can end", async () => {
  const metrics = await serveMetrics("a secret of the tests");
  try {
    const suite = ownSuite(() => {
      throw new Error("There is no plan");
    });
    const cells = [{ condition: "never" as const, suite, seed: 1 }];
    const meter = new Meter(metrics.url, "a secret of the tests");
    await expect(
      holdCells(url, settings, cells, temporaryFile("j.jsonl"), { meter }),
    ).rejects.toThrow("There is no plan");
    const { looks } = metrics.state;
    await sleep(600);
    expect(metrics.state.looks).toBe(looks);
  } finally {
    metrics.close();
  }
});

/** A suite of one session. */
function ownSuite(draw: SuiteSource["draw"]): SuiteSource {
  return {
    name: "own",
    place: null,
    protocol: { name: "B", triesMax: 3, corrections: true, silentFrom: null },
    sessionCount: 1,
    leftOut: 0,
    draw,
  };
}
