/** The examples that were chosen by hand are requests of the training language, with the answers that follow. Goes with them. */
import { expect, it } from "vitest";
import { examples as all, type Example } from "../../../edge/playground/src/examples.ts";
import type { Operation } from "../../../gpu-service/language/operations.ts";
import { type Chain, isTrained } from "../../../gpu-service/language/skills.ts";
import { allReadings, answer, type Task } from "../../../gpu-service/language/task.ts";
import { request } from "../../../gpu-service/language/wording.ts";

const examples = all.filter(({ seed }) => seed === null);

interface Meant {
  operations: Operation[];
  hidden: string[];
  stated: boolean[];
}

const meant: Record<string, Meant> = {
  unclear: {
    operations: [{ family: "shift", count: 1 }],
    hidden: ["back", "plain"],
    stated: [false, true],
  },
  unpractised: {
    operations: [
      { family: "take", count: 3 },
      { family: "flip", count: 0 },
    ],
    hidden: ["first", "order", "plain"],
    stated: [true, true, true],
  },
  both: {
    operations: [
      { family: "sort", count: 0 },
      { family: "take", count: 2 },
    ],
    hidden: ["down", "last", "plain"],
    stated: [false, false, true],
  },
};

function tasksOf({ kind, request: first, next }: Example): { task: Task; asked: string }[] {
  return [first, next.request].map((asked) => ({
    asked,
    task: { kind: "digits", items: asked.split(": ")[1]?.split(" ") ?? [], ...meant[kind]! },
  }));
}

it.each(examples)("asks as the model was taught, with the right answers: $id", (example) => {
  const [first, next] = tasksOf(example);
  expect([first, next].map((one) => one && request(one.task))).toEqual([
    example.request,
    example.next.request,
  ]);
  expect([first, next].map((one) => one && answer(one.task))).toEqual([
    example.answer,
    example.next.answer,
  ]);
});

it.each(examples)("shows the trap that it names: $id", ({ kind }) => {
  const { operations, stated } = meant[kind]!;
  const chain: Chain = operations.map(({ family }) => family);
  expect(isTrained(chain)).toBe(kind === "unclear");
  expect(stated.every(Boolean)).toBe(kind === "unpractised");
});

it.each(examples.filter(({ kind }) => kind !== "unpractised"))(
  "has other readings that answer differently: $id",
  (example) => {
    const [first] = tasksOf(example);
    const answers = allReadings(first!.task).map((reading) => answer(first!.task, reading));
    expect(new Set(answers).size).toBeGreaterThan(1);
  },
);
