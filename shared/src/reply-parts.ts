/**
 * Divides a reply's text, as it arrives, into text and function calls; also writes pieces of calls as such text. A call
 * is written `<tool_call>\n{"name": …, "arguments": …}\n</tool_call>`, by the GPU service's grammar or by the model's
 * own template.
 */

const begin = "<tool_call>";
const end = "</tool_call>";

/** A new part of one call; `name` comes with the first part, `arguments` are pieces of JSON. */
export interface CallDelta {
  index: number;
  name?: string;
  arguments: string;
}

export interface Parts {
  content: string;
  calls: CallDelta[];
}

export class ReplyParts {
  #state: "text" | "head" | "arguments" = "text";
  #held = "";
  #count = 0;
  /** Whether a character of the call's arguments has come. */
  #hasBegun = false;

  /** Calls so far. */
  get count(): number {
    return this.#count;
  }

  push(piece: string): Parts {
    this.#held += piece;
    const parts: Parts = { content: "", calls: [] };
    while (this.#advance(parts)) {}
    return parts;
  }

  /** Ends the reply: returns held-back text, including a call that was cut off. */
  end(): Parts {
    const rest = this.#held;
    this.#held = "";
    if (this.#state === "text")
      return { content: rest.trim() === "" && this.#count > 0 ? "" : rest, calls: [] };
    if (this.#state === "head") return { content: `${begin}${rest}`, calls: [] };
    return { content: "", calls: [{ index: this.#count - 1, arguments: rest }] };
  }

  /** Processes a part of the held text; false if more must arrive first. */
  #advance(parts: Parts): boolean {
    if (this.#state === "text") {
      const at = this.#held.indexOf(begin);
      // White space before a call belongs to neither.
      const certain = at < 0 ? this.#held.length - heldLength(this.#held) : at;
      const text = this.#take(certain);
      if (at < 0) {
        parts.content += text;
        return false;
      }
      parts.content += text.trimEnd();
      this.#take(begin.length);
      this.#state = "head";
      return true;
    }
    if (this.#state === "head") {
      const head = /^\s*\{\s*"name":\s*("(?:[^"\\]|\\.)*")\s*,\s*"arguments":\s*/.exec(this.#held);
      if (head !== null) {
        this.#take(head[0].length);
        const name = JSON.parse(head[1] as string) as string;
        parts.calls.push({ index: this.#count++, name, arguments: "" });
        this.#state = "arguments";
        this.#hasBegun = false;
        return true;
      }
      const at = this.#held.indexOf(end);
      if (at < 0) return false;
      this.#whole(this.#take(at), parts);
      this.#take(end.length);
      this.#state = "text";
      return true;
    }
    if (!this.#hasBegun) this.#held = this.#held.trimStart();
    if (this.#held === "") return false;
    this.#hasBegun = true;
    const at = this.#held.indexOf(end);
    const index = this.#count - 1;
    if (at >= 0) {
      const rest = this.#take(at).trimEnd();
      this.#take(end.length);
      parts.calls.push({
        index,
        arguments: rest.endsWith("}") ? rest.slice(0, -1).trimEnd() : rest,
      });
      this.#state = "text";
      return true;
    }
    // The call's closing brace, and text that may become its end mark.
    const last = this.#held.lastIndexOf("}");
    const isHeld = last >= 0 && end.startsWith(this.#held.slice(last + 1).trim());
    const text = this.#take(isHeld ? last : this.#held.length);
    if (text !== "") parts.calls.push({ index, arguments: text });
    return false;
  }

  /** Handles a call whose keys come in another order, or text that is no call after all. */
  #whole(json: string, parts: Parts): void {
    try {
      const {
        name,
        arguments: given,
        parameters = given,
      } = JSON.parse(json) as Record<string, unknown>;
      if (typeof name !== "string") throw new Error("A call has a name");
      const written =
        typeof parameters === "string" ? parameters : JSON.stringify(parameters ?? {});
      parts.calls.push({ index: this.#count++, name, arguments: written });
    } catch {
      parts.content += `${begin}${json}${end}`;
    }
  }

  #take(length: number): string {
    const taken = this.#held.slice(0, length);
    this.#held = this.#held.slice(length);
    return taken;
  }
}

/** Length of the end of a text that may become a call's mark, with white space before it. */
function heldLength(text: string): number {
  let length = Math.min(begin.length - 1, text.length);
  while (length > 0 && !begin.startsWith(text.slice(text.length - length))) length--;
  const before = text.slice(0, text.length - length);
  return length + before.length - before.trimEnd().length;
}

/** A call as it is written in a reply's text. */
export function writtenCall({
  name,
  arguments: json,
}: {
  name: string;
  arguments: string;
}): string {
  return `${begin}\n{"name": ${JSON.stringify(name)}, "arguments": ${json}}\n${end}`;
}

/** A result as it is written in a request's text. */
export function writtenResult(content: string): string {
  return `<tool_response>\n${content}\n</tool_response>`;
}

/** A part of one call of a function: the name comes once, the arguments in pieces of JSON. */
export interface CallPiece {
  index: number;
  name?: string | undefined;
  arguments: string;
}

/** Pieces of calls written as the text that ReplyParts reads. */
export class CallWriter {
  #index: number | null = null;
  #hasArguments = false;

  push(pieces: readonly CallPiece[]): string {
    let text = "";
    for (const piece of pieces) {
      if (piece.index !== this.#index) {
        text += this.end();
        text += `${begin}\n{"name": ${JSON.stringify(piece.name ?? "")}, "arguments": `;
        this.#index = piece.index;
      }
      text += piece.arguments;
      this.#hasArguments ||= piece.arguments.trim() !== "";
    }
    return text;
  }

  /** Ends the call that is open. */
  end(): string {
    if (this.#index === null) return "";
    const text = this.#hasArguments ? `}\n${end}` : `{}}\n${end}`;
    this.#index = null;
    this.#hasArguments = false;
    return text;
  }
}
