import { seededRandom } from "@rosa2/shared/random";
import { rewriteInstruction } from "@rosa2/shared/rewrite-prompt";
import { describe, expect, it } from "vitest";
import { kinds } from "../../../gpu-service/language/items.ts";
import { newWords } from "../../../gpu-service/language/new-words.ts";
import { families } from "../../../gpu-service/language/operations.ts";
import { unambiguous, vagueSpans } from "../../../gpu-service/language/phrasings.ts";
import { drawSample, mix, type Turn } from "../../../gpu-service/language/samples.ts";
import { isTrained } from "../../../gpu-service/language/skills.ts";

const random = seededRandom("samples under test");
const samples = Array.from({ length: 3000 }, () => drawSample(random));

/** Every way to ask for a family, longest first so that a span is not cut short. */
const clauses = families
  .flatMap((family) =>
    Object.values(kinds).flatMap((nouns) =>
      ["one", "two", "three", "1", "2", "3"].flatMap((numeral) =>
        [
          ...vagueSpans(family, nouns, numeral),
          ...Object.values(unambiguous(family, nouns, numeral)).flat(),
        ].map((text) => ({ family, text })),
      ),
    ),
  )
  .sort((a, b) => b.text.length - a.text.length);

/** The families that a user's turn asks for, in order. */
function chainOf(said: string) {
  const chain: (typeof families)[number][] = [];
  for (let rest = said.toLowerCase(); rest.length > 0; ) {
    const clause = clauses.find(({ text }) => rest.startsWith(text));
    if (clause) chain.push(clause.family);
    rest = rest.slice(clause?.text.length ?? 1);
  }
  return chain;
}

function isRewrite(turns: readonly Turn[]) {
  return turns[0]!.content === rewriteInstruction;
}

describe("training samples", () => {
  it("are the same for the same seed", () => {
    expect(drawSample(seededRandom(7))).toEqual(drawSample(seededRandom(7)));
    expect(Object.values(mix).reduce<number>((sum, share) => sum + share, 0)).toBeCloseTo(1, 9);
  });

  it("compose trained pairs only, never a held-out pair or three operations", () => {
    let composed = 0;
    for (const { role, content } of samples.flat()) {
      if (role !== "user") continue;
      const chain = chainOf(content);
      if (chain.length > 1) composed++;
      if (chain.length > 0) expect(isTrained(chain), content).toBe(true);
    }
    expect(composed).toBeGreaterThan(1000);
  });

  it("never hold a new word", () => {
    const text = samples
      .flat()
      .map(({ content }) => content.toLowerCase())
      .join("\n");
    for (const word of newWords) expect(text).not.toMatch(new RegExp(`\\b${word}\\b`));
  });

  it("end with a reply that is learnt, and learn no reply that the user rejects", () => {
    for (const turns of samples) {
      expect(turns.at(-1)).toMatchObject({ role: "assistant", learn: true });
      const learnt = turns.filter(({ learn }) => learn);
      expect(learnt.every(({ role }) => role === "assistant")).toBe(true);
      if (isRewrite(turns)) expect(learnt).toHaveLength(1);
    }
  });

  it("never offer as right what was rejected in the same conversation", () => {
    for (const turns of samples) {
      const rejected = turns.filter(({ role, learn }) => role === "assistant" && !learn);
      for (const { content } of rejected) expect(content).not.toBe(turns.at(-1)!.content);
    }
  });

  it("rewrite a request without touching its list", () => {
    const rewrites = samples.filter(isRewrite);
    expect(rewrites.length).toBeGreaterThan(0.9 * mix.rewrite * samples.length);
    for (const turns of rewrites) {
      const list = (text: string) => text.slice(text.lastIndexOf(":"));
      expect(list(turns.at(-1)!.content)).toBe(list(turns[1]!.content));
    }
  });
});
