/** An unexpected failure in a form that may be logged: where it happened, without user content. */

export interface FailureReport {
  name: string;
  message: string;
  stack: string[];
}

/**
 * Name, message and stack frames. The parameters of a failed statement and a JSON parser's excerpt are user content. Of
 * a statement only its cause is logged, of a parser's message nothing.
 */
export function reportOf(error: unknown): FailureReport {
  if (!(error instanceof Error)) return { name: typeof error, message: "", stack: [] };
  const isStatement = "query" in error && "params" in error;
  const told = isStatement ? error.cause : error;
  const quotes = error instanceof SyntaxError || !(told instanceof Error);
  const { stack = "", message } = error;
  // The frames follow the message, which may contain anything.
  const frames = stack.slice(Math.max(0, stack.indexOf(message)) + message.length).split("\n");
  return {
    name: error.name,
    message: quotes ? "" : told.message.slice(0, 500),
    stack: frames.slice(1, 13).map((line) => line.trim()),
  };
}

/** One structured line about work that nobody awaits. */
export function logFailure(work: string, error: unknown): void {
  console.error(JSON.stringify({ at: new Date().toISOString(), work, error: reportOf(error) }));
}
