/**
 * Mathematical answers as MATH has them: numbers, fractions, roots, tuples, sets and intervals in LaTeX or plain text.
 *
 * Two answers are the same when their normalised texts are equal, or when their parts have equal values.
 */
import { isClose } from "./numeric.ts";
import { evaluate } from "./value.ts";

/** @throws Error when the answer is empty. */
export function mathCheck(answer: string): (reply: string) => boolean {
  const wanted = finalAnswer(answer);
  if (level(wanted) === "") throw new Error(`"${answer}" holds no answer`);
  return (reply) => isSame(finalAnswer(reply), wanted);
}

/** The final answer of a solution: its last box, else the text after "answer is", else its last line. */
export function finalAnswer(text: string): string {
  const box = lastBox(text);
  if (box !== null) return box;
  const said = [...text.matchAll(/(?:answer(?:\s+is|:)|####)\s*:?\s*(.+)/giu)].at(-1)?.[1];
  const line = said ?? text.trim().split("\n").at(-1) ?? "";
  return line.replace(/[.。]\s*$/u, "").trim();
}

/** Contents of the last \boxed{…}, its braces balanced. */
function lastBox(text: string): string | null {
  const start = Math.max(text.lastIndexOf("\\boxed"), text.lastIndexOf("\\fbox"));
  if (start < 0) return null;
  const open = text.indexOf("{", start);
  if (open < 0) return null;
  let depth = 0;
  for (let i = open; i < text.length; i++) {
    if (text[i] === "{") depth++;
    else if (text[i] === "}" && --depth === 0) return text.slice(open + 1, i);
  }
  return null;
}

function isSame(given: string, wanted: string): boolean {
  const [a, b] = [level(given), level(wanted)];
  if (a === b) return true;
  const [left, right] = [partsOf(a), partsOf(b)];
  if (left === null || right === null) {
    return left === null && right === null && isSameValue(a, b);
  }
  if (left.open !== right.open || left.close !== right.close) return false;
  if (left.parts.length !== right.parts.length) return false;
  const isEqual = (x: string, y: string) => x === y || isSame(x, y);
  return left.open === "{"
    ? isPermutation(left.parts, right.parts, isEqual)
    : left.parts.every((part, i) => isEqual(part, right.parts[i]!));
}

function isSameValue(a: string, b: string): boolean {
  const [x, y] = [evaluate(a), evaluate(b)];
  return x !== null && y !== null && isClose(x, y);
}

function isPermutation<T>(
  a: readonly T[],
  b: readonly T[],
  isEqual: (x: T, y: T) => boolean,
): boolean {
  const left = [...b];
  return a.every((one) => {
    const at = left.findIndex((other) => isEqual(one, other));
    if (at >= 0) left.splice(at, 1);
    return at >= 0;
  });
}

/** Brackets and parts of "(1,2)", "[0,5)", "{1,2}" and of a plain "1,2", which is a set; null for one value. */
function partsOf(text: string): { open: string; close: string; parts: string[] } | null {
  const split = splitAtCommas(text);
  if (split.length > 1) return { open: "{", close: "}", parts: split };
  const bracketed = /^([([{])(.*)([)\]}])$/u.exec(text);
  if (bracketed === null) return null;
  const [, open, inner, close] = bracketed as unknown as [string, string, string, string];
  const parts = splitAtCommas(inner);
  return parts.length > 1 || open === "{" ? { open, close, parts } : null;
}

/** Parts between commas that stand in no bracket. */
function splitAtCommas(text: string): string[] {
  const parts = [""];
  let depth = 0;
  for (const character of text) {
    if ("([{".includes(character)) depth++;
    if (")]}".includes(character)) depth--;
    if (character === "," && depth === 0) parts.push("");
    else parts[parts.length - 1] += character;
  }
  return parts;
}

/** Normalises notation: no spaces, units, dollars; \frac as /, \sqrt as sqrt(…). */
function level(text: string): string {
  let plain = text
    .replace(/\\(?:left|right|[bB]igg?|displaystyle|mathrm|mathbf|,|!|;|:|quad)(?![a-zA-Z])/gu, "")
    .replace(/\\[{]/gu, "{")
    .replace(/\\[}]/gu, "}")
    .replace(/\\(?:text|mbox|textbf)\{([^{}]*)\}/gu, (_, inner: string) =>
      /^\s*(?:and|or)\s*$/u.test(inner) ? "," : /^[\s(]*[A-Za-z][)\s]*$/u.test(inner) ? inner : "",
    )
    .replace(/\^\{?\\circ\}?|\\degree|°|\\%|%|\\?\$/gu, "")
    .replace(/[\\~]\s/gu, "")
    .replace(/(?<=\d),(?=\d{3}(?!\d))(?!\d{3},\s)/gu, "")
    .replace(/[−–]/gu, "-")
    .replace(/\s+/gu, "");
  // Innermost first: fractions and roots within each other.
  for (let last = ""; last !== plain; ) {
    last = plain;
    plain = plain
      .replace(/\\[dtc]?frac\{([^{}]*)\}\{([^{}]*)\}/gu, "(($1)/($2))")
      .replace(/\\[dt]?frac(\d)(\d)/gu, "(($1)/($2))")
      .replace(/\\sqrt\[3\]\{([^{}]*)\}/gu, "cbrt($1)")
      .replace(/\\sqrt\{([^{}]*)\}/gu, "sqrt($1)")
      .replace(/\\sqrt(\d)/gu, "sqrt($1)")
      .replace(/\^\{([^{}]*)\}/gu, "^($1)");
  }
  return plain
    .replace(/\\pi|π/gu, "pi")
    .replace(/\\cdot|\\times|×|·/gu, "*")
    .replace(/\\infty|∞/gu, "inf")
    .replace(/\\cup|∪/gu, "U")
    .replace(/√(\d+)/gu, "sqrt($1)")
    .replace(/\^\((\w)\)/gu, "^$1")
    .replace(/^\(([a-zA-Z])\)$/u, "$1")
    .replace(/^[a-zA-Z]\s*(?:=|\\in)\s*/u, "")
    .replace(/(?:units?|degrees|dollars|inches|feet|cm|meters?)(?:\^2)?$/iu, "");
}
