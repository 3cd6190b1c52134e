import { describe, expect, test } from "vitest";
import { chosenLetter } from "../../eval/checks/choice.ts";
import { codeOf } from "../../eval/checks/code.ts";
import { constraintNames } from "../../eval/checks/constraints.ts";
import { makeCheck } from "../../eval/checks/index.ts";
import { lastNumber } from "../../eval/checks/numeric.ts";
import { FakeApi } from "./support/fake-api.ts";

describe("exact", () => {
  test("forgives white space and nothing else", () => {
    const check = makeCheck("exact", "[7 4 1]");
    expect(check(" [7  4\n1] ")).toBe(true);
    expect(check("[7 4 1].")).toBe(false);
    expect(check("[7 41]")).toBe(false);
  });
});

describe("numeric", () => {
  test.each([
    ["#### 1,234", 1234],
    ["so the answer is -3.5e2.", -350],
    ["\\boxed{\\frac{3}{4}}", 0.75],
    ["12 of 48, that is 1/4", 0.25],
    ["7-3", 3],
    ["from 7 to −3", -3],
    ["$40", 40],
    ["x = .5", 0.5],
    ["1,2 and 3", 3],
  ])("reads the last number of %j", (text, number) => {
    expect(lastNumber(text)).toBe(number);
  });

  test("rejects a reply without a number, and division by zero", () => {
    const check = makeCheck("numeric", "6");
    expect(check("six")).toBe(false);
    expect(check("6/0")).toBe(false);
  });

  test("allows the tolerance it is given", () => {
    expect(makeCheck("numeric", "3.14159")("3.14")).toBe(false);
    expect(makeCheck("numeric", "3.14159", { tolerance: 0.01 })("3.14")).toBe(true);
  });

  test("refuses an answer that is no number", () => {
    for (const answer of [
      "many",
      "(3, 5)",
      "1/2, 3",
      "3 or 4",
      "x = 2",
      "2\\sqrt{3}",
      "12 km",
      "[0,1)",
    ]) {
      expect(() => makeCheck("numeric", answer), answer).toThrow("is not one number");
    }
    for (const answer of ["-1,234.5", "3/4", "\\frac{3}{4}", "$18", "50%", "1e3", "−2", "7."]) {
      expect(() => makeCheck("numeric", answer), answer).not.toThrow();
    }
  });
});

describe("regex", () => {
  test("finds its pattern anywhere in the reply", () => {
    const check = makeCheck("regex", "\\b2024-03-05\\b");
    expect(check("It is 2024-03-05.")).toBe(true);
    expect(check("It is 12024-03-05.")).toBe(false);
  });

  test("refuses what is no pattern", () => {
    expect(() => makeCheck("regex", "(")).toThrow(/Invalid regular expression/);
  });
});

describe("math", () => {
  test.each([
    ["\\frac{1}{2}", "so \\boxed{0.5}"],
    ["\\frac{1}{2}", "The answer is 1/2."],
    ["\\dfrac{3}{4}", "\\boxed{\\frac34}"],
    ["2\\sqrt{3}", "\\boxed{\\sqrt{12}}"],
    ["\\frac{\\sqrt{3}}{3}", "\\boxed{\\frac{1}{\\sqrt{3}}}"],
    ["(3, \\frac{\\pi}{2})", "\\boxed{\\left( 3, \\frac{\\pi}{2} \\right)}"],
    ["\\{1, 2\\}", "\\boxed{\\{2,1\\}}"],
    ["1,2", "\\boxed{2 \\text{ and } 1}"],
    ["[0, 5)", "\\boxed{[0,5)}"],
    ["(-\\infty, 2)", "\\boxed{(-\\infty,2)}"],
    ["1,234", "#### 1234"],
    ["x = 5", "\\boxed{5}"],
    ["90^\\circ", "\\boxed{90}"],
    ["x^2+1", "\\boxed{x^{2} + 1}"],
    ["10\\%", "\\boxed{10}"],
    ["\\text{(B)}", "\\boxed{B}"],
  ])("takes for %j what reads %j", (answer, reply) => {
    expect(makeCheck("math", answer)(reply)).toBe(true);
  });

  test.each([
    ["\\frac{1}{2}", "\\boxed{2}"],
    ["(3,5)", "\\boxed{(5,3)}"],
    ["[0,5)", "\\boxed{[0,5]}"],
    ["[0,5)", "\\boxed{(0,5)}"],
    ["\\{1,2\\}", "\\boxed{\\{1,2,3\\}}"],
    ["(3,5)", "\\boxed{3}"],
    ["x+1", "\\boxed{x+2}"],
    ["6", "I cannot tell"],
    ["5", "\\boxed{5} or rather \\boxed{6}"],
  ])("does not take for %j what reads %j", (answer, reply) => {
    expect(makeCheck("math", answer)(reply)).toBe(false);
  });

  test("refuses an answer that is none", () => {
    expect(() => makeCheck("math", "\\boxed{}")).toThrow("holds no answer");
  });
});

describe("choice", () => {
  test.each([
    ["B", "B"],
    ["(B) because A is wrong", "B"],
    ["A seems likely at first. The answer is C.", "C"],
    ["**D**", "D"],
    ["I think it must be B, since I know it", "B"],
    ["\\boxed{\\text{E}}", "E"],
    ["A) one\nB) two", null],
    ["no idea", null],
    ["either B or C", null],
  ])("%j chooses %j", (reply, letter) => {
    expect(chosenLetter(reply)).toBe(letter);
  });

  test("refuses an answer that is no letter", () => {
    expect(() => makeCheck("choice", "two")).toThrow("is not one capital letter");
  });
});

