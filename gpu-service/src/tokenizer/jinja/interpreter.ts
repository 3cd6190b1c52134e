/** Runs a parsed Jinja template with Jinja2's semantics. */
import { BuiltinArguments, type Builtins } from "./arguments.ts";
import { filters } from "./filters.ts";
import { attributeOf, itemOf } from "./methods.ts";
import type { Arguments, Expression, Signature, Statement, Target } from "./nodes.ts";
import { arithmetic, holds, signed, sliceOf } from "./operators.ts";
import { tests } from "./tests.ts";
import {
  type CallArguments,
  Callable,
  Dict,
  isTrue,
  iterate,
  Namespace,
  Tuple,
  toText,
  typeName,
  Undefined,
  type Value,
} from "./values.ts";

/** Names and their values. A name that is not found here is looked up in the outer scope. */
class Scope {
  readonly #names = new Map<string, Value>();
  readonly #outer: Scope | null;

  constructor(outer: Scope | null) {
    this.#outer = outer;
  }

  get(name: string): Value {
    for (let scope: Scope | null = this; scope !== null; scope = scope.#outer) {
      const value = scope.#names.get(name);
      if (value !== undefined) return value;
    }
    return new Undefined(`'${name}' is undefined`);
  }

  set(name: string, value: Value): void {
    this.#names.set(name, value);
  }
}

type Signal = "break" | "continue" | null;

interface Output {
  text: string;
}

/** Characters that all steps of one rendering may produce together. */
const charactersMax = 1 << 28;

export class Interpreter {
  readonly #globals = new Scope(null);
  #characters = 0;

  constructor(variables: Iterable<[string, Value]>) {
    for (const [name, value] of variables) this.#globals.set(name, value);
  }

  run(template: readonly Statement[]): string {
    return this.#render(template, new Scope(this.#globals));
  }

