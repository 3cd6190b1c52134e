/**
 * Checks the playground's examples. Their seeds draw them from the training language, and the answers follow from that.
 * A few of each kind are played on the real engine and must end in every mode as stated.
 */
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { Rosa2 } from "rosa2";
import { describe, expect, it } from "vitest";
import { checkStory } from "../../../edge/local/check.ts";
import { drawWish } from "../../../edge/local/drawn.ts";
import { rootPath } from "../../../edge/local/settings.ts";
import drawn from "../../../edge/playground/src/examples.json" with { type: "json" };
import {
  exampleOf,
  examples,
  freshExample,
  tallyOf,
} from "../../../edge/playground/src/examples.ts";
import { kindNames, untold } from "../../../edge/playground/src/story.ts";
import { isTrained } from "../../../gpu-service/language/skills.ts";
import { allReadings, answer } from "../../../gpu-service/language/task.ts";
import type { Rosa } from "../support/rosa.ts";
import { useRosa } from "../support/use-rosa.ts";

describe("the examples", () => {
  it("are ten at least of each kind, and were checked with the bundled model", () => {
    expect(kindNames).toHaveLength(3);
    for (const kind of kindNames) {
      const { told, drawn, failed } = tallyOf(kind);
      expect(told, kind).toBeGreaterThanOrEqual(10);
      expect(examples.filter((one) => one.kind === kind)).toHaveLength(told);
      const untoldOnes = Object.values(failed).reduce((sum, count) => sum + count, 0);
      expect(told + untoldOnes).toBe(drawn);
    }
    const weights = readFileSync(
      join(rootPath, "gpu-service/models/rosa2-mini-2/model.safetensors"),
    );
    expect(drawn.model, "npm run examples").toBe(
      createHash("sha256").update(weights).digest("hex"),
    );
  });

  it("contain each kind, and a request leads back to its example", () => {
    for (const kind of kindNames) expect(examples.some((one) => one.kind === kind)).toBe(true);
    for (const { request, answer: right, next } of examples) {
      expect(exampleOf(request)).toMatchObject({ answer: right });
      expect(exampleOf(next.request)).toMatchObject({ answer: next.answer });
    }
  });

  it.each(examples)("follow from their seeds: $id", (example) => {
    const { wish, meaning, task, hintOn } = drawWish(example.kind, example.seed);
    const { request, answer: right, next } = example;
    expect({ request, answer: right, next, meaning: example.meaning }).toEqual({
      ...{ request: wish.request, answer: wish.answer, next: wish.next },
      meaning,
    });
    expect(untold(example.kind, example.outcomes)).toEqual([]);
    const answers = allReadings(task).map((readings) => answer(task, readings));
    if (example.kind === "both") expect(task.operations.map(({ count }) => count)).toContain(4);
    else {
      const chain = task.operations.map(({ family }) => family);
      expect(isTrained(chain)).toBe(example.kind === "unclear");
    }
    expect(new Set(answers).size).toBeGreaterThan(1);
    if (example.kind === "unpractised") expect(hintOn("something wrong")).toBeNull();
    else expect(example.hint).not.toBeNull();
  });

  it("give a new one each time", () => {
    const one = freshExample("unclear");
    for (let i = 0; i < 50; i++) expect(freshExample("unclear", one).id).not.toBe(one.id);
  });
});

describe("played to the real engine in all four ways", () => {
  let rosa: Rosa;
  const started = (one: Rosa) => {
    rosa = one;
  };
  useRosa(started, { REWRITER_TIMEOUT_MS: "60000" });

  /** Of each kind the first and the last are played. */
  const some = kindNames.flatMap((kind) => {
    const all = examples.filter((one) => one.kind === kind);
    return [...new Set([...all.slice(0, 1), ...all.slice(-1)])];
  });
  it.each(some)("end as stated: $id", async ({ kind, seed, hint, outcomes }) => {
    const client = new Rosa2({ baseUrl: rosa.url, apiKey: rosa.key });
    const verdict = await checkStory(client, drawWish(kind, seed));
    expect(verdict).toMatchObject({ told: true, hint, outcomes });
  });
});
