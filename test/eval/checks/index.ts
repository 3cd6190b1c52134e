/** Checks that tell right replies from wrong ones, by name. An answer is validated when its check is made. */
import { choiceCheck } from "./choice.ts";
import { codeCheck, codeLanguages } from "./code.ts";
import { type Constraint, constraintCheck } from "./constraints.ts";
import { mathCheck } from "./math.ts";
import { numericCheck } from "./numeric.ts";

export const checkNames = [
  "exact",
  "numeric",
  "regex",
  "math",
  "choice",
  "code",
  "ifeval",
] as const;
export type CheckName = (typeof checkNames)[number];
export { codeLanguages };

export type Check = (reply: string) => boolean | Promise<boolean>;

export interface CheckOptions {
  /** Of `numeric`, relative. */
  tolerance?: number | undefined;
  /** Of `code`, whose answer are the tests. */
  language?: (typeof codeLanguages)[number] | undefined;
  /** Of `ifeval`, which has no answer. */
  constraints?: readonly Constraint[] | undefined;
}

/**
 * A check of replies against an answer.
 *
 * @throws Error when the answer cannot be one of this check: not one number, not a regular expression.
 */
export function makeCheck(name: CheckName, answer: string, options: CheckOptions = {}): Check {
  return checks[name](answer, options);
}

const checks: Record<CheckName, (answer: string, options: CheckOptions) => Check> = {
  exact: (answer) => {
    const wanted = collapse(answer);
    return (reply) => collapse(reply) === wanted;
  },
  numeric: (answer, { tolerance }) => numericCheck(answer, tolerance),
  regex: (answer) => {
    const pattern = new RegExp(answer, "u");
    return (reply) => pattern.test(reply);
  },
  math: mathCheck,
  choice: choiceCheck,
  code: (answer, { language = "javascript" }) => codeCheck(answer, language),
  ifeval: (_, { constraints = [] }) => constraintCheck(constraints),
};

/** Leading and trailing white space goes, any other run of it counts as one space. */
function collapse(text: string): string {
  return text.trim().replace(/\s+/gu, " ");
}
