/** Jinja2's tests: `value is name`. */
import type { BuiltinArguments } from "./arguments.ts";
import { filterNames } from "./filters.ts";
import type { Comparison } from "./nodes.ts";
import { arithmetic, contains, holds } from "./operators.ts";
import {
  asInteger,
  Callable,
  Dict,
  Generator,
  isEqual,
  isNumber,
  sequenceItems,
  toText,
  Undefined,
  type Value,
} from "./values.ts";

export type Test = (value: Value, args: BuiltinArguments) => boolean;

const comparing =
  (operator: Comparison): Test =>
  (value, args) =>
    holds(operator, value, args.value(0, "other"));

const remainder = (value: Value, divisor: bigint): Value => arithmetic("%", value, divisor);
const isSequence = (value: Value): boolean =>
  typeof value === "string" ||
  value instanceof Dict ||
  value instanceof Undefined ||
  sequenceItems(value) !== null;

const own: Record<string, Test> = {
  boolean: (value) => typeof value === "boolean",
  callable: (value) => value instanceof Callable || value instanceof Undefined,
  defined: (value) => !(value instanceof Undefined),
  divisibleby: (value, args) => {
    const divisor = args.value(0, "num");
    return isNumber(divisor) && isEqual(arithmetic("%", value, divisor), 0n);
  },
  even: (value) => isEqual(remainder(value, 2n), 0n),
  false: (value) => value === false,
  filter: (value) => typeof value === "string" && filterNames.has(value),
  float: (value) => typeof value === "number",
  in: (value, args) => contains(args.value(0, "seq"), value),
  integer: (value) => typeof value === "bigint",
  iterable: (value) => isSequence(value) || value instanceof Generator,
  lower: (value) => isCased(toText(value), (text) => text.toLowerCase()),
  mapping: (value) => value instanceof Dict,
  none: (value) => value === null,
  number: isNumber,
  odd: (value) => isEqual(remainder(value, 2n), 1n),
  sameas: (value, args) => isSame(value, args.value(0, "other")),
  sequence: isSequence,
  string: (value) => typeof value === "string",
  test: (value) => typeof value === "string" && Object.hasOwn(tests, value),
  true: (value) => value === true,
  undefined: (value) => value instanceof Undefined,
  upper: (value) => isCased(toText(value), (text) => text.toUpperCase()),
};

const names: [Comparison, string[]][] = [
  ["==", ["==", "eq", "equalto"]],
  ["!=", ["!=", "ne"]],
  ["<", ["<", "lt", "lessthan"]],
  ["<=", ["<=", "le"]],
  [">", [">", "gt", "greaterthan"]],
  [">=", [">=", "ge"]],
];

export const tests: Record<string, Test> = {
  ...own,
  ...Object.fromEntries(
    names.flatMap(([operator, aliases]) => aliases.map((name) => [name, comparing(operator)])),
  ),
};

function isCased(text: string, change: (text: string) => string): boolean {
  return /\p{Cased}/u.test(text) && text === change(text);
}

function isSame(a: Value, b: Value): boolean {
  if (isNumber(a) && isNumber(b) && typeof a === typeof b)
    return typeof a === "number" ? a === b : asInteger(a as bigint) === asInteger(b as bigint);
  return a === b;
}
