/** Ways to tell a right reply from a wrong one. Pure functions of text; none of them runs what it reads. */

export const checkNames = ["exact", "numeric", "regex"] as const;
export type CheckName = (typeof checkNames)[number];

export type Check = (reply: string) => boolean;

/** Relative difference up to which two numbers are the same. */
const toleranceDefault = 1e-6;

/**
 * A check of replies against an answer.
 *
 * @throws Error when the answer cannot be one of this check: not a number, not a regular expression.
 */
export function makeCheck(
  name: CheckName,
  answer: string,
  options: { tolerance?: number } = {},
): Check {
  return checks[name](answer, options.tolerance ?? toleranceDefault);
}

const checks: Record<CheckName, (answer: string, tolerance: number) => Check> = {
  exact: (answer) => {
    const wanted = collapse(answer);
    return (reply) => collapse(reply) === wanted;
  },
  numeric: (answer, tolerance) => {
    const wanted = lastNumber(answer);
    if (wanted === null) throw new Error(`"${answer}" holds no number`);
    return (reply) => {
      const given = lastNumber(reply);
      if (given === null) return false;
      return Math.abs(given - wanted) <= tolerance * Math.max(1, Math.abs(wanted));
    };
  },
  regex: (answer) => {
    const pattern = new RegExp(answer, "u");
    return (reply) => pattern.test(reply);
  },
};

/** Leading and trailing white space goes, any other run of it counts as one space. */
function collapse(text: string): string {
  return text.trim().replace(/\s+/gu, " ");
}

/** "1,234", "-3.5e2", "3/4", "\frac{3}{4}", "50%" (the number 50): the last one of a text, where solutions put their result. */
export function lastNumber(text: string): number | null {
  const plain = text
    .replace(/\\[dt]?frac\{(-?[\d.]+)\}\{([\d.]+)\}/gu, "$1/$2")
    .replace(/(?<=\d),(?=\d{3}(?!\d))/gu, "");
  // A minus directly after a digit subtracts ("7-3"); elsewhere it is a sign.
  const numbers = [
    ...plain.matchAll(
      /(?<sign>(?<!\d\s*)[-−])?\s*(?<value>\d+(?:\.\d+)?(?:e[+-]?\d+)?|\.\d+)(?:\s*\/\s*(?<under>\d+(?:\.\d+)?))?/giu,
    ),
  ];
  const last = numbers.at(-1)?.groups;
  if (last === undefined) return null;
  const value = Number(last.value) / (last.under === undefined ? 1 : Number(last.under));
  if (!Number.isFinite(value)) return null;
  return last.sign === undefined ? value : -value;
}
