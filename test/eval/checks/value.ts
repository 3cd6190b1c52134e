/** The value of a normalised formula: + − * / ^, brackets, sqrt, cbrt, pi, and products without a sign ("2sqrt(3)"). */

/** No answer is as long; a model may well write a thousand brackets. */
const lengthMax = 300;

/** The formula's value; null when it has none: letters, wrong brackets, division by zero. */
export function evaluate(text: string): number | null {
  if (text.length > lengthMax) return null;
  let at = 0;
  let isBroken = false;
  const take = (mark: string) => {
    if (!text.startsWith(mark, at)) return false;
    at += mark.length;
    return true;
  };
  const fail = () => {
    isBroken = true;
    return Number.NaN;
  };

  function sum(): number {
    let value = product();
    for (;;) {
      if (take("+")) value += product();
      else if (take("-")) value -= product();
      else return value;
    }
  }

  function product(): number {
    let value = signed();
    for (;;) {
      if (take("*")) value *= signed();
      else if (take("/")) value /= signed();
      else if (!isBroken && /^[\d(a-z.]/u.test(text.slice(at))) value *= power();
      else return value;
    }
  }

  function signed(): number {
    if (take("-")) return -signed();
    take("+");
    return power();
  }

  function power(): number {
    const base = atom();
    return take("^") ? base ** signed() : base;
  }

  function atom(): number {
    for (const [name, apply] of Object.entries(functions)) {
      if (take(`${name}(`)) return apply(inBrackets());
    }
    if (take("(")) return inBrackets();
    if (take("pi")) return Math.PI;
    if (take("inf")) return Number.POSITIVE_INFINITY;
    const number = /^(?:\d+(?:\.\d*)?|\.\d+)/u.exec(text.slice(at))?.[0];
    if (number === undefined) return fail();
    at += number.length;
    return Number(number);
  }

  function inBrackets(): number {
    const value = sum();
    return take(")") ? value : fail();
  }

  const value = sum();
  return isBroken || at < text.length || !Number.isFinite(value) ? null : value;
}

const functions = { sqrt: Math.sqrt, cbrt: Math.cbrt };
