/** Stops a computation that takes too long, in its own thread. */
import { createContext, Script } from "node:vm";

export class TookTooLong extends Error {
  constructor(limitMs: number) {
    super(`it took longer than ${limitMs / 1000} s`);
  }
}

/** The budget of `withinBudget` is used up; the computation itself may be harmless. */
export class OutOfBudget extends Error {}

/** On a busy machine the time may pass while the thread does not run; then the computation is run again. */
const attemptsMax = 4;
const call = new Script("run()");
let context: { run?: () => unknown } | undefined;
let budgetEndsAt = Number.POSITIVE_INFINITY;

/**
 * The result of `action`, which must be synchronous. Throws TookTooLong after `limitMs`. A checkpoint's template and
 * patterns run this way: they are strangers' programs, and a pattern such as `(a+)+$` might never end. A call costs
 * about 0.1 ms more.
 */
export function withinTime<T>(limitMs: number, action: () => T): T {
  context ??= createContext({}) as { run?: () => unknown };
  context.run = action;
  for (let attempt = 1; ; attempt++) {
    const budgetMs = Math.max(1, Math.ceil(budgetEndsAt - performance.now()));
    const before = process.threadCpuUsage();
    try {
      return call.runInContext(context, { timeout: Math.min(limitMs, budgetMs) }) as T;
    } catch (error) {
      if ((error as { code?: string }).code !== "ERR_SCRIPT_EXECUTION_TIMEOUT") throw error;
      if (budgetMs < limitMs) throw new OutOfBudget();
      const { user, system } = process.threadCpuUsage(before);
      const hadItsTime = (user + system) / 1000 > limitMs / 2;
      if (hadItsTime || attempt === attemptsMax) throw new TookTooLong(limitMs);
    }
  }
}

/** Runs `action`; its calls of `withinTime` may take this long together. Throws OutOfBudget otherwise. */
export function withinBudget<T>(budgetMs: number, action: () => T): T {
  budgetEndsAt = performance.now() + budgetMs;
  try {
    return action();
  } finally {
    budgetEndsAt = Number.POSITIVE_INFINITY;
  }
}
