/** Walks over the tokens of a template. It knows no grammar. */
import { type Token, tokenize } from "./lexer.ts";

export class Tokens {
  readonly #tokens: readonly Token[];
  #at = 0;
  /** Names read so far, for each part of the template that is being watched. */
  readonly #watches = new Set<Set<string>>();

  constructor(source: string) {
    this.#tokens = tokenize(source);
  }

  peek(ahead = 0): Token | undefined {
    return this.#tokens[this.#at + ahead];
  }

  next(): Token {
    const token = this.#tokens[this.#at];
    if (token === undefined) throw new Error("unexpected end of the template");
    this.#at++;
    if (token.kind === "name") for (const names of this.#watches) names.add(token.text);
    return token;
  }

  isOperator(text: string): boolean {
    const token = this.peek();
    return token?.kind === "operator" && token.text === text;
  }

  isName(text?: string, ahead = 0): boolean {
    const token = this.peek(ahead);
    return token?.kind === "name" && (text === undefined || token.text === text);
  }

  isEnd(): boolean {
    return this.peek()?.kind === "end";
  }

  /** Takes the operator or name if it comes next. */
  skip(kind: "operator" | "name", text: string): boolean {
    const isNext = kind === "operator" ? this.isOperator(text) : this.isName(text);
    if (isNext) this.next();
    return isNext;
  }

  expectOperator(text: string): void {
    if (!this.skip("operator", text)) this.fail(`expected "${text}"`);
  }

  expectName(): string {
    const token = this.peek();
    if (token?.kind !== "name") return this.fail("expected a name");
    this.next();
    return token.text;
  }

  expectEnd(): void {
    if (!this.isEnd()) this.fail("expected the end of the tag");
    this.next();
  }

  /** Names that occur while `read` runs. */
  namesIn<T>(read: () => T): [T, Set<string>] {
    const names = new Set<string>();
    this.#watches.add(names);
    const result = read();
    this.#watches.delete(names);
    return [result, names];
  }

  fail(reason: string): never {
    const token = this.peek();
    const found =
      token === undefined
        ? "the end of the template"
        : "text" in token
          ? JSON.stringify(token.text.slice(0, 40))
          : "value" in token
            ? String(token.value)
            : `${token.kind} of a tag`;
    throw new Error(`${reason}, found ${found}`);
  }
}
