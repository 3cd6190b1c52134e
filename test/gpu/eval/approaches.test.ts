import { expect, test } from "vitest";
import { Api } from "../../eval/api.ts";
import { bestOf, composed, oracle, oraclePlan, plan } from "../../eval/students/approaches.ts";
import { type Approach, PlainStudent } from "../../eval/students/plain-student.ts";
import { drawSuiteSession } from "../../eval/suites.ts";
import { FakeApi, fakeKey } from "./support/fake-api.ts";

const session = drawSuiteSession("MIX", {
  ...{ seed: 3, index: 0, length: 1, probeCount: 0 },
  wording: "canonical",
});
const problem = session.problems[0]!;

/** Tries a problem with a fake that answers with the lines in turn. Gives the requests and the replies. */
async function tried(approach: Approach, lines: string[], remarks: string[] = []) {
  const fake = new FakeApi(new Map());
  fake.script = [...lines];
  const api = new Api({ url: await fake.listen(), key: fakeKey });
  const sampling = { temperature: 0 };
  const student = new PlainStudent(api, { model: "m", sampling, instructions: null }, approach);
  const replies = [(await student.ask(problem)).text];
  for (const remark of remarks) replies.push((await student.retry(remark)).text);
  fake.close();
  const asked = fake.callsTo("POST", "completions").map(({ body }) => ({
    said: (body.messages as { content: string }[]).map(({ content }) => content).join("|"),
    temperature: body.temperature,
  }));
  return { replies, asked, spent: student.spent };
}

test("composed puts every remark below the request, and draws again what was rejected", async () => {
  const { asked, replies } = await tried(composed, ["a", "a", "b"], ["other order"]);
  expect(asked.map(({ said }) => said)).toEqual([
    problem.request,
    `${problem.request}\nother order`,
    `${problem.request}\nother order`,
  ]);
  expect(asked.map(({ temperature }) => temperature)).toEqual([0, 0, 1]);
  expect(replies).toEqual(["a", "b"]);
});

test("plan asks for one operation after the other, each with the reply before", async () => {
  const { asked, replies } = await tried(plan, ["3 2 1", "[1 2 3]"]);
  expect(asked).toHaveLength(2);
  expect(asked[0]!.said).toMatch(/, as plain text: [\w ]+$/);
  expect(asked[0]!.said).not.toContain(", then ");
  expect(asked[1]!.said).toMatch(/: 3 2 1$/);
  expect(replies).toEqual(["[1 2 3]"]);
});

test("plan asks a problem without steps to be worked through", async () => {
  const { asked } = await tried(
    (attempt) => plan({ ...attempt, problem: { ...attempt.problem, steps: null } }),
    ["x"],
  );
  expect(asked[0]!.said).toBe(`${problem.request}\nWork step by step, then give the answer.`);
});

test("the oracle's words leave nothing open, and its steps lead to the right reply", async () => {
  const { asked } = await tried(oracle, ["x"]);
  expect(asked[0]!.said).toBe(problem.clear!.request);
  expect(asked[0]!.said).not.toBe(problem.request);
  const steps = await tried(oraclePlan, ["1 2", "2 1"]);
  for (const { said } of steps.asked) expect(said).not.toContain(", then ");
});

test("best of several takes the reply that comes most often, and counts all draws", async () => {
  const { replies, asked, spent } = await tried(bestOf(4), ["a", "b", "c", "b"]);
  expect(replies).toEqual(["b"]);
  expect(asked.map(({ temperature }) => temperature)).toEqual([1, 1, 1, 1]);
  const one = await tried(bestOf(1), ["a"]);
  expect(spent.completionTokens).toBe(4 * one.spent.completionTokens);
});
