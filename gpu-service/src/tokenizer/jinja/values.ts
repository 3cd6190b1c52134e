/**
 * Python's values as templates see them. An int is a bigint and a float a number, so that `1` and `1.0`
 * stay apart; None is null, a list an array.
 */
import { textLength } from "./text.ts";

export type Value =
  | string
  | bigint
  | number
  | boolean
  | null
  | Value[]
  | Tuple
  | Dict
  | Range
  | View
  | Generator
  | Namespace
  | Undefined
  | Callable;

export class Tuple {
  readonly items: Value[];

  constructor(items: Value[]) {
    this.items = items;
  }
}

/** Keys that are equal in Python (1, 1.0 and true) are one key. */
export class Dict {
  readonly #entries = new Map<string, [Value, Value]>();

  constructor(entries: Iterable<readonly [Value, Value]> = []) {
    for (const [key, value] of entries) this.set(key, value);
  }

  get size(): number {
    return this.#entries.size;
  }

  get(key: Value): Value | undefined {
    return this.#entries.get(hash(key))?.[1];
  }

  set(key: Value, value: Value): void {
    const id = hash(key);
    const first = this.#entries.get(id)?.[0];
    this.#entries.set(id, [first === undefined ? key : first, value]);
  }

  has(key: Value): boolean {
    return this.#entries.has(hash(key));
  }

  entries(): [Value, Value][] {
    return [...this.#entries.values()];
  }

  keys(): Value[] {
    return this.entries().map(([key]) => key);
  }

  values(): Value[] {
    return this.entries().map(([, value]) => value);
  }
}

export class Range {
  readonly items: Value[];
  readonly source: string;

  /** No longer than Jinja2's sandbox allows. */
  constructor(start: bigint, stop: bigint, step: bigint) {
    if (step === 0n) throw new Error("range() arg 3 must not be zero");
    const span = step > 0n ? stop - start : start - stop;
    const size = step > 0n ? step : -step;
    const count = span <= 0n ? 0n : (span + size - 1n) / size;
    if (count > 100_000n) throw new Error("Range too big: at most 100000 numbers");
    this.items = Array.from({ length: Number(count) }, (_, i) => start + BigInt(i) * step);
    this.source = `range(${start}, ${stop}${step === 1n ? "" : `, ${step}`})`;
  }
}

/** The result of a dict's `keys`, `values` and `items`. */
export class View {
  readonly kind: "keys" | "values" | "items";
  readonly items: Value[];

  constructor(kind: "keys" | "values" | "items", items: Value[]) {
    this.kind = kind;
    this.items = items;
  }
}

/** The result of `map`, `select` and the like: true even when empty, without a length, read once. */
export class Generator {
  #items: readonly Value[];

  constructor(items: readonly Value[]) {
    this.#items = items;
  }

  take(): readonly Value[] {
    const items = this.#items;
    this.#items = [];
    return items;
  }
}

export class Namespace {
  readonly fields: Map<string, Value>;

  constructor(fields: Iterable<[string, Value]>) {
    this.fields = new Map(fields);
  }
}

export class Undefined {
  readonly what: string;

  /** `what` is missing; used in messages. */
  constructor(what: string) {
    this.what = what;
  }

  fail(): never {
    throw new Error(this.what);
  }
}

export interface CallArguments {
  positional: Value[];
  named: Map<string, Value>;
}

export class Callable {
  readonly name: string;
  readonly call: (args: CallArguments) => Value;
  readonly fields: ReadonlyMap<string, Value> | undefined;

