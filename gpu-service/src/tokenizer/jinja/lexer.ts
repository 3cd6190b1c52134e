/**
 * Divides a Jinja template into text and tags, and tags into tokens, by the rules of Jinja2's lexer with `trim_blocks`
 * and `lstrip_blocks`, as `transformers` compiles chat templates.
 */
import { trimEnd } from "./text.ts";

export type Token =
  | { kind: "text"; text: string }
  | { kind: "begin" | "end"; of: "block" | "output" }
  | { kind: "name" | "operator"; text: string }
  | { kind: "string"; text: string }
  | { kind: "integer"; value: bigint }
  | { kind: "float"; value: number };

/** White space as Python's regular expressions see it. */
const space =
  "[\\t-\\r\\x1c-\\x20\\x85\\xa0\\u1680\\u2000-\\u200a\\u2028\\u2029\\u202f\\u205f\\u3000]";
const openings = /\{%([-+]?)|\{\{([-+]?)|\{#([-+]?)/g;
const rawOpening = new RegExp(`\\{%([-+]?)${space}*raw${space}*(?:-%\\}${space}*|%\\})`, "y");
const rawClosing = new RegExp(
  `\\{%([-+]?)${space}*endraw${space}*(?:\\+%\\}|-%\\}${space}*|%\\}\\n?)`,
  "g",
);
const commentEnd = new RegExp(`\\+#\\}|-#\\}${space}*|#\\}\\n?`, "g");
const blockEnd = new RegExp(`\\+%\\}|-%\\}${space}*|%\\}\\n?`, "y");
const outputEnd = new RegExp(`-\\}\\}${space}*|\\}\\}`, "y");
const blank = new RegExp(`${space}+`, "y");
const blankLine = new RegExp(`^${space}+$`);
const floatLiteral =
  /(?<!\.)(?:\d+_)*\d+(?:(?:\.(?:\d+_)*\d+)?e[+-]?(?:\d+_)*\d+|\.(?:\d+_)*\d+)/iy;
const integerLiteral = /0b(?:_?[01])+|0o(?:_?[0-7])+|0x(?:_?[\da-f])+|[1-9](?:_?\d)*|0(?:_?0)*/iy;
const name = /[\p{L}\p{Nl}_][\p{L}\p{N}\p{M}_]*/uy;
const stringLiteral = /'(?:[^'\\]|\\[\s\S])*'|"(?:[^"\\]|\\[\s\S])*"/y;
const operator = /\/\/|\*\*|==|!=|>=|<=|[+\-/*%~[\](){}.:|,;<>=]/y;

/** Throws a plain error that says what cannot be read, and in which line. */
export function tokenize(template: string): Token[] {
  let source = template.replace(/\r\n|\r/g, "\n");
  if (source.endsWith("\n")) source = source.slice(0, -1);
  const tokens: Token[] = [];
  let at = 0;
  let startsLine = true;
  const text = (end: number, sign: string, isOutput: boolean) => {
    const part = stripBefore(source.slice(at, end), sign, isOutput, startsLine);
    if (part !== "") tokens.push({ kind: "text", text: part });
  };
  const goTo = (end: number) => {
    startsLine = source[end - 1] === "\n";
    at = end;
  };
  while (at < source.length) {
    openings.lastIndex = at;
    const opening = openings.exec(source);
    if (opening === null) {
      tokens.push({ kind: "text", text: source.slice(at) });
      break;
    }
    const begin = opening.index;
    const isOutput = opening[2] !== undefined;
    text(begin, opening[1] ?? opening[2] ?? opening[3] ?? "", isOutput);
    const raw = matchAt(rawOpening, source, begin);
    if (raw !== null) {
      rawClosing.lastIndex = begin + raw[0].length;
      const closing = rawClosing.exec(source) ?? fail(source, begin, "raw block is not closed");
      goTo(begin + raw[0].length);
      text(closing.index, closing[1]!, false);
      goTo(closing.index + closing[0].length);
    } else if (opening[3] !== undefined) {
      commentEnd.lastIndex = begin + 2;
      const closing = commentEnd.exec(source) ?? fail(source, begin, "comment is not closed");
      goTo(closing.index + closing[0].length);
    } else {
      goTo(readTag(source, begin + opening[0].length, isOutput ? "output" : "block", tokens));
    }
  }
  return tokens;
}

/** Text before a tag: a minus removes its white space, and a block alone on its line its indentation. */
function stripBefore(text: string, sign: string, isOutput: boolean, startsLine: boolean): string {
  if (sign === "-") return trimEnd(text);
  if (sign === "+" || isOutput) return text;
  const lineAt = text.lastIndexOf("\n") + 1;
  const ownLine = (lineAt > 0 || startsLine) && blankLine.test(text.slice(lineAt));
  return ownLine ? text.slice(0, lineAt) : text;
}

/** Appends a tag's tokens; returns where the tag ends. */
function readTag(source: string, start: number, of: "block" | "output", tokens: Token[]): number {
  const end = of === "block" ? blockEnd : outputEnd;
  const open: string[] = [];
  let at = start;
  tokens.push({ kind: "begin", of });
  while (at < source.length) {
    // A closing brace may belong to a dict.
    const closing = open.length === 0 ? matchAt(end, source, at) : null;
    if (closing !== null) {
      tokens.push({ kind: "end", of });
      return at + closing[0].length;
    }
    const gap = matchAt(blank, source, at);
    if (gap !== null) {
      at += gap[0].length;
      continue;
    }
    const [token, length] = readToken(source, at);
    if (token.kind === "operator") balance(token.text, open, source, at);
    tokens.push(token);
    at += length;
  }
  return fail(source, start, "tag is not closed");
}

function readToken(source: string, at: number): [Token, number] {
  const float = matchAt(floatLiteral, source, at)?.[0];
  if (float !== undefined)
    return [{ kind: "float", value: Number(float.replaceAll("_", "")) }, float.length];
  const integer = matchAt(integerLiteral, source, at)?.[0];
  if (integer !== undefined)
    return [{ kind: "integer", value: BigInt(integer.replaceAll("_", "")) }, integer.length];
  const word = matchAt(name, source, at)?.[0];
  if (word !== undefined) return [{ kind: "name", text: word }, word.length];
  const quoted = matchAt(stringLiteral, source, at)?.[0];
  if (quoted !== undefined)
    return [{ kind: "string", text: unescapeText(quoted.slice(1, -1)) }, quoted.length];
  const sign = matchAt(operator, source, at)?.[0];
  if (sign !== undefined) return [{ kind: "operator", text: sign }, sign.length];
  return fail(source, at, `unexpected ${JSON.stringify(source[at])}`);
}

const closers: Record<string, string> = { "(": ")", "[": "]", "{": "}" };

function balance(sign: string, open: string[], source: string, at: number): void {
  const closer = closers[sign];
  if (closer !== undefined) open.push(closer);
  else if (")]}".includes(sign) && open.pop() !== sign) fail(source, at, `unexpected "${sign}"`);
}

const escapes: Record<string, string> = {
  "\n": "",
  a: "\x07",
  b: "\b",
  f: "\f",
  n: "\n",
  r: "\r",
  t: "\t",
  v: "\v",
};

/** Escapes of a Python string; unknown ones stay as written. */
function unescapeText(text: string): string {
  return text.replace(
    /\\(?:x([\da-f]{2})|u([\da-f]{4})|U([\da-f]{8})|([0-7]{1,3})|([\s\S]))/gi,
    (whole, x, u, U, octal, other) => {
      if (other !== undefined && /[xuU]/.test(other)) throw new Error(`bad escape ${whole}`);
      if (other !== undefined) return escapes[other] ?? (/[\\'"]/.test(other) ? other : whole);
      return String.fromCodePoint(octal ? parseInt(octal, 8) : parseInt(x ?? u ?? U, 16));
    },
  );
}

function matchAt(pattern: RegExp, source: string, at: number): RegExpExecArray | null {
  pattern.lastIndex = at;
  return pattern.exec(source);
}

function fail(source: string, at: number, reason: string): never {
  throw new Error(`${reason} (line ${source.slice(0, at).split("\n").length})`);
}
