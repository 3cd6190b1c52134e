/** Graphs, each compiled once, on first use. */
import type { InferenceSession } from "onnxruntime-node";
import type { Value } from "../../compiler/ir/types.ts";

export type Compile = (outputs: Record<string, Value>) => Promise<InferenceSession>;

export class Sessions {
  readonly #compile: Compile;
  readonly #made = new Map<string, Promise<InferenceSession>>();

  constructor(compile: Compile) {
    this.#compile = compile;
  }

  get(key: string, build: () => Record<string, Value>): Promise<InferenceSession> {
    const known = this.#made.get(key);
    if (known) return known;
    const session = this.#compile(build());
    this.#made.set(key, session);
    // A failed compilation may be tried again.
    session.catch(() => this.#made.delete(key));
    return session;
  }

  /** Disposes of all graphs; no run may be under way. A graph that is needed again is compiled again. */
  async dispose(): Promise<void> {
    const sessions = [...this.#made.values()];
    this.#made.clear();
    for (const session of sessions) await (await session).release();
  }
}
