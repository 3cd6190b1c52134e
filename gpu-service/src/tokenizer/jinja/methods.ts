/** Attributes and items of values: the methods of str, list, dict and tuple that Jinja2's sandbox allows. */
import { BuiltinArguments } from "./arguments.ts";
import { braceFormat, padZeros } from "./format.ts";
import * as text from "./text.ts";
import {
  Callable,
  Dict,
  isEqual,
  iterate,
  Namespace,
  sequenceItems,
  Tuple,
  typeName,
  Undefined,
  type Value,
  View,
} from "./values.ts";

/** `object.name`: a method if there is one, otherwise an item. */
export function attributeOf(object: Value, name: string): Value {
  if (object instanceof Undefined) return object.fail();
  return firstOf(object, name, methodOf(object, name), itemOrNone(object, name));
}

/** `object[key]`: an item if there is one, otherwise a method. */
export function itemOf(object: Value, key: Value): Value {
  if (object instanceof Undefined) return object.fail();
  const method = typeof key === "string" ? methodOf(object, key) : undefined;
  return firstOf(object, key, itemOrNone(object, key), method);
}

/** None is a value; a missing one is undefined. */
function firstOf(object: Value, key: Value, ...found: (Value | undefined)[]): Value {
  const value = found.find((candidate) => candidate !== undefined);
  return value === undefined ? missing(object, key) : value;
}

function missing(object: Value, key: Value): Undefined {
  return new Undefined(`'${typeName(object)} object' has no attribute '${String(key)}'`);
}

function itemOrNone(object: Value, key: Value): Value | undefined {
  if (object instanceof Dict) return isHashable(key) ? object.get(key) : undefined;
  if (object instanceof Namespace)
    return typeof key === "string" ? object.fields.get(key) : undefined;
  if (typeof key !== "bigint" && typeof key !== "boolean") return undefined;
  const index = Number(key);
  if (typeof object === "string") return at(text.characters(object), index);
  const items = object instanceof View ? null : sequenceItems(object);
  return items === null ? undefined : at(items, index);
}

function isHashable(key: Value): boolean {
  return typeof key !== "object" || key === null || key instanceof Tuple;
}

function at<T>(items: ArrayLike<T>, index: number): T | undefined {
  return items[index < 0 ? items.length + index : index];
}

function methodOf(object: Value, name: string): Callable | undefined {
  const table =
    typeof object === "string"
      ? textMethods
      : object instanceof Dict
        ? dictMethods
        : Array.isArray(object) || object instanceof Tuple
          ? listMethods
          : undefined;
  const method = table !== undefined && Object.hasOwn(table, name) ? table[name] : undefined;
  if (method === undefined) return undefined;
  return new Callable(name, (args) =>
    method(object as never, new BuiltinArguments(`${name}()`, args)),
  );
}

type Methods<T> = Record<string, (self: T, args: BuiltinArguments) => Value>;

const dictMethods: Methods<Dict> = {
  get: (self, args) => {
    const value = self.get(args.value(0, "key"));
    return value === undefined ? args.or(1, "default", null) : value;
  },
  keys: (self) => new View("keys", self.keys()),
  values: (self) => new View("values", self.values()),
  items: (self) =>
    new View(
      "items",
      self.entries().map((entry) => new Tuple(entry)),
    ),
  copy: (self) => new Dict(self.entries()),
};

const listMethods: Methods<Value[] | Tuple> = {
  index: (self, args) => {
    const found = iterate(self).findIndex((item) => isEqual(item, args.value(0, "value")));
    if (found < 0) throw new Error("value is not in list");
    return BigInt(found);
  },
  count: (self, args) =>
    BigInt(iterate(self).filter((item) => isEqual(item, args.value(0, "value"))).length),
  copy: (self) => [...iterate(self)],
};

const cased = /\p{Cased}/u;
const isDigit = /^\p{Nd}+$/u;

/** The part of the text between two optional code points; null where there is none. */
function window(self: string, args: BuiltinArguments): { part: string; start: number } {
  const units = text.characters(self);
  const clamp = (n: number) => Math.min(Math.max(n < 0 ? units.length + n : n, 0), units.length);
  const start = clamp(args.integer(1, "start", 0));
  const end = clamp(args.integer(2, "end", units.length));
  const part =
    start === 0 && end === units.length ? self : Array.from(units).slice(start, end).join("");
  return { part, start };
}

function findIn(self: string, args: BuiltinArguments, fromRight: boolean): number {
  const { part, start } = window(self, args);
  const found = text.find(part, args.text(0, "sub"), fromRight);
  return found < 0 ? -1 : found + start;
}

