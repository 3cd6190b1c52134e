/** Stops a computation that takes too long, in the thread that it runs in. */
import { createContext, Script } from "node:vm";

export class TookTooLong extends Error {
  constructor(limitMs: number) {
    super(`it took longer than ${limitMs / 1000} s`);
  }
}

const call = new Script("run()");
let context: { run?: () => unknown } | undefined;

/**
 * The result of `action`, which must be synchronous; throws TookTooLong once `limitMs` have passed. A
 * checkpoint's template and patterns run this way: they are programs of strangers, and a pattern such as
 * `(a+)+$` would never end. A call costs about 0.1 ms more.
 */
export function withinTime<T>(limitMs: number, action: () => T): T {
  context ??= createContext({}) as { run?: () => unknown };
  context.run = action;
  try {
    return call.runInContext(context, { timeout: limitMs }) as T;
  } catch (error) {
    if ((error as { code?: string }).code !== "ERR_SCRIPT_EXECUTION_TIMEOUT") throw error;
    throw new TookTooLong(limitMs);
  }
}
