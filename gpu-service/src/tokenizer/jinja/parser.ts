/** Parses a Jinja template's statements. */
import { parseExpression, parseFilter, parseTuple } from "./expressions.ts";
import type { Expression, Signature, Statement, Target } from "./nodes.ts";
import { Tokens } from "./tokens.ts";

/** Throws a plain error that says what cannot be read. */
export function parse(source: string): Statement[] {
  const tokens = new Tokens(source);
  const { body } = parseBody(tokens, []);
  return body;
}

/** Reads statements up to one of the tags `ends` and that tag's name; to the end of the template if there are none. */
function parseBody(tokens: Tokens, ends: readonly string[]): { body: Statement[]; end: string } {
  const body: Statement[] = [];
  for (;;) {
    const token = tokens.peek();
    if (token === undefined) {
      if (ends.length > 0) tokens.fail(`expected {% ${ends.join(" %} or {% ")} %}`);
      return { body, end: "" };
    }
    tokens.next();
    if (token.kind === "text") body.push(token);
    else if (token.kind === "begin" && token.of === "output") {
      body.push({ kind: "output", value: parseTuple(tokens) });
      tokens.expectEnd();
    } else {
      const tag = tokens.expectName();
      if (ends.includes(tag)) return { body, end: tag };
      body.push(parseTag(tokens, tag));
      tokens.expectEnd();
    }
  }
}

/** Reads the end of a block's opening tag and its statements, up to the name in its closing tag. */
function parseBlock(tokens: Tokens, ...ends: string[]): { body: Statement[]; end: string } {
  tokens.expectEnd();
  return parseBody(tokens, ends);
}

function parseTag(tokens: Tokens, tag: string): Statement {
  const parseRest = Object.hasOwn(tags, tag) ? tags[tag] : undefined;
  if (parseRest === undefined) return tokens.fail(`the tag "${tag}" is not supported`);
  return parseRest(tokens);
}

const tags: Record<string, (tokens: Tokens) => Statement> = {
  if: parseIf,
  for: parseFor,
  set: parseSet,
  macro: parseMacro,
  call: parseCall,
  filter: (tokens) => {
    const filter = parseFilter(tokens, null, true)!;
    return { kind: "filter block", filter, body: parseBlock(tokens, "endfilter").body };
  },
  with: parseWith,
  generation: (tokens) => ({ kind: "scope", body: parseBlock(tokens, "endgeneration").body }),
  block: (tokens) => {
    tokens.expectName();
    const { body } = parseBlock(tokens, "endblock");
    if (tokens.isName()) tokens.next();
    return { kind: "scope", body };
  },
  break: () => ({ kind: "break" }),
  continue: () => ({ kind: "continue" }),
};

function parseIf(tokens: Tokens): Statement {
  const branches: { test: Expression; body: Statement[] }[] = [];
  let otherwise: Statement[] = [];
  for (;;) {
    const test = parseTuple(tokens, { condition: false });
    const { body, end } = parseBlock(tokens, "elif", "else", "endif");
    branches.push({ test, body });
    if (end === "elif") continue;
    if (end === "else") otherwise = parseBlock(tokens, "endif").body;
    return { kind: "if", branches, otherwise };
  }
}

function parseFor(tokens: Tokens): Statement {
  const target = parseTarget(tokens);
  if (!tokens.skip("name", "in")) tokens.fail('expected "in"');
  const iterable = parseTuple(tokens, { condition: false });
  const filter = tokens.skip("name", "if") ? parseExpression(tokens) : null;
  const recursive = tokens.skip("name", "recursive");
  const { body, end } = parseBlock(tokens, "else", "endfor");
  const otherwise = end === "else" ? parseBlock(tokens, "endfor").body : [];
  return { kind: "for", target, iterable, filter, recursive, body, otherwise };
}

function parseSet(tokens: Tokens): Statement {
  const target = parseTarget(tokens);
  if (tokens.skip("operator", "=")) return { kind: "set", target, value: parseTuple(tokens) };
  const filter = parseFilter(tokens, null);
  return { kind: "set block", target, filter, body: parseBlock(tokens, "endset").body };
}

function parseTarget(tokens: Tokens): Target {
  const items: Target[] = [];
  let isTuple = false;
  do {
    if (items.length > 0) isTuple = true;
    if (isTuple && !tokens.isName() && !tokens.isOperator("(")) break;
    items.push(parseOneTarget(tokens));
  } while (tokens.skip("operator", ","));
  return isTuple ? { kind: "tuple", items } : items[0]!;
}

function parseOneTarget(tokens: Tokens): Target {
  if (tokens.skip("operator", "(")) {
    const target = parseTarget(tokens);
    tokens.expectOperator(")");
    return target;
  }
  const name = tokens.expectName();
  if (!tokens.skip("operator", ".")) return { kind: "name", name };
  return { kind: "field", object: name, name: tokens.expectName() };
}

function parseMacro(tokens: Tokens): Statement {
  const name = tokens.expectName();
  return { kind: "macro", name, signature: parseSignature(tokens, true, "endmacro") };
}

function parseCall(tokens: Tokens): Statement {
  const readCall = () => {
    const call = parseExpression(tokens);
    return call.kind === "call" ? call : tokens.fail("expected a call");
  };
  if (!tokens.isOperator("(")) {
    const call = readCall();
    return { kind: "call block", call, signature: parseSignature(tokens, false, "endcall") };
  }
  const parameters = parseParameters(tokens);
  const call = readCall();
  const { body, reads } = parseSignature(tokens, false, "endcall");
  return { kind: "call block", call, signature: { parameters, body, reads } };
}

function parseSignature(tokens: Tokens, hasParameters: boolean, end: string): Signature {
  const parameters = hasParameters ? parseParameters(tokens) : [];
  const [{ body }, reads] = tokens.namesIn(() => parseBlock(tokens, end));
  return { parameters, body, reads };
}

function parseParameters(tokens: Tokens): Signature["parameters"] {
  const parameters: Signature["parameters"] = [];
  tokens.expectOperator("(");
  while (!tokens.skip("operator", ")")) {
    if (parameters.length > 0) tokens.expectOperator(",");
    const name = tokens.expectName();
    const fallback = tokens.skip("operator", "=") ? parseExpression(tokens) : null;
    parameters.push({ name, fallback });
  }
  return parameters;
}

function parseWith(tokens: Tokens): Statement {
  const variables: { target: Target; value: Expression }[] = [];
  while (!tokens.isEnd()) {
    if (variables.length > 0) tokens.expectOperator(",");
    const target = parseOneTarget(tokens);
    tokens.expectOperator("=");
    variables.push({ target, value: parseExpression(tokens) });
  }
  return { kind: "with", variables, body: parseBlock(tokens, "endwith").body };
}
