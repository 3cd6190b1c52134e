/** Jinja2's filters of lists and other sequences. */
import { BuiltinArguments, type Filter } from "./arguments.ts";
import { itemOf } from "./methods.ts";
import { arithmetic } from "./operators.ts";
import {
  type CallArguments,
  compare,
  Dict,
  Generator,
  isEqual,
  isTrue,
  iterate,
  Tuple,
  toText,
  Undefined,
  type Value,
} from "./values.ts";

/** Reads a dotted path; a part of digits is an index. */
function pathOf(value: Value, path: Value, fallback?: Value): Value {
  const parts: Value[] =
    typeof path === "bigint"
      ? [path]
      : toText(path)
          .split(".")
          .map((part) => (/^\d+$/.test(part) ? BigInt(part) : part));
  let found = value;
  for (const part of parts) {
    found = itemOf(found, part);
    if (found instanceof Undefined && fallback !== undefined) return fallback;
  }
  return found;
}

/** The key to compare items by. Case counts only on request; only strings have case. */
function keyOf(attribute: Value | undefined, isCaseSensitive: boolean): (item: Value) => Value {
  const lower = (value: Value) =>
    isCaseSensitive || typeof value !== "string" ? value : value.toLowerCase();
  if (attribute === undefined || attribute === null) return lower;
  if (typeof attribute === "string" && attribute.includes(",")) {
    const paths = attribute.split(",");
    return (item) => new Tuple(paths.map((path) => lower(pathOf(item, path))));
  }
  return (item) => lower(pathOf(item, attribute));
}

function sorted(
  items: readonly Value[],
  key: (item: Value) => Value,
  isReversed: boolean,
): Value[] {
  const keyed = items.map((item) => ({ item, key: key(item) }));
  const sign = isReversed ? -1 : 1;
  return keyed.sort((a, b) => sign * compare(a.key, b.key)).map(({ item }) => item);
}

function extreme(value: Value, args: BuiltinArguments, sign: number): Value {
  const key = keyOf(args.get(1, "attribute"), args.flag(0, "case_sensitive"));
  const [first, ...rest] = iterate(value);
  if (first === undefined) return new Undefined("No aggregated item, sequence was empty.");
  return rest.reduce(
    (best, item) => (sign * compare(key(item), key(best)) > 0 ? item : best),
    first,
  );
}

function builtinArguments(name: string, args: CallArguments): BuiltinArguments {
  return new BuiltinArguments(name, args);
}

/** None, 0 and the like have no items. */
function truthyItems(value: Value): readonly Value[] {
  return isTrue(value) ? iterate(value) : [];
}

/** `select`, `reject` and their `…attr` forms. */
function selecting(name: string, isKept: boolean, hasAttribute: boolean): Filter {
  return (value, args, builtins) => {
    const path = hasAttribute ? args.value(0, "attribute") : null;
    const at = hasAttribute ? 1 : 0;
    const test = args.count > at ? args.text(at, "test") : null;
    const rest = builtinArguments(name, args.rest(at + 1));
    const passes = (item: Value) => {
      const tested = path === null ? item : pathOf(item, path);
      return test === null ? isTrue(tested) : builtins.test(test, tested, rest);
    };
    return new Generator(truthyItems(value).filter((item) => passes(item) === isKept));
  };
}

const map: Filter = (value, args, builtins) => {
  const attribute = args.count === 0 ? args.get(0, "attribute") : undefined;
  if (attribute !== undefined) {
    const fallback = args.get(1, "default");
    return new Generator(truthyItems(value).map((item) => pathOf(item, attribute, fallback)));
  }
  const name = args.text(0, "filter");
  const rest = builtinArguments(name, args.rest(1));
  return new Generator(truthyItems(value).map((item) => builtins.filter(name, item, rest)));
};

function itemAt(items: readonly Value[], index: number, missing: string): Value {
  const item = items.at(index);
  return item === undefined ? new Undefined(missing) : item;
}

function chunks(items: readonly Value[], size: number): Value[][] {
  if (size < 1) throw new Error("a group takes at least one item");
  const groups: Value[][] = [];
  for (let i = 0; i < items.length; i += size) groups.push(items.slice(i, i + size));
  return groups;
}

const filledMax = 100_000;

