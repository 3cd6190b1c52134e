/** Divides a thinking model's text into thought and answer as it arrives. */

const begin = "<think>";
const end = "</think>";

export interface Divided {
  reasoning: string;
  text: string;
}

export class Thought {
  #state: "undecided" | "thinking" | "answering";
  #held = "";
  /** Line breaks at the beginning of a thought, and between it and its answer, belong to neither. */
  #trims = false;

  /** `open`: the prompt ends inside a thought; `possible`: a reply may begin with one. */
  constructor(expects: "open" | "possible" | "none") {
    this.#state = { open: "thinking", possible: "undecided", none: "answering" }[
      expects
    ] as Thought["state"];
    this.#trims = expects === "open";
  }

  get state() {
    return this.#state;
  }

  push(piece: string): Divided {
    if (this.#state === "answering") return { reasoning: "", text: this.#trimmed(piece) };
    this.#held += piece;
    if (this.#state === "undecided") {
      const said = this.#held.trimStart();
      if (said.length < begin.length && begin.startsWith(said)) return { reasoning: "", text: "" };
      if (!said.startsWith(begin)) {
        this.#state = "answering";
        return { reasoning: "", text: this.#take(this.#held.length) };
      }
      this.#state = "thinking";
      this.#held = said.slice(begin.length);
      this.#trims = true;
    }
    this.#held = this.#trimmed(this.#held);
    const at = this.#held.indexOf(end);
    if (at < 0) return { reasoning: this.#take(this.#held.length - heldEnd(this.#held)), text: "" };
    const reasoning = this.#take(at).trimEnd();
    const rest = this.#held.slice(end.length);
    this.#held = "";
    this.#state = "answering";
    this.#trims = true;
    return { reasoning, text: this.#trimmed(rest) };
  }

  /** Ends the reply: held-back text belongs to the part where it stands. */
  flush(): Divided {
    const rest = this.#take(this.#held.length);
    return this.#state === "thinking"
      ? { reasoning: rest, text: "" }
      : { reasoning: "", text: rest };
  }

  #take(length: number): string {
    const taken = this.#held.slice(0, length);
    this.#held = this.#held.slice(length);
    return taken;
  }

  #trimmed(text: string): string {
    if (!this.#trims) return text;
    const rest = text.replace(/^\n+/, "");
    if (rest !== "") this.#trims = false;
    return rest;
  }
}

/** Length of the longest end of a text that may become the end mark, with white space before it. */
function heldEnd(text: string): number {
  for (let length = Math.min(end.length - 1, text.length); length > 0; length--) {
    if (end.startsWith(text.slice(-length))) {
      const before = text.slice(0, -length);
      return length + (before.length - before.trimEnd().length);
    }
  }
  return text.length - text.trimEnd().length;
}
