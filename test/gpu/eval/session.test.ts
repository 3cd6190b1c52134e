import { describe, expect, test } from "vitest";
import type { Problem, Protocol, SessionPlan } from "../../eval/problem.ts";
import { runSession } from "../../eval/session.ts";
import { nothingSpent, type Reply, type Student } from "../../eval/students/student.ts";

/** Replies with its lines in turn, and keeps what it is asked. */
class Parrot implements Student {
  readonly spent = nothingSpent();
  readonly heard: string[] = [];
  readonly #lines: Iterator<string>;
  constructor(lines: readonly string[]) {
    this.#lines = lines[Symbol.iterator]();
  }
  async ask({ request }: Problem): Promise<Reply> {
    this.heard.push(`ask ${request}`);
    return this.#say();
  }
  async retry(comment: string): Promise<Reply> {
    this.heard.push(`retry ${comment}`);
    return this.#say();
  }
  async accept(): Promise<void> {
    this.heard.push("accept");
  }
  async giveUp(comment: string, correction: string | null): Promise<void> {
    this.heard.push(`give up ${comment} ${correction}`);
  }
  async probe(request: string): Promise<string> {
    this.heard.push(`probe ${request}`);
    return this.#say().text;
  }
  async close(): Promise<void> {}
  #say(): Reply {
    const next = this.#lines.next();
    if (next.done) throw new Error("The parrot has no lines left");
    return { text: next.value, shift: 0.5 };
  }
}

const problem = (request: string): Problem => ({
  request,
  steps: null,
  clear: null,
  isRight: (reply) => reply === "right",
  correction: "right",
  comment: (_random, reply, tryIndex) => `${reply}? ${tryIndex}`,
});
const plan = (...requests: string[]): SessionPlan => ({
  instructions: null,
  problems: requests.map(problem),
  probes: [{ request: "p", isRight: (reply) => reply === "right" }],
});
const protocol: Protocol = { name: "B", triesMax: 3, corrections: true, silentFrom: null };
const options = { userSeed: "u", probes: false };

test("tries until the reply is right, and accepts it", async () => {
  const student = new Parrot(["a", "right"]);
  const { problems } = await runSession(student, plan("x"), protocol, options);
  expect(student.heard).toEqual(["ask x", "retry a? 0", "accept"]);
  expect(problems).toEqual([{ solved: true, tries: 2, shift: 0.5 }]);
});

test("corrects after the last failed try, and goes on to the next problem", async () => {
  const student = new Parrot(["a", "b", "c", "right"]);
  const { problems } = await runSession(student, plan("x", "y"), protocol, options);
  expect(student.heard).toEqual([
    "ask x",
    "retry a? 0",
    "retry b? 1",
    "give up c? 2 right",
    "ask y",
    "accept",
  ]);
  expect(problems.map(({ solved, tries }) => [solved, tries])).toEqual([
    [false, 3],
    [true, 1],
  ]);
});

test("keeps the correction to itself when corrections are off", async () => {
  const student = new Parrot(["a", "b", "c"]);
  await runSession(student, plan("x"), { ...protocol, corrections: false }, options);
  expect(student.heard.at(-1)).toBe("give up c? 2 null");
});

test("says nothing about the replies once it has stopped commenting", async () => {
  const student = new Parrot(["a", "b", "right"]);
  const word: Protocol = { name: "word", triesMax: 1, corrections: true, silentFrom: 1 };
  const { problems } = await runSession(student, plan("x", "y", "z"), word, options);
  expect(student.heard).toEqual(["ask x", "give up a? 0 right", "ask y", "ask z"]);
  expect(problems.map(({ solved }) => solved)).toEqual([false, false, true]);
});

describe("probes", () => {
  test("come after the last problem", async () => {
    const student = new Parrot(["right", "wrong"]);
    const { probesRight } = await runSession(student, plan("x"), protocol, {
      ...options,
      probes: true,
    });
    expect(student.heard).toEqual(["ask x", "accept", "probe p"]);
    expect(probesRight).toBe(0);
  });

  test("are left out where they are not asked for", async () => {
    const { probesRight } = await runSession(new Parrot(["right"]), plan("x"), protocol, options);
    expect(probesRight).toBeNull();
  });
});
