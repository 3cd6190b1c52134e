/** Python's operators on template values. */
import { percentFormat } from "./format.ts";
import type { Arithmetic, Comparison } from "./nodes.ts";
import { characters } from "./text.ts";
import {
  asInteger,
  compare,
  Dict,
  isEqual,
  isNumber,
  iterate,
  sequenceItems,
  Tuple,
  typeName,
  Undefined,
  type Value,
} from "./values.ts";

/** Characters or items that one operation may produce. */
const sizeMax = 1 << 24;
/** Bits of an integer that a power may produce. */
const powerBitsMax = 100_000;

export function arithmetic(operator: Arithmetic, left: Value, right: Value): Value {
  if (left instanceof Undefined) return left.fail();
  if (right instanceof Undefined) return right.fail();
  if (operator === "%" && typeof left === "string") return percentFormat(left, right);
  if (isNumber(left) && isNumber(right)) return calculate(operator, left, right);
  if (operator === "+") {
    if (typeof left === "string" && typeof right === "string") return limited(left + right);
    if (Array.isArray(left) && Array.isArray(right)) return limited([...left, ...right]);
    if (left instanceof Tuple && right instanceof Tuple)
      return new Tuple(limited([...left.items, ...right.items]));
  }
  if (operator === "*") {
    const repeated = repeat(left, right) ?? repeat(right, left);
    if (repeated !== null) return repeated;
  }
  throw new Error(
    `unsupported operand type(s) for ${operator}: '${typeName(left)}' and '${typeName(right)}'`,
  );
}

function limited<T extends { length: number }>(value: T): T {
  if (value.length > sizeMax) throw new Error(`a value of ${value.length} parts is too large`);
  return value;
}

function repeat(value: Value, times: Value): Value | null {
  if (typeof times !== "bigint" && typeof times !== "boolean") return null;
  const count = Math.max(0, Number(asInteger(times)));
  const isText = typeof value === "string";
  if (!isText && !Array.isArray(value) && !(value instanceof Tuple)) return null;
  const items = isText ? value : iterate(value);
  limited({ length: items.length * count });
  if (typeof items === "string") return items.repeat(count);
  const all = Array.from({ length: count }, () => items).flat(1) as Value[];
  return Array.isArray(value) ? all : new Tuple(all);
}

function calculate(
  operator: Arithmetic,
  left: bigint | number | boolean,
  right: bigint | number | boolean,
): Value {
  if (typeof left === "number" || typeof right === "number" || operator === "/")
    return calculateFloats(operator, Number(left), Number(right));
  const [a, b] = [asInteger(left), asInteger(right)];
  switch (operator) {
    case "+":
      return a + b;
    case "-":
      return a - b;
    case "*":
      return a * b;
    case "//":
      return floorDivide(a, b);
    case "%":
      return a - floorDivide(a, b) * b;
    case "**":
      if (b < 0n) return calculateFloats("**", Number(a), Number(b));
      if (BigInt(a.toString(2).length) * b > powerBitsMax) throw new Error("power too large");
      return a ** b;
  }
}

function floorDivide(a: bigint, b: bigint): bigint {
  if (b === 0n) throw new Error("integer division or modulo by zero");
  const quotient = a / b;
  return a % b !== 0n && a < 0n !== b < 0n ? quotient - 1n : quotient;
}

function calculateFloats(operator: Arithmetic, a: number, b: number): number {
  const divisor = () => {
    if (b === 0) throw new Error("division by zero");
    return b;
  };
  switch (operator) {
    case "+":
      return a + b;
    case "-":
      return a - b;
    case "*":
      return a * b;
    case "/":
      return a / divisor();
    case "//":
      return Math.floor(a / divisor());
    case "%":
      return floatRemainder(a, divisor());
    case "**":
      if (a < 0 && !Number.isInteger(b)) throw new Error("the power is a complex number");
      return a ** b;
  }
}

/** Has the divisor's sign, for zero too. */
function floatRemainder(a: number, b: number): number {
  const remainder = a % b;
  if (remainder === 0) return b < 0 ? -0 : 0;
  return remainder < 0 !== b < 0 ? remainder + b : remainder;
}

export function holds(operator: Comparison, left: Value, right: Value): boolean {
  switch (operator) {
    case "==":
      return isEqual(left, right);
    case "!=":
      return !isEqual(left, right);
    case "in":
      return contains(right, left);
    case "not in":
      return !contains(right, left);
  }
  if (left instanceof Undefined) return left.fail();
  if (right instanceof Undefined) return right.fail();
  const order = compare(left, right);
  switch (operator) {
    case "<":
      return order < 0;
    case "<=":
      return order <= 0;
    case ">":
      return order > 0;
    case ">=":
      return order >= 0;
  }
}

export function contains(container: Value, item: Value): boolean {
  if (typeof container === "string") {
    if (item instanceof Undefined) return item.fail();
    if (typeof item === "string") return container.includes(item);
    throw new Error(`'in <string>' requires string as left operand, not ${typeName(item)}`);
  }
  if (container instanceof Dict) return container.has(item);
  return iterate(container).some((other) => isEqual(other, item));
}

export function signed(operator: "+" | "-", value: Value): Value {
  if (value instanceof Undefined) return value.fail();
  if (!isNumber(value))
    throw new Error(`bad operand type for unary ${operator}: '${typeName(value)}'`);
  if (typeof value === "number") return operator === "-" ? -value : value;
  return operator === "-" ? -asInteger(value) : asInteger(value);
}

/** `value[start:stop:step]` with Python's rules. */
export function sliceOf(value: Value, [start, stop, step]: (Value | null)[]): Value {
  if (value instanceof Undefined) return value.fail();
  const items = typeof value === "string" ? characters(value) : sequenceItems(value);
  if (items === null) return new Undefined(`'${typeName(value)}' object cannot be sliced`);
  const by = bound(step, 1);
  if (by === 0) throw new Error("slice step cannot be zero");
  const [low, high] = by > 0 ? [0, items.length] : [-1, items.length - 1];
  const clamp = (n: number) => Math.min(Math.max(n < 0 ? items.length + n : n, low), high);
  const from = start == null ? (by > 0 ? low : high) : clamp(bound(start, 0));
  const to = stop == null ? (by > 0 ? high : low) : clamp(bound(stop, 0));
  const cut: (string | Value)[] = [];
  for (let i = from; by > 0 ? i < to : i > to; i += by) cut.push(items[i]!);
  if (typeof value === "string") return cut.join("");
  return Array.isArray(value) ? (cut as Value[]) : new Tuple(cut as Value[]);
}

function bound(value: Value | null | undefined, fallback: number): number {
  if (value === null || value === undefined) return fallback;
  if (typeof value === "bigint" || typeof value === "boolean") return Number(asInteger(value));
  throw new Error("slice indices must be integers or None");
}
