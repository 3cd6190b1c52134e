/** Watched replies on a real model: the log-probs that an update has computed are not measured again. */
import { expect, it } from "vitest";
import { tokenShifts } from "../../../gpu-service/src/engine/queue/watched.ts";
import { finish, type ScoreRow } from "../../../gpu-service/src/language-model.ts";
import { randomRuntime } from "../support/random-runtime.ts";

const runtime = randomRuntime();

it("takes the right reply's log-probs from the update, and measures the rejected one alone", async () => {
  const { model, tokenizer } = runtime();
  const rowOf = (reply: string): ScoreRow =>
    tokenizer.exampleIds([{ role: "user", content: "Name a colour" }], reply);
  const [right, rejected] = [rowOf("blue"), rowOf("seven")];
  const rows = [{ ...right, kind: "corrected" as const, weight: 1 }];
  const { file, logprobs } = await finish(runtime().adapt(rows, {}, null));
  const passed: number[] = [];
  const counting: Pick<typeof model, "passRows"> = {
    passRows: (asked, adapter) => {
      passed.push(asked.length);
      return model.passRows(asked, adapter);
    },
  };
  const adapters = { before: null, after: file!.adapter };
  const watched = [right, rejected];
  const known = { ...logprobs!, rows };
  const shifts = await finish(tokenShifts(counting, tokenizer, watched, adapters, 4096, known));
  expect(passed).toEqual([1, 1]);
  const measured = await finish(tokenShifts(model, tokenizer, watched, adapters, 4096));
  for (const [row, tokens] of measured.entries()) {
    expect(shifts[row]!.map(({ text }) => text)).toEqual(tokens.map(({ text }) => text));
    for (const [at, { before, after }] of tokens.entries()) {
      // Beside rows of another length, the sums of a row change in the last bits of fp32.
      expect(shifts[row]![at]!.before).toBeCloseTo(before, 4);
      expect(shifts[row]![at]!.after).toBeCloseTo(after, 4);
    }
  }
});
