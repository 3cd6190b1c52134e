/** The attempts of one call, at one service after another. It knows no service. */
import type { CallContext } from "../inference/inference.ts";
import { IdleTimeout } from "./idle-timeout.ts";

/** Each attempt has its own idle timeout. Leaving the call ends the attempt under way. */
export class Attempts {
  #idle: IdleTimeout | null = null;
  #hasLeft = false;

  begin(timeoutMs: number): IdleTimeout {
    if (this.#hasLeft) throw new DOMException("The caller went away", "AbortError");
    this.#idle = new IdleTimeout(timeoutMs);
    return this.#idle;
  }

  end(): void {
    this.#hasLeft = true;
    this.#idle?.end();
  }

  isOver({ signal }: CallContext): boolean {
    return this.#hasLeft || signal?.aborted === true;
  }
}
