/** Parses Jinja's expressions, with the precedence of Jinja2's own parser. */
import type { Arguments, Arithmetic, Comparison, Expression } from "./nodes.ts";
import type { Tokens } from "./tokens.ts";

/** Comma-separated expressions form a tuple. No condition is read if the tag continues with "if". */
export function parseTuple(
  tokens: Tokens,
  { condition = true, inParentheses = false } = {},
): Expression {
  const items: Expression[] = [];
  let isTuple = false;
  const ends = () =>
    tokens.isEnd() ||
    tokens.isOperator(")") ||
    tokens.isOperator("=") ||
    tokens.isName("in") ||
    tokens.isName("recursive");
  while (!ends()) {
    items.push(condition ? parseExpression(tokens) : parseOr(tokens));
    if (!tokens.skip("operator", ",")) break;
    isTuple = true;
  }
  if (isTuple || (items.length === 0 && inParentheses)) return { kind: "tuple", items };
  return items[0] ?? tokens.fail("expected an expression");
}

export function parseExpression(tokens: Tokens): Expression {
  let value = parseOr(tokens);
  while (tokens.skip("name", "if")) {
    const test = parseOr(tokens);
    const no = tokens.skip("name", "else") ? parseExpression(tokens) : null;
    value = { kind: "condition", test, yes: value, no };
  }
  return value;
}

function parseOr(tokens: Tokens): Expression {
  let left = parseAnd(tokens);
  while (tokens.skip("name", "or")) left = { kind: "or", left, right: parseAnd(tokens) };
  return left;
}

function parseAnd(tokens: Tokens): Expression {
  let left = parseNot(tokens);
  while (tokens.skip("name", "and")) left = { kind: "and", left, right: parseNot(tokens) };
  return left;
}

function parseNot(tokens: Tokens): Expression {
  if (tokens.skip("name", "not")) return { kind: "not", operand: parseNot(tokens) };
  return parseComparison(tokens);
}

const comparisons = ["==", "!=", "<", "<=", ">", ">="] as const;

function parseComparison(tokens: Tokens): Expression {
  const first = parseSum(tokens);
  const rest: { operator: Comparison; operand: Expression }[] = [];
  for (;;) {
    const operator = readComparison(tokens);
    if (operator === null) break;
    rest.push({ operator, operand: parseSum(tokens) });
  }
  return rest.length === 0 ? first : { kind: "compare", first, rest };
}

function readComparison(tokens: Tokens): Comparison | null {
  for (const operator of comparisons) if (tokens.skip("operator", operator)) return operator;
  if (tokens.skip("name", "in")) return "in";
  if (!tokens.isName("not") || !tokens.isName("in", 1)) return null;
  tokens.next();
  tokens.next();
  return "not in";
}

function parseSum(tokens: Tokens): Expression {
  return parseBinary(tokens, ["+", "-"], parseConcat);
}

function parseConcat(tokens: Tokens): Expression {
  const parts = [parseProduct(tokens)];
  while (tokens.skip("operator", "~")) parts.push(parseProduct(tokens));
  return parts.length === 1 ? parts[0]! : { kind: "concat", parts };
}

function parseProduct(tokens: Tokens): Expression {
  return parseBinary(tokens, ["*", "/", "//", "%"], parsePower);
}

function parsePower(tokens: Tokens): Expression {
  return parseBinary(tokens, ["**"], parseUnary);
}

function parseBinary(
  tokens: Tokens,
  operators: readonly Arithmetic[],
  parseOperand: (tokens: Tokens) => Expression,
): Expression {
  let left = parseOperand(tokens);
  for (;;) {
    const operator = operators.find((sign) => tokens.skip("operator", sign));
    if (operator === undefined) return left;
    left = { kind: "binary", operator, left, right: parseOperand(tokens) };
  }
}

function parseUnary(tokens: Tokens): Expression {
  return parseFilters(tokens, parseSign(tokens));
}

function parseSign(tokens: Tokens): Expression {
  for (const operator of ["-", "+"] as const)
    if (tokens.skip("operator", operator))
      return { kind: "sign", operator, operand: parseSign(tokens) };
  return parsePostfix(tokens, parsePrimary(tokens));
}

const constants: Record<string, boolean | null> = {
  true: true,
  True: true,
  false: false,
  False: false,
  none: null,
  None: null,
};

function parsePrimary(tokens: Tokens): Expression {
  const token = tokens.peek();
  if (token?.kind === "name") {
    tokens.next();
    const { text } = token;
    if (Object.hasOwn(constants, text)) return { kind: "constant", value: constants[text]! };
    return { kind: "name", name: text };
  }
  if (token?.kind === "integer" || token?.kind === "float") {
    tokens.next();
    return { kind: "constant", value: token.value };
  }
  if (token?.kind === "string") return { kind: "constant", value: readStrings(tokens) };
  if (tokens.skip("operator", "(")) {
    const value = parseTuple(tokens, { inParentheses: true });
    tokens.expectOperator(")");
    return value;
  }
  if (tokens.skip("operator", "["))
    return { kind: "list", items: readItems(tokens, "]", parseExpression) };
  if (tokens.skip("operator", "{"))
    return { kind: "dict", entries: readItems(tokens, "}", readEntry) };
  return tokens.fail("expected a value");
}