describe("code", () => {
  const tests = "if (add(2, 3) !== 5) throw new Error('no');";
  const passes = (reply: string) => makeCheck("code", tests)(reply);

  test("takes the last fenced block, or the whole reply", () => {
    expect(codeOf("first\n```js\na\n```\nthen\n```js\nb\n```")).toBe("b\n");
    expect(codeOf("const a = 1;")).toBe("const a = 1;");
  });

  test("runs the tests after the code", async () => {
    expect(await passes("```js\nconst add = (a, b) => a + b;\n```")).toBe(true);
    expect(await passes("const add = (a, b) => a - b;")).toBe(false);
    expect(await passes("this is no code")).toBe(false);
  });

  test("does not take an early exit for success", async () => {
    expect(await passes("process.exit(0);")).toBe(false);
  });

  test("gives code no files, no network and no environment", async () => {
    const works = "const add = (a, b) => a + b;";
    expect(await passes(`${works} (await import("node:fs")).readFileSync("/etc/passwd");`)).toBe(
      false,
    );
    const fake = new FakeApi(new Map());
    const url = `${await fake.listen()}/health`;
    expect((await fetch(url)).ok).toBe(true);
    const fetches = `if (await fetch("${url}").then(() => true, () => false)) throw new Error("network");`;
    expect(await passes(`${works} ${fetches}`)).toBe(true);
    fake.close();
    expect(await passes(`${works} if (process.env.HOME) throw new Error("environment");`)).toBe(
      true,
    );
  });

  test("runs Python as well", async () => {
    const check = makeCheck("code", "assert add(2, 3) == 5", { language: "python" });
    expect(await check("```python\ndef add(a, b):\n    return a + b\n```")).toBe(true);
    expect(await check("def add(a, b):\n    return a")).toBe(false);
  });
});

describe("ifeval", () => {
  const keeps = (id: string, given: object, reply: string) =>
    makeCheck("ifeval", "", { constraints: [{ id, ...given }] })(reply);

  test.each([
    ["punctuation:no_comma", {}, "no pause here", "a, b"],
    [
      "length_constraints:number_words",
      { relation: "at least", num_words: 3 },
      "one two three",
      "one two",
    ],
    [
      "length_constraints:number_words",
      { relation: "less than", num_words: 3 },
      "it's two",
      "one two three",
    ],
    [
      "length_constraints:number_sentences",
      { relation: "at least", num_sentences: 2 },
      "One. Two.",
      "One",
    ],
    ["length_constraints:number_paragraphs", { num_paragraphs: 2 }, "a\n***\nb", "a\n\nb"],
    [
      "length_constraints:nth_paragraph_first_word",
      { num_paragraphs: 2, nth_paragraph: 2, first_word: "then" },
      "a b\n\nThen c",
      "then b\n\na",
    ],
    ["keywords:existence", { keywords: ["moon", "sea"] }, "The sea and the Moon", "the sea"],
    ["keywords:forbidden_words", { forbidden_words: ["sea"] }, "the season", "the sea"],
    [
      "keywords:frequency",
      { keyword: "sea", relation: "at least", frequency: 2 },
      "sea sea",
      "sea",
    ],
    [
      "keywords:letter_frequency",
      { letter: "e", let_relation: "less than", let_frequency: 2 },
      "Ear",
      "eel",
    ],
    ["detectable_content:number_placeholders", { num_placeholders: 2 }, "[a] and [b]", "[a]"],
    ["detectable_content:postscript", { postscript_marker: "P.S." }, "Bye. P.S. more", "Bye"],
    ["detectable_format:number_bullet_lists", { num_bullets: 2 }, "* a\n* b", "* a"],
    [
      "detectable_format:number_highlighted_sections",
      { num_highlights: 2 },
      "*a* and **b**",
      "*a*",
    ],
    ["detectable_format:title", {}, "<<A title>>\ntext", "a title"],
    ["detectable_format:json_format", {}, '```json\n{"a": 1}\n```', "{a: 1}"],
    [
      "detectable_format:multiple_sections",
      { section_spliter: "SECTION", num_sections: 2 },
      "SECTION 1\na\nSECTION 2\nb",
      "SECTION 1\na",
    ],
    ["detectable_format:constrained_response", {}, "My answer is maybe.", "maybe"],
    ["change_case:english_capital", {}, "LOUD", "Loud"],
    ["change_case:english_lowercase", {}, "quiet.", "Quiet."],
    [
      "change_case:capital_word_frequency",
      { capital_relation: "at least", capital_frequency: 2 },
      "VERY LOUD indeed",
      "LOUD indeed",
    ],
    [
      "startend:end_checker",
      { end_phrase: "Any questions?" },
      "So. any questions?",
      "Any questions? No.",
    ],
    ["startend:quotation", {}, '"all of it"', 'some "of it"'],
    ["combination:two_responses", {}, "one\n******\ntwo", "one"],
    ["combination:repeat_prompt", { prompt_to_repeat: "Say it" }, "say it: done", "done"],
  ])("%s", (id, given, kept, broken) => {
    expect(keeps(id, given, kept)).toBe(true);
    expect(keeps(id, given, broken)).toBe(false);
  });

  test("has a case above for every constraint", () => {
    expect(constraintNames).toHaveLength(24);
  });

  test("refuses what is no constraint, and arguments that it does not take", () => {
    expect(() => keeps("length:short", {}, "")).toThrow('there is no constraint "length:short"');
    expect(() => keeps("keywords:existence", { words: ["a"] }, "")).toThrow(/keywords:existence: /);
    expect(() => makeCheck("ifeval", "", { constraints: [] })).toThrow("needs constraints");
  });
});
