/** Jinja2's filters of values and of text: `value | name`. Filters of sequences are in sequence-filters.ts. */
import type { BuiltinArguments, Filter } from "./arguments.ts";
import { percentFormat } from "./format.ts";
import { toJson } from "./json.ts";
import { attributeOf } from "./methods.ts";
import { sequenceFilters } from "./sequence-filters.ts";
import * as text from "./text.ts";
import {
  asInteger,
  isNumber,
  isTrue,
  lengthOf,
  Tuple,
  toText,
  typeName,
  Undefined,
  type Value,
} from "./values.ts";

const escaped: Record<string, string> = {
  "&": "&amp;",
  "<": "&lt;",
  ">": "&gt;",
  "'": "&#39;",
  '"': "&#34;",
};

const escapeHtml = (value: Value) => toText(value).replace(/[&<>'"]/g, (c) => escaped[c]!);

const fallBack: Filter = (value, args) => {
  const isMissing = value instanceof Undefined || (args.flag(1, "boolean") && !isTrue(value));
  return isMissing ? args.or(0, "default_value", "") : value;
};

const valueFilters: Record<string, Filter> = {
  abs: (value) => {
    if (typeof value === "number") return Math.abs(value);
    const whole = asInteger(requireNumber(value) as bigint | boolean);
    return whole < 0n ? -whole : whole;
  },
  attr: (value, args) => attributeOf(value, args.text(0, "name")),
  capitalize: (value) => text.capitalize(toText(value)),
  center: (value, args) => text.pad(toText(value), args.integer(0, "width", 80), "^"),
  count: (value) => BigInt(lengthOf(value)),
  d: fallBack,
  default: fallBack,
  e: escapeHtml,
  escape: escapeHtml,
  float: (value, args) => toFloat(value) ?? args.or(0, "default", 0),
  forceescape: escapeHtml,
  format: (value, args) => {
    const { positional, named } = args.rest(0);
    if (named.size > 0) throw new Error("format: named arguments are not supported");
    return percentFormat(toText(value), new Tuple(positional));
  },
  indent: (value, args) => indent(args.input(value), args),
  int: (value, args) => toInteger(value, args.integer(1, "base", 10)) ?? args.or(0, "default", 0n),
  length: (value) => BigInt(lengthOf(value)),
  lower: (value) => toText(value).toLowerCase(),
  replace: (value, args) =>
    text.replace(
      toText(value),
      args.anyText(0, "old", ""),
      args.anyText(1, "new", ""),
      args.get(2, "count") === null ? -1 : args.integer(2, "count", -1),
    ),
  round,
  safe: (value) => toText(value),
  string: (value) => toText(value),
  striptags: (value) => text.words(text.withoutTags(toText(value))).join(" "),
  title: (value) =>
    toText(value)
      .split(/([-\s({[<]+)/)
      .map(text.capitalize)
      .join(""),
  tojson,
  trim: (value, args) => text.trim(toText(value), args.textOrNull(0, "chars")),
  truncate,
  upper: (value) => toText(value).toUpperCase(),
  urlencode: (value) =>
    encodeURIComponent(toText(value))
      .replace(/[!'()*]/g, (c) => `%${c.charCodeAt(0).toString(16).toUpperCase()}`)
      .replaceAll("%2F", "/"),
  wordcount: (value) => BigInt(toText(value).match(/[\p{L}\p{N}\p{M}_]+/gu)?.length ?? 0),
};

export const filters: Record<string, Filter> = { ...valueFilters, ...sequenceFilters };
export const filterNames: ReadonlySet<string> = new Set(Object.keys(filters));

function requireNumber(value: Value): bigint | number | boolean {
  if (value instanceof Undefined) return value.fail();
  if (isNumber(value)) return value;
  throw new Error(`a number is required, not ${typeName(value)}`);
}

function toFloat(value: Value): number | null {
  if (isNumber(value)) return Number(value);
  if (typeof value !== "string") return null;
  const plain = text.trim(value);
  if (/^[-+]?(?:inf(?:inity)?|nan)$/i.test(plain))
    return /nan/i.test(plain) ? NaN : plain.startsWith("-") ? -Infinity : Infinity;
  return /^[-+]?(?:\d+(?:_\d+)*(?:\.(?:\d+(?:_\d+)*)?)?|\.\d+(?:_\d+)*)(?:e[-+]?\d+)?$/i.test(plain)
    ? Number(plain.replaceAll("_", ""))
    : null;
}

function toInteger(value: Value, base: number): bigint | null {
  if (typeof value === "bigint" || typeof value === "boolean") return asInteger(value);
  if (typeof value === "number") return Number.isFinite(value) ? BigInt(Math.trunc(value)) : null;
  if (typeof value !== "string") return null;
  const whole = parseInteger(text.trim(value).replaceAll("_", ""), base);
  if (whole !== null) return whole;
  const float = toFloat(value);
  return float === null || !Number.isFinite(float) ? null : BigInt(Math.trunc(float));
}

const prefixes: Record<number, string> = { 2: "0b", 8: "0o", 16: "0x" };

function parseInteger(digits: string, base: number): bigint | null {
  const negative = digits.startsWith("-");
  let rest = digits.replace(/^[-+]/, "").toLowerCase();
  const prefix = prefixes[base];
  if (prefix !== undefined && rest.startsWith(prefix)) rest = rest.slice(2);
  if (rest === "" || /[^\da-z]/.test(rest)) return null;
  let whole = 0n;
  for (const digit of rest) {
    const value = parseInt(digit, 36);
    if (value >= base) return null;
    whole = whole * BigInt(base) + BigInt(value);
  }
  return negative ? -whole : whole;
}

/** Halves round to even, as in Python. */
function round(value: Value, args: BuiltinArguments): Value {
  const exact = requireNumber(value);
  const precision = args.integer(0, "precision", 0);
  const method = args.text(1, "method", "common");
  if (typeof exact !== "number" && method === "common" && precision >= 0) return asInteger(exact);
  const number = Number(exact);
  const scale = 10 ** precision;
  if (method === "ceil") return Math.ceil(number * scale) / scale;
  if (method === "floor") return Math.floor(number * scale) / scale;
  if (precision < 0 || precision > 100) return Math.round(number * scale) / scale;
  if (precision > 0) return Number(number.toFixed(precision));
  const floor = Math.floor(number);
  if (number - floor !== 0.5) return Math.round(number);
  return floor % 2 === 0 ? floor : floor + 1;
}

function tojson(value: Value, args: BuiltinArguments): Value {
  const indent = args.or(1, "indent", null);
  const separators = args.or(2, "separators", null);
  const isOneLine = indent === null;
  const [itemSeparator, keySeparator] =
    separators === null
      ? [isOneLine ? ", " : ",", ": "]
      : ((separators instanceof Tuple ? separators.items : separators) as string[]);
  return toJson(value, {
    asciiOnly: args.flag(0, "ensure_ascii"),
    indent:
      isOneLine || typeof indent === "string" ? indent : " ".repeat(args.integer(1, "indent")),
    itemSeparator: String(itemSeparator),
    keySeparator: String(keySeparator),
    sortKeys: args.flag(3, "sort_keys"),
  });
}

function indent(value: string, args: BuiltinArguments): string {
  const width = args.or(0, "width", 4n);
  const by = typeof width === "string" ? width : text.pad("", args.integer(0, "width", 4), "<");
  const isBlankToo = args.flag(2, "blank");
  const lines = text.splitLines(`${value}\n`, false).map((line, i) => {
    if (i === 0) return args.flag(1, "first") && (isBlankToo || line !== "") ? by + line : line;
    return line !== "" || isBlankToo ? by + line : line;
  });
  return lines.join("\n");
}

function truncate(value: Value, args: BuiltinArguments): Value {
  const characters = Array.from(toText(value));
  const size = args.integer(0, "length", 255);
  const end = args.text(2, "end", "...");
  const leeway = args.integer(3, "leeway", 5);
  if (characters.length <= size + leeway) return characters.join("");
  const kept = characters.slice(0, size - end.length).join("");
  return (args.flag(1, "killwords") ? kept : text.splitRight(kept, " ", 1)[0]!) + end;
}