  constructor(
    name: string,
    call: (args: CallArguments) => Value,
    fields?: ReadonlyMap<string, Value>,
  ) {
    this.name = name;
    this.call = call;
    this.fields = fields;
  }
}

/** Values of JSON. */
export function fromJson(json: unknown): Value {
  if (json === undefined || json === null) return null;
  if (typeof json === "number") return Number.isInteger(json) ? BigInt(json) : json;
  if (typeof json === "string" || typeof json === "boolean" || typeof json === "bigint")
    return json;
  if (json instanceof Callable) return json;
  if (Array.isArray(json)) return json.map(fromJson);
  return new Dict(Object.entries(json).map(([key, value]) => [key, fromJson(value)]));
}

export function typeName(value: Value): string {
  if (value === null) return "NoneType";
  switch (typeof value) {
    case "string":
      return "str";
    case "bigint":
      return "int";
    case "number":
      return "float";
    case "boolean":
      return "bool";
  }
  if (Array.isArray(value)) return "list";
  return value instanceof Callable ? "function" : value.constructor.name.toLowerCase();
}

export function isTrue(value: Value): boolean {
  if (value === null || value instanceof Undefined) return false;
  if (typeof value !== "object") return Boolean(value);
  if (value instanceof Dict) return value.size > 0;
  const items = sequenceItems(value);
  return items === null || items.length > 0;
}

/** Items of a list, tuple, range or view; null for other values. */
export function sequenceItems(value: Value): readonly Value[] | null {
  if (Array.isArray(value)) return value;
  return value instanceof Tuple || value instanceof Range || value instanceof View
    ? value.items
    : null;
}

/** The items of a loop over the value. */
export function iterate(value: Value): readonly Value[] {
  if (typeof value === "string") return Array.from(value);
  if (value instanceof Dict) return value.keys();
  if (value instanceof Generator) return value.take();
  if (value instanceof Undefined) return [];
  return sequenceItems(value) ?? fail(`'${typeName(value)}' object is not iterable`);
}

export function lengthOf(value: Value): number {
  if (typeof value === "string") return textLength(value);
  if (value instanceof Dict) return value.size;
  if (value instanceof Undefined) return 0;
  return sequenceItems(value)?.length ?? fail(`object of type '${typeName(value)}' has no len()`);
}

export function isNumber(value: Value): value is bigint | number | boolean {
  return typeof value === "bigint" || typeof value === "number" || typeof value === "boolean";
}

/** A bool counts as 0 or 1. */
export function asInteger(value: bigint | boolean): bigint {
  return typeof value === "boolean" ? BigInt(value) : value;
}

export function isEqual(a: Value, b: Value): boolean {
  if (isNumber(a) && isNumber(b)) return Number(a) === Number(b) && compareNumbers(a, b) === 0;
  if (a instanceof Dict && b instanceof Dict)
    return (
      a.size === b.size &&
      a.entries().every(([key, value]) => {
        const other = b.get(key);
        return other !== undefined && isEqual(value, other);
      })
    );
  if (a instanceof Undefined && b instanceof Undefined) return true;
  const [left, right] = [items(a), items(b)];
  if (left === null || right === null || typeName(a) !== typeName(b)) return a === b;
  return left.length === right.length && left.every((item, i) => isEqual(item, right[i]!));
}

function items(value: Value): readonly Value[] | null {
  return typeof value === "object" && value !== null ? sequenceItems(value) : null;
}

function compareNumbers(a: bigint | number | boolean, b: bigint | number | boolean): number {
  const [x, y] = [typeof a === "boolean" ? Number(a) : a, typeof b === "boolean" ? Number(b) : b];
  return x < y ? -1 : x > y ? 1 : 0;
}

/** Negative, 0 or positive. Throws for values without an order. */
export function compare(a: Value, b: Value): number {
  if (isNumber(a) && isNumber(b)) return compareNumbers(a, b);
  if (typeof a === "string" && typeof b === "string") return compareText(a, b);
  const [left, right] = [items(a), items(b)];
  if (left === null || right === null || typeName(a) !== typeName(b))
    return fail(`cannot order '${typeName(a)}' and '${typeName(b)}'`);
  for (const [i, item] of left.entries()) {
    if (i >= right.length) return 1;
    if (!isEqual(item, right[i]!)) return compare(item, right[i]!);
  }
  return left.length - right.length;
}

/** By code points, not by UTF-16 units. */
function compareText(a: string, b: string): number {
  if (a === b) return 0;
  let i = 0;
  while (i < a.length && a[i] === b[i]) i++;
  // Surrogate pairs may differ in their second half.
  if (i > 0 && /[\ud800-\udbff]/.test(a[i - 1]!)) i--;
  return (a.codePointAt(i) ?? -1) - (b.codePointAt(i) ?? -1);
}

function hash(key: Value): string {
  if (typeof key === "string") return `s${key}`;
  if (isNumber(key)) return `n${typeof key === "boolean" ? Number(key) : key}`;
  if (key === null) return "none";
  if (key instanceof Tuple)
    return `t${key.items.map((item) => `${hash(item).length}:${hash(item)}`).join("")}`;
  if (key instanceof Undefined) return "undefined";
  if (key instanceof Range) return key.source;
  return fail(`unhashable type: '${typeName(key)}'`);
}

/** `str(value)`. */
export function toText(value: Value): string {
  if (typeof value === "string") return value;
  if (value instanceof Undefined) return "";
  return represent(value);
}

/** `repr(value)`. */
export function represent(value: Value): string {
  if (value === null) return "None";
  if (value instanceof Undefined) return "Undefined";
  if (typeof value === "string") return quote(value);
  if (typeof value === "boolean") return value ? "True" : "False";
  if (typeof value === "bigint") return String(value);
  if (typeof value === "number") return floatText(value);
  if (Array.isArray(value)) return `[${value.map(represent).join(", ")}]`;
  if (value instanceof Range) return value.source;
  if (value instanceof View) return `dict_${value.kind}(${represent([...value.items])})`;
  if (value instanceof Tuple) {
    const inner = value.items.map(represent).join(", ");
    return value.items.length === 1 ? `(${inner},)` : `(${inner})`;
  }
  if (value instanceof Namespace) return `<Namespace ${represent(new Dict(value.fields))}>`;
  if (value instanceof Dict) {
    const entries = value.entries().map(([key, item]) => `${represent(key)}: ${represent(item)}`);
    return `{${entries.join(", ")}}`;
  }
  return value instanceof Callable ? `<function ${value.name}>` : "<generator>";
}

/** The shortest digits that read back, as in Python and JavaScript; Python writes exponents from 1e16 and below 1e-4. */
export function floatText(value: number): string {
  if (Number.isNaN(value)) return "nan";
  if (!Number.isFinite(value)) return value > 0 ? "inf" : "-inf";
  if (Object.is(value, -0)) return "-0.0";
  const [digits = "", exponent = "0"] = value.toExponential().split("e");
  const power = Number(exponent);
  if (value !== 0 && (power < -4 || power >= 16)) {
    const width = String(Math.abs(power)).padStart(2, "0");
    return `${digits}e${power < 0 ? "-" : "+"}${width}`;
  }
  const text = plainDecimal(digits, power);
  return text.includes(".") ? text : `${text}.0`;
}

function plainDecimal(mantissa: string, power: number): string {
  const sign = mantissa.startsWith("-") ? "-" : "";
  const digits = mantissa.replace(/[-.]/g, "");
  if (power < 0) return `${sign}0.${"0".repeat(-power - 1)}${digits}`;
  const padded = digits.padEnd(power + 1, "0");
  const rest = padded.slice(power + 1);
  return sign + padded.slice(0, power + 1) + (rest === "" ? "" : `.${rest}`);
}

const shortEscapes: Record<string, string> = {
  "\n": "\\n",
  "\r": "\\r",
  "\t": "\\t",
  "\\": "\\\\",
};

function quote(text: string): string {
  const mark = text.includes("'") && !text.includes('"') ? '"' : "'";
  // Python keeps printable characters and the plain space.
  const escaped = text.replace(/[\\'\p{C}\p{Zl}\p{Zp}]|(?! )\p{Zs}/gu, (character) => {
    if (character === "'") return mark === "'" ? "\\'" : character;
    const code = character.codePointAt(0)!;
    const [prefix, width] = code < 0x100 ? ["x", 2] : code < 0x10000 ? ["u", 4] : ["U", 8];
    return (
      shortEscapes[character] ?? `\\${prefix}${code.toString(16).padStart(width as number, "0")}`
    );
  });
  return mark + escaped + mark;
}

function fail(reason: string): never {
  throw new Error(reason);
}