const slices: Filter = (value, args) => {
  const items = iterate(value);
  const count = args.integer(0, "slices");
  const fill = args.get(1, "fill_with");
  if (count < 1 || count > filledMax) throw new Error(`cannot make ${count} slices`);
  const [size, larger] = [Math.floor(items.length / count), items.length % count];
  const groups = Array.from({ length: count }, (_, i) => {
    const start = i * size + Math.min(i, larger);
    const group = items.slice(start, start + size + (i < larger ? 1 : 0));
    return fill !== undefined && fill !== null && i >= larger && larger > 0
      ? [...group, fill]
      : group;
  });
  return new Generator(groups);
};

export const sequenceFilters: Record<string, Filter> = {
  batch: (value, args) => {
    const size = args.integer(0, "linecount");
    const fill = args.or(1, "fill_with", null);
    const groups = chunks(iterate(value), size);
    const last = groups.at(-1);
    if (fill !== null && last !== undefined && size <= filledMax)
      while (last.length < size) last.push(fill);
    return new Generator(groups);
  },
  dictsort: (value, args) => {
    if (!(value instanceof Dict)) throw new Error("dictsort takes a mapping");
    const place = args.text(1, "by", "key") === "key" ? 0n : 1n;
    const key = keyOf(place, args.flag(0, "case_sensitive"));
    const entries = value.entries().map((entry) => new Tuple(entry));
    return sorted(entries, key, args.flag(2, "reverse"));
  },
  first: (value) => itemAt(iterate(value), 0, "No first item, sequence was empty."),
  groupby: (value, args) => {
    const attribute = args.value(0, "attribute");
    const isCaseSensitive = args.flag(2, "case_sensitive");
    const fallback = args.get(1, "default");
    const whole = (item: Value) => pathOf(item, attribute, fallback);
    const key = (item: Value) => {
      const found = whole(item);
      return isCaseSensitive || typeof found !== "string" ? found : found.toLowerCase();
    };
    const groups: { key: Value; items: Value[] }[] = [];
    for (const item of sorted(iterate(value), key, false)) {
      const group = groups.at(-1);
      if (group !== undefined && isEqual(group.key, key(item))) group.items.push(item);
      else groups.push({ key: key(item), items: [item] });
    }
    return groups.map(({ items }) => new Tuple([whole(items[0]!), items]));
  },
  items: (value) => {
    if (value instanceof Undefined) return new Generator([]);
    if (!(value instanceof Dict)) throw new Error("Can only get item pairs from a mapping.");
    return new Generator(value.entries().map((entry) => new Tuple(entry)));
  },
  join: (value, args) => {
    const attribute = args.get(1, "attribute");
    const text = (item: Value) => toText(attribute === undefined ? item : pathOf(item, attribute));
    return iterate(value)
      .map(text)
      .join(args.anyText(0, "d", ""));
  },
  last: (value) => itemAt(iterate(value), -1, "No last item, sequence was empty."),
  list: (value) => [...iterate(value)],
  map,
  max: (value, args) => extreme(value, args, 1),
  min: (value, args) => extreme(value, args, -1),
  reject: selecting("reject", false, false),
  rejectattr: selecting("rejectattr", false, true),
  reverse: (value) =>
    typeof value === "string"
      ? Array.from(value).reverse().join("")
      : new Generator([...iterate(value)].reverse()),
  select: selecting("select", true, false),
  selectattr: selecting("selectattr", true, true),
  slice: slices,
  sort: (value, args) => {
    const key = keyOf(args.get(2, "attribute"), args.flag(1, "case_sensitive"));
    return sorted(iterate(value), key, args.flag(0, "reverse"));
  },
  sum: (value, args) => {
    const attribute = args.or(0, "attribute", null);
    const items = iterate(value).map((item) =>
      attribute === null ? item : pathOf(item, attribute),
    );
    return items.reduce((sum, item) => arithmetic("+", sum, item), args.or(1, "start", 0n));
  },
  unique: (value, args) => {
    const key = keyOf(args.get(1, "attribute"), args.flag(0, "case_sensitive"));
    const seen = new Dict();
    const isNew = (item: Value) => {
      const id = key(item);
      if (seen.has(id)) return false;
      seen.set(id, true);
      return true;
    };
    return new Generator(iterate(value).filter(isNew));
  },
};
