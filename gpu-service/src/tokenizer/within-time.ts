/** Stops a computation that takes too long, in its own thread. */
import { createContext, Script } from "node:vm";

export class TookTooLong extends Error {
  constructor(limitMs: number) {
    super(`it took longer than ${limitMs / 1000} s`);
  }
}

/** On a busy machine the time may pass while the thread does not run; then the computation is run again. */
const attemptsMax = 4;
const call = new Script("run()");
let context: { run?: () => unknown } | undefined;
let isWatched = false;

/**
 * The result of `action`, which must be synchronous. Throws TookTooLong after `limitMs`. A checkpoint's template and
 * patterns run this way: they are strangers' programs, and a pattern such as `(a+)+$` might never end. A call starts a
 * thread that watches it, which takes about 0.2 ms, and far more on a busy machine. Inside another call there is no
 * second one: the outer limit holds.
 */
export function withinTime<T>(limitMs: number, action: () => T): T {
  if (isWatched) return action();
  context ??= createContext({}) as { run?: () => unknown };
  context.run = action;
  for (let attempt = 1; ; attempt++) {
    const before = process.threadCpuUsage();
    isWatched = true;
    try {
      return call.runInContext(context, { timeout: limitMs }) as T;
    } catch (error) {
      if ((error as { code?: string }).code !== "ERR_SCRIPT_EXECUTION_TIMEOUT") throw error;
      const { user, system } = process.threadCpuUsage(before);
      const hadItsTime = (user + system) / 1000 > limitMs / 2;
      if (hadItsTime || attempt === attemptsMax) throw new TookTooLong(limitMs);
    } finally {
      isWatched = false;
    }
  }
}
