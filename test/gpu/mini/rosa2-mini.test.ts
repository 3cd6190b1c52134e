import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { adaptPlanDefaults, type Message } from "@rosa2/shared/protocol";
import { afterAll, describe, expect, it } from "vitest";
import { adapt } from "../../../gpu-service/src/adapt/adapt.ts";
import { readAdapter } from "../../../gpu-service/src/adapt/adapter-file.ts";
import { Model } from "../../../gpu-service/src/engine/model/model.ts";
import type { TokenRow } from "../../../gpu-service/src/language-model.ts";
import { ChatTokenizer } from "../../../gpu-service/src/tokenizer/tokenizer.ts";
import { replyGreedily } from "../../../gpu-service/train/replies.ts";
import { withProbes } from "../../support/with-probes.ts";

/** Made with transformers and peft; see ../fixtures/README.md. */
interface Golden {
  conversations: {
    messages: Message[];
    promptIds: number[];
    greedyIds: number[];
    greedyText: string;
  }[];
  scored: { messages: Message[]; reply: string; logprobs: { base: number[]; adapted: number[] } }[];
}

const fixtures = new URL("../fixtures/rosa2-mini/", import.meta.url);
const golden: Golden = JSON.parse(readFileSync(new URL("golden.json", fixtures), "utf8"));
const directory = fileURLToPath(new URL("../../../gpu-service/models/rosa2-mini", import.meta.url));
const model = await Model.load(directory, { threads: 1 });
const tokenizer = ChatTokenizer.load(directory, model.shape.eosIds);
afterAll(() => model.dispose());

const toRow = ({ messages, reply }: { messages: Message[]; reply: string }) => ({
  prompt: tokenizer.promptIds(messages),
  reply: tokenizer.replyIds(reply),
});

describe("rosa2-mini", () => {
  it("reads conversations into the ids that transformers makes", () => {
    for (const { messages, promptIds } of golden.conversations) {
      expect([...tokenizer.promptIds(messages)]).toEqual(promptIds);
    }
  });

  it("replies token by token as transformers does", async () => {
    const prompts = golden.conversations.map(({ promptIds }) => promptIds);
    const replies = await replyGreedily(model, prompts, 32);
    expect(replies).toEqual(golden.conversations.map(({ greedyIds }) => greedyIds));
  });

  it("gives replies the log-probs that transformers gives them", async () => {
    const found = await model.score(golden.scored.map(toRow), null);
    compare(found, ({ base }) => base);
  });

  it("under a generation's adapter gives the log-probs that peft gives", async () => {
    const adapter = readAdapter(model, readFileSync(new URL("adapter.safetensors", fixtures)));
    const found = await model.score(golden.scored.map(toRow), adapter);
    compare(found, ({ adapted }) => adapted);
  });
});

describe("an update of rosa2-mini", () => {
  const messages: Message[] = [
    {
      role: "user",
      content:
        "Sort them from largest to smallest, then rotate them by one to the left, in brackets: 4 7 1 9",
    },
  ];

  it("raises a corrected reply by what it predicted within a factor of two", async () => {
    const row = {
      ...toRow({ messages, reply: "[7 4 1 9]" }),
      kind: "corrected" as const,
      weight: 1,
    };
    const shift = await update(row);
    expect(shift.predicted).toBeGreaterThan(0);
    expect(shift.realised / shift.predicted).toBeGreaterThan(0.5);
    expect(shift.realised / shift.predicted).toBeLessThan(2);
  });

  it("lowers a rejected reply by what it predicted within a factor of two", async () => {
    const prompt = tokenizer.promptIds(messages);
    const [reply] = await replyGreedily(model, [[...prompt]], 32);
    const ended = Int32Array.from([...reply!, model.shape.eosIds[0]!]);
    const shift = await update({ prompt, reply: ended, kind: "rejected", weight: 1 });
    expect(shift.predicted).toBeLessThan(0);
    expect(shift.realised / shift.predicted).toBeGreaterThan(0.5);
    expect(shift.realised / shift.predicted).toBeLessThan(2);
  });
});

it("reaches a reply far from the base within its bound on KL, and does not stop at its first step", async () => {
  const content = "Zig them, then sort them, in brackets: 8 4 6";
  const prompt = tokenizer.promptIds([{ role: "user", content }]);
  const row: TokenRow = {
    prompt,
    reply: tokenizer.replyIds("[6 8]"),
    kind: "corrected",
    weight: 1,
  };
  const subject = withProbes(model, [
    tokenizer.promptIds([{ role: "user", content: "Sort them from smallest to largest: 5 8 1" }]),
  ]);
  const steps = adapt(subject, [row], adaptPlanDefaults, null);
  let result = await steps.next();
  while (!result.done) result = await steps.next();
  expect(result.value.decision).toBe("updated");
  expect(result.value.kl).toBeLessThan(1.15 * adaptPlanDefaults.kl_max);
  expect(result.value.rows[0]!.logprob_after).toBeGreaterThan(-8);
});

/** What one linear step predicted for the row, and what it brought. */
async function update(row: TokenRow): Promise<{ predicted: number; realised: number }> {
  const plan = { ...adaptPlanDefaults, iterations: 1, gate: 0 };
  const steps = adapt(withProbes(model), [row], plan, null);
  for (;;) {
    const { done, value } = await steps.next();
    if (!done) continue;
    expect(value.decision).toBe("updated");
    const { predicted_shift, realised_shift } = value.rows[0]!;
    return { predicted: predicted_shift, realised: realised_shift };
  }
}

/** 1e-3 nats a token: fp32 sums in another order differ by about 1e-5. */
function compare(
  found: Float32Array[],
  expected: (logprobs: Golden["scored"][number]["logprobs"]) => number[],
): void {
  golden.scored.forEach(({ logprobs }, i) => {
    const values = expected(logprobs);
    expect(found[i]).toHaveLength(values.length);
    values.forEach((value, token) => {
      expect(Math.abs(found[i]![token]! - value)).toBeLessThan(1e-3);
    });
  });
}
