/**
 * A Jinja template as `transformers` compiles chat templates: Jinja2's sandbox with trimmed blocks, loop controls,
 * `generation` blocks and JSON without HTML escapes. It knows nothing of chats.
 */
import { Interpreter } from "./interpreter.ts";
import type { Statement } from "./nodes.ts";
import { parse } from "./parser.ts";
import { strftime } from "./strftime.ts";
import {
  asInteger,
  type CallArguments,
  Callable,
  Dict,
  fromJson,
  iterate,
  Namespace,
  Range,
  toText,
  Undefined,
  type Value,
} from "./values.ts";

export class Template {
  readonly #body: readonly Statement[];

  /** Throws a plain error that says what cannot be read. */
  constructor(source: string) {
    this.#body = parse(source);
  }

  /** Throws what the template raises, and whatever Python would refuse. */
  render(variables: Readonly<Record<string, unknown>>): string {
    const own = Object.entries(variables).map(([name, value]): [string, Value] => [
      name,
      fromJson(value),
    ]);
    return new Interpreter([...Object.entries(globals()), ...own]).run(this.#body);
  }
}

function globals(): Record<string, Value> {
  const define = (name: string, call: (args: CallArguments) => Value) => new Callable(name, call);
  return {
    range: define("range", ({ positional }) => {
      const [a = 0n, b, step = 1n] = positional.map(requireInteger);
      return b === undefined ? new Range(0n, a, step) : new Range(a, b, step);
    }),
    namespace: define("namespace", (args) => new Namespace(textKeys(mapping(args)))),
    dict: define("dict", mapping),
    joiner: define("joiner", ({ positional: [separator = ", "] }) => {
      let isUsed = false;
      return define("joiner", () => {
        const text = isUsed ? separator : "";
        isUsed = true;
        return text;
      });
    }),
    cycler: define("cycler", ({ positional }) => cycler(positional)),
    raise_exception: define("raise_exception", ({ positional: [message = ""] }) => {
      throw new Error(toText(message));
    }),
    strftime_now: define("strftime_now", ({ positional: [format = ""] }) =>
      strftime(new Date(), toText(format)),
    ),
  };
}

function requireInteger(value: Value): bigint {
  if (value instanceof Undefined) return value.fail();
  if (typeof value === "bigint" || typeof value === "boolean") return asInteger(value);
  throw new Error("range() takes integers");
}

function mapping({ positional, named }: CallArguments): Dict {
  const [source = new Dict()] = positional;
  const entries =
    source instanceof Dict
      ? source.entries()
      : iterate(source).map((pair): [Value, Value] => {
          const [key = null, value = null] = iterate(pair);
          return [key, value];
        });
  return new Dict([...entries, ...named]);
}

function textKeys(dict: Dict): [string, Value][] {
  return dict.entries().map(([key, value]) => [toText(key), value]);
}

function cycler(items: readonly Value[]): Namespace {
  let at = 0;
  const cycle = new Namespace([["current", items[0] ?? null]]);
  const go = (place: number) => {
    const passed = items[at] ?? null;
    at = place % items.length;
    cycle.fields.set("current", items[at] ?? null);
    return passed;
  };
  cycle.fields.set("next", new Callable("next", () => go(at + 1)));
  cycle.fields.set("reset", new Callable("reset", () => go(0) && null));
  return cycle;
}
