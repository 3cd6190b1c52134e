/** Reads the arguments of a built-in function, filter or test by position or by name. */
import {
  asInteger,
  type CallArguments,
  isTrue,
  toText,
  typeName,
  Undefined,
  type Value,
} from "./values.ts";

export class BuiltinArguments {
  readonly #of: string;
  readonly #positional: readonly Value[];
  readonly #named: ReadonlyMap<string, Value>;

  constructor(of: string, { positional, named }: CallArguments) {
    this.#of = of;
    this.#positional = positional;
    this.#named = named;
  }

  get count(): number {
    return this.#positional.length;
  }

  get(place: number, name: string): Value | undefined {
    return place < this.#positional.length ? this.#positional[place] : this.#named.get(name);
  }

  /** None counts as given. */
  or(place: number, name: string, fallback: Value): Value {
    const value = this.get(place, name);
    return value === undefined ? fallback : value;
  }

  value(place: number, name: string): Value {
    const value = this.get(place, name);
    return value === undefined ? this.#fail(`missing argument "${name}"`) : value;
  }

  text(place: number, name: string, fallback?: string): string {
    const value = this.get(place, name);
    if (value === undefined && fallback !== undefined) return fallback;
    if (typeof value === "string") return value;
    if (value instanceof Undefined) return value.fail();
    return this.#fail(
      `argument "${name}" must be str, not ${value === undefined ? "missing" : typeName(value)}`,
    );
  }

  /** None is null. */
  textOrNull(place: number, name: string): string | null {
    const value = this.get(place, name);
    return value === undefined || value === null ? null : this.text(place, name);
  }

  integer(place: number, name: string, fallback?: number): number {
    const value = this.get(place, name);
    if (value === undefined && fallback !== undefined) return fallback;
    if (typeof value === "bigint" || typeof value === "boolean") return Number(asInteger(value));
    return this.#fail(`argument "${name}" must be int`);
  }

  flag(place: number, name: string): boolean {
    const value = this.get(place, name);
    return value !== undefined && isTrue(value);
  }

  /** Text of any value. */
  anyText(place: number, name: string, fallback: string): string {
    const value = this.get(place, name);
    return value === undefined ? fallback : toText(value);
  }

  /** The value that a filter of text applies to. */
  input(value: Value): string {
    if (typeof value === "string") return value;
    return value instanceof Undefined ? "" : this.#fail(`cannot apply to ${typeName(value)}`);
  }

  rest(from: number): CallArguments {
    return { positional: this.#positional.slice(from), named: new Map(this.#named) };
  }

  #fail(reason: string): never {
    throw new Error(`${this.#of}: ${reason}`);
  }
}

/** What filters that apply other filters and tests (`map`, `select`) need. */
export interface Builtins {
  filter(name: string, value: Value, args: BuiltinArguments): Value;
  test(name: string, value: Value, args: BuiltinArguments): boolean;
}

export type Filter = (value: Value, args: BuiltinArguments, builtins: Builtins) => Value;
