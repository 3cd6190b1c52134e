/** Writes a reply into the event log. It knows what readers have received, not where the text comes from. */
import type { TokenLogprob } from "@rosa2/shared/protocol";
import type { Store } from "./rows.ts";

interface Delta {
  text: string;
  /** What a thinking model writes before its reply; shown, but not part of the reply. */
  reasoning?: string | undefined;
  logprobs?: TokenLogprob[] | undefined;
  /** The three as JSON, where they arrived as JSON. */
  json?: string | undefined;
}

/** After an eviction the reply is generated again from its start; the part that readers already have is not sent twice. */
export class ReplyWriter {
  text = "";
  readonly #store: Store;
  readonly #turnId: string;
  #shown: string;

  constructor(store: Store, turnId: string) {
    this.#store = store;
    this.#turnId = turnId;
    this.#shown = store.log.textSoFar(turnId);
  }

  write({ text, reasoning, logprobs, json }: Delta): void {
    const isOne = reasoning === undefined ? text !== "" : text === "";
    // While readers have all of the text so far, the delta is stored as it came and is not encoded again.
    if (json !== undefined && isOne && this.text === this.#shown) {
      this.#store.log.append({ turnId: this.#turnId, type: "delta", json, at: this.#store.now() });
      this.text += text;
      this.#shown = this.text;
      return;
    }
    if (reasoning !== undefined) this.#append("delta", { text: "", reasoning });
    this.text += text;
    if (this.#shown.startsWith(this.text)) return;
    if (!this.text.startsWith(this.#shown)) {
      this.#append("reset", {});
      this.#shown = "";
    }
    const fresh = this.text.slice(this.#shown.length);
    this.#append("delta", logprobs === undefined ? { text: fresh } : { text: fresh, logprobs });
    this.#shown = this.text;
  }

  /** Makes what readers have equal to the reply as the service finally reports it. */
  finish(reply: string): void {
    if (this.#shown === reply) return;
    if (!reply.startsWith(this.#shown)) {
      this.#append("reset", {});
      this.#shown = "";
    }
    const rest = reply.slice(this.#shown.length);
    if (rest !== "") this.#append("delta", { text: rest });
    this.#shown = reply;
  }

  #append(type: "delta" | "reset", data: unknown): void {
    this.#store.log.append({ turnId: this.#turnId, type, data, at: this.#store.now() });
  }
}