function hasAffix(
  self: string,
  args: BuiltinArguments,
  test: (text: string, affix: string) => boolean,
): boolean {
  const affix = args.value(0, "prefix");
  const { part } = window(self, args);
  const affixes = affix instanceof Tuple ? affix.items : [affix];
  return affixes.some((item) => {
    if (typeof item !== "string") throw new Error(`an affix must be str, not ${typeName(item)}`);
    return test(part, item);
  });
}

function partition(self: string, args: BuiltinArguments, fromRight: boolean): Tuple {
  const separator = args.text(0, "sep");
  const parts = (fromRight ? text.splitRight : text.split)(self, separator, 1);
  if (parts.length === 2) return new Tuple([parts[0]!, separator, parts[1]!]);
  return new Tuple(fromRight ? ["", "", self] : [self, "", ""]);
}

function found(index: number): bigint {
  if (index < 0) throw new Error("substring not found");
  return BigInt(index);
}

const aligned =
  (align: "<" | ">" | "^") =>
  (self: string, args: BuiltinArguments): string =>
    text.pad(self, args.integer(0, "width"), align, args.text(1, "fillchar", " "));

const textMethods: Methods<string> = {
  capitalize: (self) => text.capitalize(self),
  casefold: (self) => self.toLowerCase().replaceAll("ß", "ss"),
  center: aligned("^"),
  count: (self, args) => BigInt(text.count(window(self, args).part, args.text(0, "sub"))),
  endswith: (self, args) => hasAffix(self, args, (part, affix) => part.endsWith(affix)),
  expandtabs: (self, args) => text.expandTabs(self, args.integer(0, "tabsize", 8)),
  find: (self, args) => BigInt(findIn(self, args, false)),
  format: (self, args) => {
    const { positional, named } = args.rest(0);
    return braceFormat(self, positional, named, itemOf);
  },
  index: (self, args) => found(findIn(self, args, false)),
  isalnum: (self) => /^[\p{L}\p{N}]+$/u.test(self),
  isalpha: (self) => /^\p{L}+$/u.test(self),
  isascii: (self) => /^[\0-\x7f]*$/.test(self),
  isdecimal: (self) => isDigit.test(self),
  isdigit: (self) => isDigit.test(self),
  islower: (self) => cased.test(self) && self === self.toLowerCase(),
  isnumeric: (self) => /^\p{N}+$/u.test(self),
  isspace: (self) => text.isSpace(self),
  istitle: (self) => cased.test(self) && self === text.titleCase(self),
  isupper: (self) => cased.test(self) && self === self.toUpperCase(),
  join: (self, args) =>
    iterate(args.value(0, "iterable"))
      .map((item, i) => {
        if (typeof item === "string") return item;
        throw new Error(`sequence item ${i}: expected str instance, ${typeName(item)} found`);
      })
      .join(self),
  ljust: aligned("<"),
  lower: (self) => self.toLowerCase(),
  lstrip: (self, args) => text.trimStart(self, args.textOrNull(0, "chars")),
  partition: (self, args) => partition(self, args, false),
  removeprefix: (self, args) => {
    const prefix = args.text(0, "prefix");
    return self.startsWith(prefix) ? self.slice(prefix.length) : self;
  },
  removesuffix: (self, args) => {
    const suffix = args.text(0, "suffix");
    return suffix !== "" && self.endsWith(suffix) ? self.slice(0, -suffix.length) : self;
  },
  replace: (self, args) =>
    text.replace(self, args.text(0, "old"), args.text(1, "new"), args.integer(2, "count", -1)),
  rfind: (self, args) => BigInt(findIn(self, args, true)),
  rindex: (self, args) => found(findIn(self, args, true)),
  rjust: aligned(">"),
  rpartition: (self, args) => partition(self, args, true),
  rsplit: (self, args) =>
    text.splitRight(self, args.textOrNull(0, "sep"), args.integer(1, "maxsplit", -1)),
  rstrip: (self, args) => text.trimEnd(self, args.textOrNull(0, "chars")),
  split: (self, args) =>
    text.split(self, args.textOrNull(0, "sep"), args.integer(1, "maxsplit", -1)),
  splitlines: (self, args) => text.splitLines(self, args.flag(0, "keepends")),
  startswith: (self, args) => hasAffix(self, args, (part, affix) => part.startsWith(affix)),
  strip: (self, args) => text.trim(self, args.textOrNull(0, "chars")),
  swapcase: (self) => text.swapCase(self),
  title: (self) => text.titleCase(self),
  upper: (self) => self.toUpperCase(),
  zfill: (self, args) => padZeros(self, args.integer(0, "width")),
};
