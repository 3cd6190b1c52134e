/** Numbers in text: an answer that is one number, and the last number of a reply, where solutions put their result. */

/** Relative difference up to which two numbers are the same. */
const toleranceDefault = 1e-6;

/** One number and nothing else: "-1,234.5", "3/4", "\frac{3}{4}", "1.5e3", "$18", "50%". */
const oneNumber =
  /^\$?\s*[-−+]?\s*\$?\s*(?:\d+(?:,\d{3})*(?:\.\d+)?|\.\d+)(?:e[+-]?\d+)?(?:\s*\/\s*\d+(?:\.\d+)?)?\s*%?\.?$/iu;

/** @throws Error when the answer is not one number and nothing else. */
export function numericCheck(
  answer: string,
  tolerance: number = toleranceDefault,
): (reply: string) => boolean {
  const wanted = oneNumber.test(plainFractions(answer).trim()) ? lastNumber(answer) : null;
  if (wanted === null) {
    throw new Error(`"${answer}" is not one number; "math" takes tuples, intervals and formulas`);
  }
  return (reply) => {
    const given = lastNumber(reply);
    return given !== null && isClose(given, wanted, tolerance);
  };
}

export function isClose(a: number, b: number, tolerance: number = toleranceDefault): boolean {
  return Math.abs(a - b) <= tolerance * Math.max(1, Math.abs(b));
}

/** "1,234", "-3.5e2", "3/4", "\frac{3}{4}", "50%" (the number 50): the last number of a text. */
export function lastNumber(text: string): number | null {
  const plain = plainFractions(text).replace(/(?<=\d),(?=\d{3}(?!\d))/gu, "");
  // A minus directly after a digit subtracts ("7-3"); elsewhere it is a sign.
  const numbers = [
    ...plain.matchAll(
      /(?<sign>(?<!\d\s*)[-−])?\s*\$?(?<value>\d+(?:\.\d+)?(?:e[+-]?\d+)?|\.\d+)(?:\s*\/\s*(?<under>\d+(?:\.\d+)?))?/giu,
    ),
  ];
  const last = numbers.at(-1)?.groups;
  if (last === undefined) return null;
  const value = Number(last.value) / (last.under === undefined ? 1 : Number(last.under));
  if (!Number.isFinite(value)) return null;
  return last.sign === undefined ? value : -value;
}

function plainFractions(text: string): string {
  return text.replace(/\\[dt]?frac\{(-?[\d.]+)\}\{([\d.]+)\}/gu, "$1/$2");
}
