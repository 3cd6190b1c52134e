/** Tokenising that takes long leaves the engine's thread free. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { PatientTokenizer } from "../../../gpu-service/src/tokenizer/patient.ts";
import { ChatTokenizer } from "../../../gpu-service/src/tokenizer/tokenizer.ts";
import { byteTokenizerFiles, endId, vocabSize } from "../support/byte-tokenizer.ts";

const directory = mkdtempSync(join(tmpdir(), "rosa2-patient-"));
afterAll(() => rmSync(directory, { recursive: true }));

const { tokenizer, config, chatTemplate } = byteTokenizerFiles;
const endless =
  "{% if messages[-1].content == 'hang' %}{% for a in range(99999) %}{% for b in range(99999) %}{% endfor %}{% endfor %}{% endif %}";
const split = { type: "Split", pattern: { Regex: "(a+)+!?$" }, behavior: "Isolated" };
const hostile = {
  ...tokenizer,
  pre_tokenizer: { type: "Sequence", pretokenizers: [split, tokenizer.pre_tokenizer] },
};
writeFileSync(join(directory, "tokenizer.json"), JSON.stringify(hostile));
writeFileSync(join(directory, "tokenizer_config.json"), JSON.stringify(config));
writeFileSync(join(directory, "chat_template.jinja"), endless + chatTemplate);

const own = ChatTokenizer.load(directory, [endId], vocabSize);
const patient = new PatientTokenizer(own, { directory, eosIds: [endId], vocabSize });
const user = (content: string) => [{ role: "user" as const, content }];

/** How an action ends, and how often a timer of this thread came meanwhile. */
async function watched(action: () => Promise<unknown>) {
  let ticks = 0;
  const timer = setInterval(() => ticks++, 5);
  const error = await action().then(
    () => null,
    (reason: unknown) => reason,
  );
  clearInterval(timer);
  return { error, ticks };
}

describe("a hostile checkpoint", () => {
  it("has its template ended within 2 s, while this thread continues", async () => {
    // The other thread's start reads the tokenizer once.
    await patient.prompt(user("b ".repeat(40_000)), Number.POSITIVE_INFINITY, {});
    const { error, ticks } = await watched(() => patient.prompt(user("hang"), 4096, {}));
    expect(error).toMatchObject({
      code: "invalid_request",
      message: expect.stringContaining("longer than 2 s"),
    });
    expect(ticks).toBeGreaterThan(20);
  });

  it("has its patterns ended likewise, and other calls are answered", async () => {
    const text = `${"a".repeat(40)}x`;
    const { error, ticks } = await watched(() => patient.replyIds(text));
    expect(error).toMatchObject({
      code: "checkpoint_unsupported",
      param: "tokenizer.json",
      message: expect.stringContaining("longer than 1.5"),
    });
    expect(ticks).toBeGreaterThan(20);
    expect(await patient.replyIds("b")).toEqual(own.replyIds("b"));
  });
});

describe("calls at the same time", () => {
  it("are answered as alone, also beside one that never ends", async () => {
    const texts = ["b", `${"a".repeat(40)}x`, "c".repeat(2_000), "b"];
    const answers = await Promise.allSettled(texts.map((text) => patient.replyIds(text)));
    expect(answers.map(({ status }) => status)).toEqual([
      "fulfilled",
      "rejected",
      "fulfilled",
      "fulfilled",
    ]);
    for (const [i, answer] of answers.entries())
      if (answer.status === "fulfilled") expect(answer.value).toEqual(own.replyIds(texts[i]!));
  });
});

describe("an honest text", () => {
  it("gives the same ids, however long the text is", async () => {
    for (const content of ["b", "b ".repeat(40_000)]) {
      const expected = own.exampleIds(user(content), content);
      expect(await patient.exampleIds(user(content), content)).toEqual(expected);
    }
  });

  it("is refused as before where it does not fit", async () => {
    const { error } = await watched(() => patient.prompt(user("b".repeat(1e6)), 16, {}));
    expect(error).toMatchObject({ code: "context_length_exceeded" });
  });
});
