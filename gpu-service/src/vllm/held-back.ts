/** Keeps a reply from its reader for as long as it may still turn out to be one of the rejected ones. */
import type { GenerateEvent } from "@rosa2/shared/protocol";

type Delta = Extract<GenerateEvent, { type: "delta" }>;

export class HeldBack {
  readonly #rejected: readonly string[];
  #held: Delta[] = [];
  #text = "";

  constructor(rejected: readonly string[]) {
    this.#rejected = rejected.map((text) => text.trim());
  }

  /** What may be shown now: nothing while a rejected reply begins like this one, then everything so far. */
  push(delta: Delta): Delta[] {
    this.#text += delta.text;
    this.#held.push(delta);
    const begun = this.#text.trim();
    return this.#rejected.some((text) => text.startsWith(begun)) ? [] : this.flush();
  }

  /** Whether the reply, if this is its end, is a rejected one. */
  get isRejected(): boolean {
    return this.#rejected.includes(this.#text.trim());
  }

  flush(): Delta[] {
    return this.#held.splice(0);
  }
}