/** Adjacent strings are one. */
function readStrings(tokens: Tokens): string {
  let text = "";
  for (;;) {
    const token = tokens.peek();
    if (token?.kind !== "string") return text;
    text += token.text;
    tokens.next();
  }
}

function readEntry(tokens: Tokens): [Expression, Expression] {
  const key = parseExpression(tokens);
  tokens.expectOperator(":");
  return [key, parseExpression(tokens)];
}

function readItems<T>(tokens: Tokens, end: string, read: (tokens: Tokens) => T): T[] {
  const items: T[] = [];
  while (!tokens.skip("operator", end)) {
    if (items.length > 0) tokens.expectOperator(",");
    if (tokens.skip("operator", end)) break;
    items.push(read(tokens));
  }
  return items;
}

function parsePostfix(tokens: Tokens, value: Expression): Expression {
  let object = value;
  for (;;) {
    if (tokens.skip("operator", ".")) object = readAttribute(tokens, object);
    else if (tokens.skip("operator", "[")) object = readSubscript(tokens, object);
    else if (tokens.isOperator("("))
      object = { kind: "call", callee: object, args: readArguments(tokens) };
    else return object;
  }
}

function readAttribute(tokens: Tokens, object: Expression): Expression {
  const token = tokens.peek();
  if (token?.kind !== "integer") return { kind: "attribute", object, name: tokens.expectName() };
  tokens.next();
  return { kind: "item", object, key: { kind: "constant", value: token.value } };
}

function readSubscript(tokens: Tokens, object: Expression): Expression {
  const bounds: (Expression | null)[] = [];
  let isSlice = false;
  const isBoundary = () =>
    tokens.isOperator(":") || tokens.isOperator("]") || tokens.isOperator(",");
  for (;;) {
    bounds.push(isBoundary() ? null : parseExpression(tokens));
    if (!tokens.skip("operator", ":")) break;
    isSlice = true;
  }
  if (isSlice) {
    tokens.expectOperator("]");
    return { kind: "slice", object, bounds };
  }
  const keys = [bounds[0] ?? tokens.fail("expected a subscript")];
  while (tokens.skip("operator", ",")) keys.push(parseExpression(tokens));
  tokens.expectOperator("]");
  return {
    kind: "item",
    object,
    key: keys.length === 1 ? keys[0]! : { kind: "tuple", items: keys },
  };
}

/** From the opening parenthesis to the closing one. */
function readArguments(tokens: Tokens): Arguments {
  const args: Arguments = { positional: [], named: [] };
  tokens.expectOperator("(");
  readItems(tokens, ")", () => {
    const next = tokens.peek(1);
    if (tokens.skip("operator", "**"))
      args.named.push({ name: null, value: parseExpression(tokens) });
    else if (tokens.skip("operator", "*"))
      args.positional.push({ value: parseExpression(tokens), spread: true });
    else if (tokens.isName() && next?.kind === "operator" && next.text === "=") {
      const name = tokens.expectName();
      tokens.next();
      args.named.push({ name, value: parseExpression(tokens) });
    } else args.positional.push({ value: parseExpression(tokens), spread: false });
  });
  return args;
}

/** Filters, tests and calls behind a value. */
function parseFilters(tokens: Tokens, value: Expression): Expression {
  let operand = value;
  for (;;) {
    if (tokens.isOperator("|")) operand = parseFilter(tokens, operand)!;
    else if (tokens.skip("name", "is")) operand = parseTest(tokens, operand);
    else if (tokens.isOperator("("))
      operand = { kind: "call", callee: operand, args: readArguments(tokens) };
    else return operand;
  }
}

/** One or more filters; each but the first follows its bar. The operand of a block's filter is its text. */
export function parseFilter(
  tokens: Tokens,
  operand: Expression | null,
  isStarted = false,
): Expression | null {
  let value = operand;
  let hasFilter = isStarted;
  while (hasFilter || tokens.skip("operator", "|")) {
    hasFilter = false;
    value = {
      kind: "filter",
      operand: value,
      name: readDotted(tokens),
      args: optionalArguments(tokens),
    };
  }
  return value;
}

function parseTest(tokens: Tokens, operand: Expression): Expression {
  const isNegated = tokens.skip("name", "not");
  const name = readDotted(tokens);
  let args = optionalArguments(tokens);
  if (args.positional.length === 0 && startsArgument(tokens)) {
    const value = parsePostfix(tokens, parsePrimary(tokens));
    args = { positional: [{ value, spread: false }], named: [] };
  }
  const test: Expression = { kind: "test", operand, name, args };
  return isNegated ? { kind: "not", operand: test } : test;
}

/** A test's single argument may stand without parentheses. */
function startsArgument(tokens: Tokens): boolean {
  const token = tokens.peek();
  if (token?.kind === "name")
    return !["else", "or", "and", "is", "if", "in", "not"].includes(token.text);
  if (token?.kind === "operator") return token.text === "[" || token.text === "{";
  return token?.kind === "string" || token?.kind === "integer" || token?.kind === "float";
}

function readDotted(tokens: Tokens): string {
  let name = tokens.expectName();
  while (tokens.skip("operator", ".")) name += `.${tokens.expectName()}`;
  return name;
}

function optionalArguments(tokens: Tokens): Arguments {
  return tokens.isOperator("(") ? readArguments(tokens) : { positional: [], named: [] };
}
