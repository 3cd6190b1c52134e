/** Log-probs of a reply's tokens, each with its part of the text. The parts join to the text, byte by byte. */
import type { TokenLogprob } from "@rosa2/shared/protocol";
import type { Detokenizer } from "../../tokenizer/detokenizer.ts";
import type { ChatTokenizer } from "../../tokenizer/tokenizer.ts";
import type { TokenChoice } from "./sampling.ts";

interface Entry {
  id: number;
  logprob: number;
  top: TokenLogprob["top"];
  bytes: Uint8Array;
}

const encoder = new TextEncoder();
const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

export class TokenLog {
  readonly #tokenizer: ChatTokenizer;
  /** Tokens whose text is not known yet: a character or a joint is incomplete. */
  #open: Entry[] = [];
  /** Tokens of known text that were not taken yet. */
  #known: Entry[] = [];
  /** Bytes of the text before the first of `#known`. */
  #begin = 0;

  constructor(tokenizer: ChatTokenizer) {
    this.#tokenizer = tokenizer;
  }

  /** `before` is the detokenizer before the token; `completed` is the text that the token made final. */
  push(choice: TokenChoice, before: Detokenizer, completed: string): void {
    const top = choice.top.map(({ id, logprob }) => ({
      ...named(this.#bytesInContext(id, before)),
      logprob,
    }));
    this.#open.push({ id: choice.id, logprob: choice.logprob, top, bytes: new Uint8Array() });
    if (completed !== "") this.#complete(completed);
  }

  /** Ends the reply: `rest` is what the detokenizer still held. */
  end(rest: string): void {
    this.#complete(rest);
  }

  /** Tokens whose text begins within the first `textBytes` of the reply; at its own end all that remain. */
  take(textBytes: number, isEnded: boolean): TokenLogprob[] {
    const taken: TokenLogprob[] = [];
    for (let entry = this.#known[0]; entry !== undefined; entry = this.#known[0]) {
      if (!isEnded && this.#begin >= textBytes) break;
      this.#known.shift();
      this.#begin += entry.bytes.length;
      const { logprob, top, bytes } = entry;
      taken.push({ ...named(bytes), logprob, top });
    }
    return taken;
  }

  /** Cuts at a stop string: the last token ends where the text does. */
  cut(textBytes: number): void {
    let end = this.#begin;
    for (const entry of this.#known) {
      entry.bytes = entry.bytes.slice(0, Math.max(0, textBytes - end));
      end += entry.bytes.length;
    }
  }

  /** Divides the text among its tokens: each gets its own text, the last one the rest. */
  #complete(text: string): void {
    let rest = encoder.encode(text);
    for (const [i, entry] of this.#open.entries()) {
      const isLast = i === this.#open.length - 1;
      const length = isLast ? rest.length : this.#tokenizer.tokenBytes(entry.id).length;
      entry.bytes = rest.slice(0, length);
      rest = rest.slice(length);
      this.#known.push(entry);
    }
    this.#open = [];
  }

  #bytesInContext(id: number, before: Detokenizer): Uint8Array {
    if (before.isHolding) return this.#tokenizer.tokenBytes(id);
    const detokenizer = before.clone();
    const text = detokenizer.push(id);
    return text === "" ? this.#tokenizer.tokenBytes(id) : encoder.encode(text);
  }
}

function named(bytes: Uint8Array): { token: string; bytes: number[] } {
  return { token: textOf(bytes), bytes: [...bytes] };
}

function textOf(bytes: Uint8Array): string {
  try {
    return decoder.decode(bytes);
  } catch {
    return Array.from(bytes, (byte) => `\\x${byte.toString(16).padStart(2, "0")}`).join("");
  }
}
