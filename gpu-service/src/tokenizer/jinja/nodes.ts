/** The syntax tree of a Jinja template. Names follow the template language's own reference. */

export type Expression =
  | { kind: "constant"; value: string | bigint | number | boolean | null }
  | { kind: "name"; name: string }
  | { kind: "list" | "tuple"; items: Expression[] }
  | { kind: "dict"; entries: [Expression, Expression][] }
  | { kind: "condition"; test: Expression; yes: Expression; no: Expression | null }
  | { kind: "and" | "or"; left: Expression; right: Expression }
  | { kind: "not"; operand: Expression }
  | { kind: "compare"; first: Expression; rest: { operator: Comparison; operand: Expression }[] }
  | { kind: "binary"; operator: Arithmetic; left: Expression; right: Expression }
  | { kind: "concat"; parts: Expression[] }
  | { kind: "sign"; operator: "+" | "-"; operand: Expression }
  | { kind: "attribute"; object: Expression; name: string }
  | { kind: "item"; object: Expression; key: Expression }
  | { kind: "slice"; object: Expression; bounds: (Expression | null)[] }
  | { kind: "call"; callee: Expression; args: Arguments }
  | { kind: "filter"; operand: Expression | null; name: string; args: Arguments }
  | { kind: "test"; operand: Expression; name: string; args: Arguments };

export type Comparison = "==" | "!=" | "<" | "<=" | ">" | ">=" | "in" | "not in";
export type Arithmetic = "+" | "-" | "*" | "/" | "//" | "%" | "**";

export interface Arguments {
  positional: { value: Expression; spread: boolean }[];
  /** A null name spreads a dict. */
  named: { name: string | null; value: Expression }[];
}

/** What a value is assigned to. */
export type Target =
  | { kind: "name"; name: string }
  | { kind: "field"; object: string; name: string }
  | { kind: "tuple"; items: Target[] };

export interface Signature {
  parameters: { name: string; fallback: Expression | null }[];
  body: Statement[];
  /** Of `varargs`, `kwargs` and `caller`, those that the body reads. */
  reads: ReadonlySet<string>;
}

export type Statement =
  | { kind: "text"; text: string }
  | { kind: "output"; value: Expression }
  | { kind: "if"; branches: { test: Expression; body: Statement[] }[]; otherwise: Statement[] }
  | {
      kind: "for";
      target: Target;
      iterable: Expression;
      filter: Expression | null;
      recursive: boolean;
      body: Statement[];
      otherwise: Statement[];
    }
  | { kind: "set"; target: Target; value: Expression }
  | { kind: "set block"; target: Target; filter: Expression | null; body: Statement[] }
  | { kind: "macro"; name: string; signature: Signature }
  | { kind: "call block"; call: Expression; signature: Signature }
  | { kind: "filter block"; filter: Expression; body: Statement[] }
  | { kind: "with"; variables: { target: Target; value: Expression }[]; body: Statement[] }
  | { kind: "scope"; body: Statement[] }
  | { kind: "break" }
  | { kind: "continue" };
