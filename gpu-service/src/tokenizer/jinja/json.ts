/** The filter `tojson` as `transformers` defines it: Python's `json.dumps`, without HTML escapes. */
import {
  compare,
  Dict,
  floatText,
  iterate,
  sequenceItems,
  typeName,
  type Value,
} from "./values.ts";

export interface JsonOptions {
  asciiOnly: boolean;
  /** Indentation of each level; null for one line. */
  indent: string | null;
  itemSeparator: string;
  keySeparator: string;
  sortKeys: boolean;
}

/** Throws for values that JSON cannot express. */
export function toJson(value: Value, options: JsonOptions, depth = 0): string {
  if (value === null || typeof value === "boolean" || typeof value === "bigint")
    return String(value);
  if (typeof value === "number") return jsonFloat(value);
  if (typeof value === "string") return jsonText(value, options.asciiOnly);
  if (value instanceof Dict) {
    const entries = value.entries();
    if (options.sortKeys) entries.sort(([a], [b]) => compare(a, b));
    const parts = entries.map(([key, item]) => {
      const name = jsonText(keyText(key), options.asciiOnly);
      return name + options.keySeparator + toJson(item, options, depth + 1);
    });
    return enclose("{", parts, "}", options, depth);
  }
  if (sequenceItems(value) === null)
    throw new Error(`Object of type ${typeName(value)} is not JSON serializable`);
  const parts = iterate(value).map((item) => toJson(item, options, depth + 1));
  return enclose("[", parts, "]", options, depth);
}

function enclose(
  open: string,
  parts: string[],
  close: string,
  { indent, itemSeparator }: JsonOptions,
  depth: number,
): string {
  if (indent === null || parts.length === 0) return open + parts.join(itemSeparator) + close;
  const line = `\n${indent.repeat(depth)}`;
  return `${open}${line}${indent}${parts.join(`${itemSeparator}${line}${indent}`)}${line}${close}`;
}

function keyText(key: Value): string {
  if (typeof key === "string") return key;
  if (typeof key === "number") return jsonFloat(key);
  if (key === null || typeof key === "boolean" || typeof key === "bigint") return String(key);
  throw new Error(`keys must be str, int, float, bool or None, not ${typeName(key)}`);
}

function jsonFloat(value: number): string {
  if (Number.isNaN(value)) return "NaN";
  if (!Number.isFinite(value)) return value > 0 ? "Infinity" : "-Infinity";
  return floatText(value);
}

function jsonText(text: string, asciiOnly: boolean): string {
  // JSON.stringify also escapes unpaired surrogates, which Python does only in ASCII output.
  const json = JSON.stringify(text);
  if (!asciiOnly) return json;
  return json.replace(
    /[\x7f-\uffff]/g,
    (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
}
