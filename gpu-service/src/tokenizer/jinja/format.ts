/** Python's two ways to format text: `"%s" % value` and `"{}".format(value)`. */
import { pad } from "./text.ts";
import {
  asInteger,
  Dict,
  floatText,
  isNumber,
  represent,
  Tuple,
  toText,
  type Value,
} from "./values.ts";

/** `template % value`. */
export function percentFormat(template: string, value: Value): string {
  const values = value instanceof Tuple ? value.items : [value];
  let used = 0;
  const next = () => {
    if (used >= values.length) throw new Error("not enough arguments for format string");
    return values[used++]!;
  };
  const text = template.replace(
    /%(?:\((.*?)\))?([-+ #0]*)(\*|\d+)?(?:\.(\*|\d+))?[hlL]?([\s\S])/g,
    (_, name, flags: string, width, precision, kind: string) => {
      if (kind === "%") return "%";
      const read = (size: string | undefined) => (size === "*" ? String(toText(next())) : size);
      const [wide, exact] = [read(width), read(precision)];
      const item = name === undefined ? next() : entry(value, name);
      return formatOne(
        item,
        kind,
        flags,
        Number(wide ?? 0),
        exact === undefined ? null : Number(exact),
      );
    },
  );
  if (used < values.length && !(value instanceof Dict))
    throw new Error("not all arguments converted during string formatting");
  return text;
}

function entry(value: Value, name: string): Value {
  const found = value instanceof Dict ? value.get(name) : undefined;
  if (found === undefined) throw new Error(`format requires a mapping with "${name}"`);
  return found;
}

function formatOne(
  value: Value,
  kind: string,
  flags: string,
  width: number,
  precision: number | null,
): string {
  const isNumeric = "diufFeEgGxXo".includes(kind);
  let text: string;
  if (kind === "s" || kind === "r" || kind === "a") {
    text = kind === "s" ? toText(value) : represent(value);
    if (precision !== null) text = [...text].slice(0, precision).join("");
  } else if (isNumeric) {
    text = formatNumber(value, kind, precision);
    const sign = flags.includes("+") ? "+" : flags.includes(" ") ? " " : "";
    if (sign !== "" && !text.startsWith("-")) text = sign + text;
  } else throw new Error(`unsupported format character '${kind}'`);
  if (flags.includes("-")) return pad(text, width, "<");
  return isNumeric && flags.includes("0") ? padZeros(text, width) : pad(text, width, ">");
}

/** Zeros go between the sign and the digits. */
export function padZeros(text: string, width: number): string {
  const sign = /^[-+]/.exec(text)?.[0] ?? "";
  return sign + pad(text.slice(sign.length), width - sign.length, ">", "0");
}

const digitsMax = 100;

function formatNumber(value: Value, kind: string, precision: number | null): string {
  if (!isNumber(value)) throw new Error(`%${kind} format: a number is required`);
  if (precision !== null && precision > digitsMax) throw new Error("precision too big");
  if ("diuxXo".includes(kind)) {
    const whole = typeof value === "number" ? BigInt(Math.trunc(value)) : asInteger(value);
    const text = whole.toString(kind === "o" ? 8 : kind === "x" || kind === "X" ? 16 : 10);
    return kind === "X" ? text.toUpperCase() : text;
  }
  const number = Number(value);
  const digits = precision ?? 6;
  const lower = kind.toLowerCase();
  if (!Number.isFinite(number)) return floatText(number);
  if (lower === "f") return number.toFixed(digits);
  const scientific = number.toExponential(lower === "e" ? digits : Math.max(digits, 1) - 1);
  const exponent = Number(scientific.split("e")[1]);
  if (lower === "g" && exponent >= -4 && exponent < Math.max(digits, 1))
    return withoutZeros(number.toFixed(Math.max(digits, 1) - 1 - exponent));
  const [mantissa = ""] = scientific.split("e");
  const power = String(Math.abs(exponent)).padStart(2, "0");
  const text = `${lower === "g" ? withoutZeros(mantissa) : mantissa}e${exponent < 0 ? "-" : "+"}${power}`;
  return kind === lower ? text : text.toUpperCase();
}

function withoutZeros(text: string): string {
  return text.includes(".") ? text.replace(/\.0+$|(?<![.0])0+$/, "") : text;
}

/** `template.format(...)`. `lookUp` reads attributes and items of a field's name. */
export function braceFormat(
  template: string,
  positional: readonly Value[],
  named: ReadonlyMap<string, Value>,
  lookUp: (value: Value, key: Value) => Value,
): string {
  let automatic = 0;
  return template.replace(
    /\{\{|\}\}|\{([^{}!:]*)(?:!([rsa]))?(?::([^{}]*))?\}|[{}]/g,
    (
      whole,
      field: string | undefined,
      conversion: string | undefined,
      spec: string | undefined,
    ) => {
      if (whole === "{{" || whole === "}}") return whole[0]!;
      if (field === undefined) throw new Error("Single brace in format string");
      const [, first = "", path = ""] = /^([^.[]*)(.*)$/s.exec(field)!;
      const key = first === "" ? String(automatic++) : first;
      let value = /^\d+$/.test(key) ? positional[Number(key)] : named.get(key);
      if (value === undefined) throw new Error(`no argument "${key}" for format string`);
      for (const [, name, item] of path.matchAll(/\.([^.[]+)|\[([^[\]]+)\]/g))
        value = lookUp(value, name ?? (/^\d+$/.test(item!) ? BigInt(item!) : item!));
      if (conversion !== undefined) value = conversion === "s" ? toText(value) : represent(value);
      return formatSpec(value, spec ?? "");
    },
  );
}

/** With a comma before every three digits of the whole part. */
function grouped(text: string): string {
  return text.replace(/^([^\d]*)(\d+)/, (_, before: string, digits: string) => {
    const first = digits.length % 3;
    const groups = digits.slice(first).match(/\d{3}/g) ?? [];
    return before + [...(first === 0 ? [] : [digits.slice(0, first)]), ...groups].join(",");
  });
}

function formatSpec(value: Value, spec: string): string {
  if (spec === "") return toText(value);
  const match = /^(?:([\s\S])?([<>=^]))?([-+ ])?#?(0)?(\d+)?(,)?(?:\.(\d+))?([a-zA-Z%])?$/su.exec(
    spec,
  );
  if (match === null) throw new Error(`Invalid format specifier '${spec}'`);
  const [, fill, align, sign, zero, width, comma, precision, kind] = match;
  const isNumeric = isNumber(value) && typeof value !== "boolean";
  let text: string;
  if (isNumeric && (kind ?? "s") !== "s") {
    const number = kind === "%" ? Number(value) * 100 : value;
    const code = kind === "%" ? "f" : kind!;
    text = formatNumber(number, code, precision === undefined ? null : Number(precision));
    if (kind === "%") text += "%";
  } else if (isNumeric && precision !== undefined)
    text = formatNumber(value, "g", Number(precision));
  else {
    text = toText(value);
    if (precision !== undefined) text = [...text].slice(0, Number(precision)).join("");
  }
  if (comma !== undefined) text = grouped(text);
  if (sign !== undefined && sign !== "-" && isNumeric && !text.startsWith("-")) text = sign + text;
  const size = Number(width ?? 0);
  if (isNumeric && align === undefined && zero !== undefined) return padZeros(text, size);
  const side = align === "=" || align === undefined ? (isNumeric ? ">" : "<") : align;
  return pad(text, size, side as "<" | ">" | "^", fill ?? " ");
}
