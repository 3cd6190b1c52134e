import { seededRandom } from "@rosa2/shared/random";
import { rewriteInstruction } from "@rosa2/shared/rewrite-prompt";
import { describe, expect, it } from "vitest";
import type { Turn } from "../../../gpu-service/language/conversations.ts";
import {
  drawBackwards,
  drawEveryday,
  drawSum,
  everydayAsks,
} from "../../../gpu-service/language/everyday.ts";
import { kinds } from "../../../gpu-service/language/items.ts";
import { newWords } from "../../../gpu-service/language/new-words.ts";
import { additions } from "../../../gpu-service/language/notes/additions.ts";
import { families, untaughtFamilies } from "../../../gpu-service/language/operations.ts";
import { beyondReply } from "../../../gpu-service/language/outside.ts";
import { unambiguous, vagueSpans } from "../../../gpu-service/language/phrasings.ts";
import { drawSample, mix } from "../../../gpu-service/language/samples.ts";
import { type Chain, isTrained } from "../../../gpu-service/language/skills.ts";

const random = seededRandom("samples under test");
const samples = Array.from({ length: 3000 }, () => drawSample(random));

/** Every way to ask for a family, longest first, so that a match is not too short. */
const clauses = [...families, ...untaughtFamilies]
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
  const chain: Chain[number][] = [];
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

/** Two operations that were trained in either order, the first of them once more. They are only shown step by step. */
function repeatsTrainedPair([a, b, c, ...more]: Chain): boolean {
  return more.length === 0 && a === c && isTrained([a!, b!]) && isTrained([b!, a!]);
}

/** Replies that the user finds wrong: the next text is a remark, and only the last reply is learnt. */
function rejectedIn(turns: readonly Turn[]) {
  if (turns.filter(({ learn }) => learn).length > 1) return [];
  return turns.filter(
    ({ role, learn }, i) => role === "assistant" && !learn && !turns[i + 1]!.content.includes(":"),
  );
}

