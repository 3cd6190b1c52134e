/** Holds a reply back from its reader while it may still become one of the rejected ones. */
import type { GenerateEvent } from "@rosa2/shared/protocol";

type Delta = Extract<GenerateEvent, { type: "delta" }>;

export class HeldBack {
  readonly #rejected: readonly string[];
  #held: Delta[] = [];
  #text = "";

  constructor(rejected: readonly string[]) {
    this.#rejected = rejected.map((text) => text.trim());
  }

  /** What may be shown now: nothing while a rejected reply begins with this text, then everything so far. */
  push(delta: Delta): Delta[] {
    this.#text += delta.text;
    this.#held.push(delta);
    const begun = this.#text.trim();
    return this.#rejected.some((text) => text.startsWith(begun)) ? [] : this.flush();
  }

  /** Whether the reply, if it ends here, is a rejected one. */
  get isRejected(): boolean {
    return this.#rejected.includes(this.#text.trim());
  }

  flush(): Delta[] {
    return this.#held.splice(0);
  }
}