  #render(body: readonly Statement[], scope: Scope): string {
    const output = { text: "" };
    this.#execute(body, scope, output);
    return output.text;
  }

  #execute(body: readonly Statement[], scope: Scope, output: Output): Signal {
    for (const statement of body) {
      const signal = this.#step(statement, scope, output);
      if (signal !== null) return signal;
    }
    return null;
  }

  #step(statement: Statement, scope: Scope, output: Output): Signal {
    switch (statement.kind) {
      case "text":
        output.text += statement.text;
        return null;
      case "output":
        output.text += this.#count(toText(this.#evaluate(statement.value, scope)));
        return null;
      case "if": {
        const branch = statement.branches.find(({ test }) => isTrue(this.#evaluate(test, scope)));
        return this.#execute(branch?.body ?? statement.otherwise, scope, output);
      }
      case "for":
        return this.#loop(statement, this.#evaluate(statement.iterable, scope), scope, output, 1);
      case "set":
        assign(statement.target, this.#evaluate(statement.value, scope), scope);
        return null;
      case "set block": {
        const text = this.#render(statement.body, new Scope(scope));
        assign(statement.target, this.#filterText(statement.filter, text, scope), scope);
        return null;
      }
      case "macro":
        scope.set(statement.name, this.#macro(statement.name, statement.signature, scope));
        return null;
      case "call block": {
        const caller = this.#macro("caller", statement.signature, scope);
        output.text += toText(this.#call(statement.call, scope, caller));
        return null;
      }
      case "filter block": {
        const text = this.#render(statement.body, new Scope(scope));
        output.text += toText(this.#filterText(statement.filter, text, scope));
        return null;
      }
      case "with": {
        const inner = new Scope(scope);
        const values = statement.variables.map(({ value }) => this.#evaluate(value, scope));
        for (const [i, { target }] of statement.variables.entries())
          assign(target, values[i]!, inner);
        return this.#execute(statement.body, inner, output);
      }
      case "scope":
        return this.#execute(statement.body, new Scope(scope), output);
      default:
        return statement.kind;
    }
  }

  #loop(
    loop: Extract<Statement, { kind: "for" }>,
    iterable: Value,
    scope: Scope,
    output: Output,
    depth: number,
  ): null {
    let items = iterate(iterable);
    if (loop.filter !== null) {
      const { filter } = loop;
      items = items.filter((item) => {
        const inner = new Scope(scope);
        assign(loop.target, item, inner);
        return isTrue(this.#evaluate(filter, inner));
      });
    }
    for (const [i, item] of items.entries()) {
      const inner = new Scope(scope);
      inner.set("loop", this.#loopVariable(loop, items, i, scope, depth));
      assign(loop.target, item, inner);
      if (this.#execute(loop.body, inner, output) === "break") break;
    }
    if (items.length === 0) this.#execute(loop.otherwise, new Scope(scope), output);
    return null;
  }

  #loopVariable(
    loop: Extract<Statement, { kind: "for" }>,
    items: readonly Value[],
    index: number,
    scope: Scope,
    depth: number,
  ): Value {
    const count = items.length;
    const outside = new Undefined("there is no such item");
    const fields = new Namespace([
      ["index", BigInt(index + 1)],
      ["index0", BigInt(index)],
      ["revindex", BigInt(count - index)],
      ["revindex0", BigInt(count - index - 1)],
      ["first", index === 0],
      ["last", index === count - 1],
      ["length", BigInt(count)],
      ["depth", BigInt(depth)],
      ["depth0", BigInt(depth - 1)],
      ["previtem", index > 0 ? items[index - 1]! : outside],
      ["nextitem", index + 1 < count ? items[index + 1]! : outside],
      ["cycle", new Callable("cycle", ({ positional }) => positional[index % positional.length]!)],
    ]);
    if (!loop.recursive) return fields;
    return new Callable(
      "loop",
      ({ positional: [again = outside] }) => {
        const output = { text: "" };
        this.#loop(loop, again, scope, output, depth + 1);
        return output.text;
      },
      fields.fields,
    );
  }

  #macro(name: string, { parameters, body, reads }: Signature, scope: Scope): Callable {
    return new Callable(name, ({ positional, named }) => {
      const inner = new Scope(scope);
      const rest = new Map(named);
      const missing: Signature["parameters"] = [];
      for (const [i, parameter] of parameters.entries()) {
        const value = i < positional.length ? positional[i] : rest.get(parameter.name);
        rest.delete(parameter.name);
        if (value === undefined) missing.push(parameter);
        else inner.set(parameter.name, value);
      }
      const caller = rest.get("caller");
      if (reads.has("caller") && caller !== undefined) {
        inner.set("caller", caller);
        rest.delete("caller");
      }
      if (reads.has("kwargs")) inner.set("kwargs", new Dict(rest));
      else if (rest.size > 0)
        throw new Error(`macro '${name}' takes no keyword argument '${[...rest.keys()][0]}'`);
      const surplus = positional.slice(parameters.length);
      if (reads.has("varargs")) inner.set("varargs", new Tuple(surplus));
      else if (surplus.length > 0)
        throw new Error(`macro '${name}' takes not more than ${parameters.length} argument(s)`);
      for (const { name: parameter, fallback } of missing)
        inner.set(
          parameter,
          fallback === null
            ? new Undefined(`parameter '${parameter}' was not provided`)
            : this.#evaluate(fallback, inner),
        );
      return this.#render(body, inner);
    });
  }

  #filterText(filter: Expression | null, text: string, scope: Scope): Value {
    return filter === null ? text : this.#evaluate(filter, scope, text);
  }

  /** `input` is the operand of the innermost filter of a filter block. */
  #evaluate(node: Expression, scope: Scope, input?: string): Value {
    switch (node.kind) {
      case "constant":
        return node.value;
      case "name":
        return scope.get(node.name);
      case "list":
        return node.items.map((item) => this.#evaluate(item, scope));
      case "tuple":
        return new Tuple(node.items.map((item) => this.#evaluate(item, scope)));
      case "dict":
        return new Dict(
          node.entries.map(([key, value]) => [
            this.#evaluate(key, scope),
            this.#evaluate(value, scope),
          ]),
        );
      case "condition":
        if (isTrue(this.#evaluate(node.test, scope))) return this.#evaluate(node.yes, scope);
        return node.no === null
          ? new Undefined("the condition does not hold and has no else")
          : this.#evaluate(node.no, scope);
      case "and":
      case "or": {
        const left = this.#evaluate(node.left, scope);
        return isTrue(left) === (node.kind === "or") ? left : this.#evaluate(node.right, scope);
      }
      case "not":
        return !isTrue(this.#evaluate(node.operand, scope));
      case "compare": {
        let left = this.#evaluate(node.first, scope);
        return node.rest.every(({ operator, operand }) => {
          const right = this.#evaluate(operand, scope);
          const isTrueHere = holds(operator, left, right);
          left = right;
          return isTrueHere;
        });
      }
      case "binary": {
        const left = this.#evaluate(node.left, scope);
        return this.#count(arithmetic(node.operator, left, this.#evaluate(node.right, scope)));
      }
      case "concat":
        return this.#count(node.parts.map((part) => toText(this.#evaluate(part, scope))).join(""));
      case "sign":
        return signed(node.operator, this.#evaluate(node.operand, scope));
      case "attribute": {
        const object = this.#evaluate(node.object, scope);
        return (
          (object instanceof Callable ? object.fields?.get(node.name) : undefined) ??
          attributeOf(object, node.name)
        );
      }
      case "item":
        return itemOf(this.#evaluate(node.object, scope), this.#evaluate(node.key, scope));
      case "slice": {
        const bounds = node.bounds.map((bound) => bound && this.#evaluate(bound, scope));
        return this.#count(sliceOf(this.#evaluate(node.object, scope), bounds));
      }
      case "call":
        return this.#count(this.#call(node, scope));
      case "filter": {
        const operand =
          node.operand === null ? (input ?? "") : this.#evaluate(node.operand, scope, input);
        const args = new BuiltinArguments(node.name, this.#arguments(node.args, scope));
        return this.#count(builtins.filter(node.name, operand, args));
      }
      case "test": {
        const operand = this.#evaluate(node.operand, scope);
        const args = new BuiltinArguments(node.name, this.#arguments(node.args, scope));
        return builtins.test(node.name, operand, args);
      }
    }
  }

  #call(node: Expression, scope: Scope, caller?: Callable): Value {
    if (node.kind !== "call") throw new Error("expected a call");
    const callee = this.#evaluate(node.callee, scope);
    const args = this.#arguments(node.args, scope);
    if (caller !== undefined) args.named.set("caller", caller);
    if (callee instanceof Undefined) return callee.fail();
    if (callee instanceof Callable) return callee.call(args);
    throw new Error(`'${typeName(callee)}' object is not callable`);
  }

  #arguments({ positional, named }: Arguments, scope: Scope): CallArguments {
    const args: CallArguments = { positional: [], named: new Map() };
    for (const { value, spread } of positional) {
      const evaluated = this.#evaluate(value, scope);
      if (spread) args.positional.push(...iterate(evaluated));
      else args.positional.push(evaluated);
    }
    for (const { name, value } of named) {
      const evaluated = this.#evaluate(value, scope);
      if (name !== null) args.named.set(name, evaluated);
      else if (evaluated instanceof Dict)
        for (const [key, item] of evaluated.entries()) args.named.set(toText(key), item);
      else throw new Error("argument after ** must be a mapping");
    }
    return args;
  }

  /** Bounds a template's memory; its caller bounds the time. */
  #count<T extends Value>(value: T): T {
    const size = typeof value === "string" ? value.length : Array.isArray(value) ? value.length : 0;
    this.#characters += size;
    if (this.#characters > charactersMax) throw new Error("the template makes too much text");
    return value;
  }
}

const builtins: Builtins = {
  filter(name, value, args) {
    const filter = Object.hasOwn(filters, name) ? filters[name] : undefined;
    if (filter === undefined) throw new Error(`No filter named '${name}'.`);
    return filter(value, args, builtins);
  },
  test(name, value, args) {
    const test = Object.hasOwn(tests, name) ? tests[name] : undefined;
    if (test === undefined) throw new Error(`No test named '${name}'.`);
    return test(value, args);
  },
};

function assign(target: Target, value: Value, scope: Scope): void {
  if (target.kind === "name") {
    scope.set(target.name, value);
  } else if (target.kind === "field") {
    const object = scope.get(target.object);
    if (!(object instanceof Namespace))
      throw new Error("cannot assign attribute on non-namespace object");
    object.fields.set(target.name, value);
  } else {
    const items = iterate(value);
    if (items.length !== target.items.length)
      throw new Error(`cannot unpack ${items.length} values into ${target.items.length} names`);
    for (const [i, part] of target.items.entries()) assign(part, items[i]!, scope);
  }
}
