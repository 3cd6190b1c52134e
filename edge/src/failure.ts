/** A failure that nobody expected, as a log may hold it: where it came from, without what it was about. */

export interface FailureReport {
  name: string;
  message: string;
  stack: string[];
}

/**
 * Name, message and stack frames. A failed statement's parameters and a JSON parser's excerpt are content:
 * of the one its cause is told, of the other nothing.
 */
export function reportOf(error: unknown): FailureReport {
  if (!(error instanceof Error)) return { name: typeof error, message: "", stack: [] };
  const isStatement = "query" in error && "params" in error;
  const told = isStatement ? error.cause : error;
  const quotes = error instanceof SyntaxError || !(told instanceof Error);
  const { stack = "", message } = error;
  // The frames follow the message, which may hold anything.
  const frames = stack.slice(Math.max(0, stack.indexOf(message)) + message.length).split("\n");
  return {
    name: error.name,
    message: quotes ? "" : told.message.slice(0, 500),
    stack: frames.slice(1, 13).map((line) => line.trim()),
  };
}

/** One structured line about work that nobody waits for. */
export function logFailure(work: string, error: unknown): void {
  console.error(JSON.stringify({ at: new Date().toISOString(), work, error: reportOf(error) }));
}
