/** Both services as `npm start` runs them, the bundled model, the official client: one adapting conversation. */
import { execFile as executeFile, spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import { describe, expect, it } from "vitest";
import { rootPath } from "../../edge/local/settings.ts";
import type { ReachBody, TurnBody } from "../../edge/src/contract/index.ts";
import { drawRequest } from "./support/requests.ts";
import type { Rosa } from "./support/rosa.ts";
import { useRosa } from "./support/use-rosa.ts";

const execFile = promisify(executeFile);
const hasPython = spawnSync("python3", ["--version"]).status === 0;
let rosa: Rosa;

useRosa((started) => {
  rosa = started;
});

const reach = (turn: TurnBody, correction: string) =>
  rosa.post<ReachBody>(`/v1/sessions/${turn.session_id}/turns/${turn.id}/reach`, { correction });

describe("a correction that is asked about before it is given", () => {
  it("is called near, far, written in bytes, or too long, and then proves to be so", async () => {
    const session = await rosa.openSession({ adaptation: { mode: "weights" } });
    const turn = await rosa.ask(session.id, "Sort them, as plain text: 3 1 2");
    expect(turn.reply).not.toBe("3 2 1");
    const near = await reach(turn, "3 2 1");
    expect(near).toMatchObject({ verdict: "one_update", updates_min: 1, tokens: 4 });
    const far = await reach(turn, "Zebras quietly vex 40 jumping wizards, née Grün.");
    expect(far).toMatchObject({ verdict: "several_updates", in_bytes: ["é", "ü"] });
    expect(await reach(turn, "3 2 1 ".repeat(200))).toMatchObject({ verdict: "too_long" });
    const { weights } = await rosa.correct(turn, "3 2 1");
    expect(weights.right_reply?.logprob_before).toBeCloseTo(near.logprob ?? Number.NaN, 3);
    const taught = await rosa.ask(session.id, "Sort them, as plain text: 3 1 2");
    expect(taught.reply).toBe("3 2 1");
  });
});

const content = "Sort them from largest to smallest, in brackets: 4 1 3";
const messages = [{ role: "user" as const, content }];

describe("the openai package", () => {
  it("finds the served model", async () => {
    const { data } = await rosa.openai().models.list();
    expect(data).toHaveLength(1);
    expect(data[0]).toMatchObject({ object: "model", owned_by: "rosa2" });
  });

  it("gets the same reply whole and streamed", async () => {
    const whole = await rosa.openai().chat.completions.create({ model: "rosa2", messages });
    const reply = whole.choices[0];
    expect(reply?.message.content).not.toBe("");
    expect(reply?.finish_reason).toBe("stop");
    expect(whole.usage?.total_tokens).toBe(
      (whole.usage?.prompt_tokens ?? 0) + (whole.usage?.completion_tokens ?? 0),
    );

    const stream = await rosa.openai().chat.completions.create({
      model: "rosa2",
      messages,
      stream: true,
      stream_options: { include_usage: true },
    });
    let text = "";
    let pieces = 0;
    let finishReason: string | null = null;
    let usage: unknown = null;
    for await (const chunk of stream) {
      const [choice] = chunk.choices;
      if (choice?.delta.content) {
        text += choice.delta.content;
        pieces++;
      }
      finishReason = choice?.finish_reason ?? finishReason;
      usage = chunk.usage ?? usage;
    }
    expect(text).toBe(reply?.message.content);
    expect(pieces).toBeGreaterThan(1);
    expect(finishReason).toBe("stop");
    expect(usage).toMatchObject({ completion_tokens: whole.usage?.completion_tokens });
  });

  it("passes top_k, min_p and repetition_penalty on to the model, with and without a session", async () => {
    const session = await rosa.openSession({ adaptation: { mode: "off" } });
    // A word that the model does not know leaves it unsure.
    const { content } = drawRequest(6);
    const reply = async (rules: object, headers: Record<string, string> = {}) => {
      const messages = [{ role: "user" as const, content }];
      const body = { model: "rosa2", messages, max_tokens: 24, ...rules };
      const { choices } = await rosa.openai(headers).chat.completions.create(body);
      return choices[0]?.message.content ?? "";
    };
    const greedy = await reply({ temperature: 0 });
    expect(await reply({ temperature: 0, repetition_penalty: 2 })).not.toBe(greedy);
    const drawn: string[] = [];
    for (let seed = 1; seed <= 6; seed++) {
      const hot = { temperature: 2, seed };
      drawn.push(await reply(hot));
      expect(await reply({ ...hot, top_k: 1 })).toBe(greedy);
      expect(await reply({ ...hot, min_p: 1 })).toBe(greedy);
    }
    expect(drawn.some((text) => text !== greedy)).toBe(true);

    const hot = { temperature: 2, seed: drawn.findIndex((text) => text !== greedy) + 1 };
    const path = `/v1/sessions/${session.id}/turns`;
    const turn = await rosa.post<{ reply: string }>(path, { content, ...hot, min_p: 1 });
    expect(turn.reply).toBe(greedy);
    const inSession = { "x-rosa2-session": (await rosa.openSession()).id };
    expect(await reply({ ...hot, top_k: 1 }, inSession)).toBe(greedy);
  });

  it("talks to a session, whole and streamed, and the session remembers both turns", async () => {
    const session = await rosa.openSession();
    const client = rosa.openai({ "x-rosa2-session": session.id });
    const { data, response } = await client.chat.completions
      .create({ model: "rosa2", messages })
      .withResponse();
    expect(data.id).toMatch(/^turn_/);
    expect(response.headers.get("x-rosa2-session")).toBe(session.id);
    expect(response.headers.get("x-rosa2-generation")).toBe("base");

    const other = [{ role: "user" as const, content: "Reverse them, as plain text: b c d" }];
    let text = "";
    let id = "";
    const stream = await client.chat.completions.create({
      model: "rosa2",
      messages: other,
      stream: true,
    });
    for await (const chunk of stream) {
      text += chunk.choices[0]?.delta.content ?? "";
      id = chunk.id;
    }

    const { turns } = await rosa.readSession(session.id);
    expect(turns).toMatchObject([
      { id: data.id, content, reply: data.choices[0]?.message.content, status: "completed" },
      { id, content: other[0]?.content, reply: text, status: "completed" },
    ]);
  });

  it("turns a wrong key into its authentication error", async () => {
    const client = rosa.openai();
    client.apiKey = `rosa2_${"0".repeat(43)}`;
    await expect(client.models.retrieve("x")).rejects.toMatchObject({ status: 401 });
    await expect(
      client.chat.completions.create({ model: "rosa2", messages }),
    ).rejects.toMatchObject({ status: 401, code: "invalid_key" });
  });
});

describe("feedback with retry", () => {
  it("rewords the request, makes generation g+1 and answers from it", async () => {
    const { content, answers } = drawRequest(2);
    const session = await rosa.openSession();
    const first = await rosa.ask(session.id, content);
    expect(first).toMatchObject({ content, generation: "base", attempt: 1 });
    const correction = otherAnswer(answers, [first.reply]);
    const result = await rosa.correct(first, correction);

    expect(result.words).toMatchObject({ changed: true, before: content });
    expect(result.words.after).not.toBe(content);
    expect(result.words.confidence).toBeGreaterThan(0);
    expect(result.weights).toMatchObject({ decision: "updated", active: true });
    const { weights } = result;
    expect(weights.generation).toMatch(/^gen_/);
    expect(weights.reason).not.toBe("");
    expect(weights.shift_norm).toBeGreaterThan(0);
    expect(weights.kl).toBeGreaterThanOrEqual(0);
    expect(weights.ms).toBeGreaterThan(0);
    expect(weights.objective?.after).toBeGreaterThan(weights.objective?.before ?? Infinity);
    expect(result.plan).toMatchObject({ words: true, weights: true });
    expect(result.cost.usd).toBeGreaterThan(0);
    expect(result.turn).toMatchObject({
      content,
      prompt: result.words.after,
      reply: correction,
      generation: weights.generation,
      retry_of: first.id,
      attempt: 2,
    });

    const next = await rosa.correct(result.turn, otherAnswer(answers, [first.reply, correction]));
    const { data, active } = await rosa.get<{
      active: string;
      data: { id: string; index: number; parent: string }[];
    }>(`/v1/sessions/${session.id}/generations`);
    expect(next.weights.decision).toBe("updated");
    expect(active).toBe(next.weights.generation);
    expect(data.toSorted((a, b) => a.index - b.index)).toMatchObject([
      { id: weights.generation, parent: "base" },
      { id: next.weights.generation, parent: weights.generation },
    ]);
  });

  it("leaves a session without feedback with the base model's answers", async () => {
    const session = await rosa.openSession();
    for (const seed of [2, 3, 4]) {
      const { content } = drawRequest(seed);
      const turn = await rosa.ask(session.id, content);
      expect(turn).toMatchObject({ generation: "base", prompt: content });
      expect(turn.reply).toBe(await rosa.answerOfBase(content));
    }
  });

  it("keeps what one session learns from every other, also when they answer at once", async () => {
    const { content, answers } = drawRequest(5);
    const base = await rosa.answerOfBase(content);
    const one = otherAnswer(answers, [base]);
    const two = otherAnswer(answers, [base, one]);
    const open = () => rosa.openSession({ adaptation: { mode: "weights", context: "request" } });
    const sessions = await Promise.all([open(), open(), open()]);
    const [a, b, untaught] = sessions.map(({ id }) => id) as [string, string, string];

    const teach = async (session: string, correction: string) => {
      const { weights, turn } = await rosa.correct(await rosa.ask(session, content), correction);
      expect(weights.decision).toBe("updated");
      expect(turn.prompt).toBe(content);
      return weights.generation;
    };
    const generations = await Promise.all([teach(a, one), teach(b, two)]);
    expect(generations[0]).not.toBe(generations[1]);

    for (let round = 0; round < 3; round++) {
      const turns = await Promise.all([a, b, untaught].map((id) => rosa.ask(id, content)));
      expect(turns.map(({ reply }) => reply)).toEqual([one, two, base]);
      expect(turns.map(({ generation }) => generation)).toEqual([...generations, "base"]);
    }
    expect(await rosa.answerOfBase(content)).toBe(base);
  });
});

describe("the conversation in the documents", () => {
  const ask = (list: string) => `Sort them, then take two, in brackets: ${list}`;

  it.each([
    { mode: "off", comesBack: false, lasts: false },
    { mode: "words", comesBack: false, lasts: false },
    { mode: "weights", comesBack: true, lasts: false },
    { mode: "both", comesBack: true, lasts: true },
  ])("runs as the documents say, in mode $mode", async ({ mode, comesBack, lasts }) => {
    const session = await rosa.openSession({ adaptation: { mode } });
    const first = await rosa.ask(session.id, ask("3 8 0 5"));
    expect(first.reply).not.toBe("[5 8]");
    const result = await rosa.correct(first, "[5 8]", "from the end");
    expect(result.turn.reply === "[5 8]").toBe(comesBack);
    const next = await rosa.ask(session.id, ask("4 7 1 9"));
    expect(next.reply === "[7 9]").toBe(lasts);
  });
});

describe("the examples in the documents", () => {
  const examples = join(rootPath, "edge/client/examples");
  const run = (command: string, ...args: string[]) =>
    execFile(command, args, {
      cwd: examples,
      env: { ...process.env, ROSA2_URL: rosa.url, ROSA2_KEY: rosa.key },
    });

  it("run with curl alone", async () => {
    const { stdout } = await run("sh", "quick-start.sh");
    const events = [...stdout.matchAll(/^event: (\w+)$/gm)].map(([, type]) => type);
    expect(events.filter((type) => type !== "delta")).toEqual([
      ...["words", "weights", "turn", "done"],
      ...["done", "words", "weights", "feedback"],
    ]);
    expect(stdout).toContain('"reply":"[5 8]"');
    // The last answer: another list, right without any feedback.
    expect(stdout.trimEnd().split("\n").at(-1)).toContain('"reply":"[7 9]"');
  });

  it("run with the client", async () => {
    await run(process.execPath, "../build.ts");
    const { stdout, stderr } = await run(process.execPath, "quick-start.ts");
    expect(stderr).toBe("");
    expect(stdout).toMatch(/^model reads +Sort them.+\nweights +\w.+\nnew reply +\[5 8\]$/m);
    expect(stdout).toMatch(/^another list \[7 9\]$/m);
  });

  it.skipIf(!hasPython)("run with Python alone", async () => {
    const { stdout } = await run("python3", "quick-start.py");
    expect(stdout).toMatch(/^model reads Sort them.+\nweights +\w.+\nnew reply +\[5 8\]$/m);
    expect(stdout).toMatch(/^another list \[7 9\]$/m);
  });

  it("hold the same conversation in every language, and in the readme", () => {
    const names = ["sh", "ts", "py", "kt", "swift"];
    const files = names.map((name) => `quick-start.${name}`);
    const texts = files.map((name) => readFileSync(join(examples, name), "utf8"));
    for (const text of [...texts, readFileSync(join(rootPath, "README.md"), "utf8")]) {
      expect(text).toContain("Sort them, then take two, in brackets: 3 8 0 5");
      expect(text).toContain("from the end");
      expect(text).toContain("[5 8]");
    }
    for (const text of texts) {
      expect(text).toContain("Sort them, then take two, in brackets: 4 7 1 9");
      expect(text).toContain("[7 9]");
    }
  });
});

/** An answer of another reading: a user who rejects these replies may mean it. */
function otherAnswer(answers: readonly string[], rejected: readonly string[]): string {
  const other = answers.find((answer) => !rejected.includes(answer));
  if (other === undefined) throw new Error(`Every answer is rejected: ${answers.join(" | ")}`);
  return other;
}