describe("training samples", () => {
  it("are the same for the same seed", () => {
    expect(drawSample(seededRandom(7))).toEqual(drawSample(seededRandom(7)));
    expect(Object.values(mix).reduce<number>((sum, share) => sum + share, 0)).toBeCloseTo(1, 9);
  });

  it("carry out trained pairs only, never a held-out pair or three different operations", () => {
    let composed = 0;
    for (const { role, content } of samples.filter((turns) => !isRewrite(turns)).flat()) {
      if (role !== "user") continue;
      // Remarks below a request are about its own operations.
      const chain = chainOf(content.split("\n\n")[0]!);
      if (chain.length > 1) composed++;
      if (chain.length === 0) continue;
      const steps = / step by step|show your work/.test(content);
      expect(isTrained(chain) || (steps && repeatsTrainedPair(chain)), content).toBe(true);
    }
    expect(composed).toBeGreaterThan(1000);
  });

  it("teach the wording of every composition, and nothing else of those that are never carried out", () => {
    const reworded = samples.filter(isRewrite).map((turns) => turns.at(-1)!.content);
    const beyond = reworded.filter((content) => {
      const chain = chainOf(content);
      return chain.length > 1 && !isTrained(chain);
    });
    expect(beyond.length).toBeGreaterThan(100);
    for (const content of beyond) expect(content).toMatch(/^[A-Za-z].*:\s/su);
  });

  it("never hold a new word", () => {
    const text = samples
      .flat()
      .map(({ content }) => content.toLowerCase())
      .join("\n");
    for (const word of newWords) expect(text).not.toMatch(new RegExp(`\\b${word}\\b`));
  });

  it("end with a reply that is learnt, and teach no reply that the user rejects", () => {
    for (const turns of samples) {
      expect(turns.at(-1)).toMatchObject({ role: "assistant", learn: true });
      const learnt = turns.filter(({ learn }) => learn);
      expect(learnt.every(({ role }) => role === "assistant")).toBe(true);
      if (isRewrite(turns)) expect(learnt).toHaveLength(1);
    }
  });

  it("never offer as right what was rejected in the same conversation", () => {
    for (const turns of samples) {
      for (const { content } of rejectedIn(turns)) {
        expect(content).not.toBe(turns.at(-1)!.content);
      }
    }
  });

  it("never rewrite a sense that is kept for the evaluation", () => {
    for (const [, said] of samples.filter(isRewrite)) {
      expect(said!.content).not.toMatch(/\b(?:trim|halve) (?:them|the list)/i);
    }
    const text = samples.flat().map(({ content }) => content);
    expect(text.filter((content) => /\bhalve them/i.test(content)).length).toBeGreaterThan(10);
  });

  it("let one user ask the same again, with what was meant in view", () => {
    const instruction = ({ content }: Turn) => content.split(/:\s/u)[0];
    const repeating = samples.filter((turns) => {
      const said = turns.filter(({ role, content }) => role === "user" && content.includes(":"));
      return said.length > 1 && instruction(said[0]!) === instruction(said.at(-1)!);
    });
    expect(repeating.length / samples.length).toBeGreaterThan(0.9 * mix.sameUser);
    expect(repeating.length / samples.length).toBeLessThan(1.2 * mix.sameUser);
  });

  it("answer a request with remarks below it as they mean it, or say that they are beyond the model", () => {
    const remarked = samples.filter(
      (turns) => !isRewrite(turns) && turns[0]!.content.includes("\n\n"),
    );
    expect(remarked.length / samples.length).toBeGreaterThan(0.7 * mix.remarked);
    const beyond = remarked.filter((turns) => turns[1]!.content === beyondReply);
    expect(beyond.length / remarked.length).toBeCloseTo(0.3, 0.5);
    for (const [said, reply] of remarked) {
      const [, remarks = ""] = said!.content.split("\n\n");
      expect(remarks).not.toMatch(/^(?:no, )?(?:wrong|no|not that|try again)\.?$/im);
      const isNote = /^(?:please )?(?:(?:can you )?write|invite|send|ask) /iu.test(said!.content);
      if (reply!.content !== beyondReply && !isNote) {
        expect(chainOf(said!.content).length).toBeGreaterThan(0);
      }
    }
  });

  it("write notes, and never carry out an addition", () => {
    const replies = samples.filter((turns) => !isRewrite(turns)).flat();
    const notes = replies.filter(
      ({ learn, content }) => learn && /^(?:Hi|Dear) \w+, /.test(content),
    );
    expect(notes.length).toBeGreaterThan(0.05 * samples.length);
    const asked = replies.map(({ content }) => content).join("\n");
    for (const { phrase } of Object.values(additions)) expect(asked).not.toContain(phrase);
    const more = Array.from({ length: 6000 }, () => drawSample(random));
    const reworded = [...samples, ...more].filter(isRewrite).map((turns) => turns.at(-1)!.content);
    for (const { phrase } of Object.values(additions)) {
      expect(
        reworded.some((content) => content.includes(phrase)),
        phrase,
      ).toBe(true);
    }
  });

  it("rewrite a request without touching its list", () => {
    const rewrites = samples.filter(isRewrite);
    expect(rewrites.length).toBeGreaterThan(0.9 * mix.rewrite * samples.length);
    for (const turns of rewrites) {
      const list = (text: string) => text.slice(text.lastIndexOf(":"));
      // A sentence is said more clearly behind it.
      const isLonger = turns.at(-1)!.content.startsWith(turns[1]!.content.replace(/[.?]$/, ""));
      if (!isLonger) expect(list(turns.at(-1)!.content)).toBe(list(turns[1]!.content));
    }
  });
});

describe("everyday requests", () => {
  it("are answered as people mean them", () => {
    const drawn = new Map(
      everydayAsks.flatMap((name) =>
        Array.from({ length: 200 }, () => drawEveryday(random, name)).map(
          ({ request, reply }) => [request, reply] as const,
        ),
      ),
    );
    const matching = (pattern: RegExp) =>
      [...drawn].flatMap(([said, reply]) => {
        const items = pattern.exec(said)?.[1];
        return items === undefined ? [] : [{ items: items.split(/, |,| and | /), reply }];
      });
    for (const { items, reply } of matching(/^sort ([0-9, and]+)$/)) {
      expect(reply).toBe(items.toSorted((a, b) => Number(a) - Number(b)).join(" "));
    }
    for (const { items, reply } of matching(/^alphabetize (.+)$/)) {
      expect(reply).toBe(items.toSorted().join(" "));
    }
    for (const { items, reply } of matching(/^reverse the list (.+)$/)) {
      expect(reply).toBe(items.toReversed().join(" "));
    }
    for (const { items, reply } of matching(/^max of (.+)$/)) {
      expect(Number(reply)).toBe(Math.max(...items.map(Number)));
    }
    for (const { items, reply } of matching(/^count ((?!the).+)$/)) {
      expect(Number(reply)).toBe(items.length);
    }
    expect(matching(/^sort (.+)$/).length).toBeGreaterThan(10);
  });

  it("leave no place of a form unfilled", () => {
    for (let i = 0; i < 3000; i++) {
      const { request, reply } = [drawEveryday, drawBackwards, drawSum][i % 3]!(random);
      expect(request + reply).not.toMatch(/[{}]|undefined|NaN/);
      expect(reply).not.toBe("");
    }
  });
});
