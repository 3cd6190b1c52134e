/**
 * One side of a comparison in a process of its own, so that the sides share neither threads nor memory. It sleeps
 * between calls.
 */
import { type ChildProcess, fork } from "node:child_process";
import { randomInt, seededRandom } from "@rosa2/shared/random";

interface Answer {
  id: number;
  result?: unknown;
  error?: string;
}

type Methods = Record<string, (argument: never) => unknown>;
/** The methods given to `serve`, as the other process sees them. */
type Remote<M extends Methods, K extends keyof M> = Awaited<ReturnType<M[K]>>;

export class Contender<M extends Methods> {
  readonly #child: ChildProcess;
  readonly #waiting = new Map<number, PromiseWithResolvers<unknown>>();
  #lastId = 0;

  /** Starts a module that calls `serve`. */
  constructor(module: URL, env: Record<string, string> = {}) {
    this.#child = fork(module, { env: { ...process.env, ...env }, serialization: "advanced" });
    this.#child.on("message", ({ id, result, error }: Answer) => {
      const waiting = this.#waiting.get(id);
      this.#waiting.delete(id);
      if (error === undefined) waiting?.resolve(result);
      else waiting?.reject(new Error(error));
    });
    this.#child.on("exit", (code, signal) => {
      const error = new Error(`${module.pathname} ended with ${signal ?? code}`);
      for (const { reject } of this.#waiting.values()) reject(error);
      this.#waiting.clear();
    });
  }

  get pid(): number {
    return this.#child.pid as number;
  }

  call<K extends keyof M & string>(
    method: K,
    argument: Parameters<M[K]>[0],
  ): Promise<Remote<M, K>> {
    const id = ++this.#lastId;
    const waiting = Promise.withResolvers<unknown>();
    this.#waiting.set(id, waiting);
    this.#child.send({ id, method, argument });
    return waiting.promise as Promise<Remote<M, K>>;
  }

  async stop(): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return;
    const ended = new Promise((resolve) => this.#child.once("exit", resolve));
    this.#child.kill("SIGKILL");
    await ended;
  }
}

/** In the contender's process: answers calls one after the other. */
export function serve<M extends Methods>(methods: M): void {
  let last: Promise<void> = Promise.resolve();
  process.on(
    "message",
    ({ id, method, argument }: { id: number; method: string; argument: never }) => {
      last = last.then(async () => {
        const answer: Answer = { id };
        try {
          answer.result = await methods[method]?.(argument);
        } catch (error) {
          answer.error = error instanceof Error ? (error.stack ?? error.message) : String(error);
        }
        process.send?.(answer);
      });
    },
  );
  process.on("disconnect", () => process.exit(0));
}

/** What every contender reports about the replies it made. */
export interface RepliesResult {
  /** Prompt tokens a second until the first session's first token. */
  prefillRate: number;
  /** Tokens a second of all sessions together, while all of them are decoding. */
  decodeRate: number;
  /** The first session's tokens. */
  ids: number[];
}

/** The same tokens for every contender. */
export function randomPrompt(seed: string, length: number, vocabSize: number): number[] {
  const random = seededRandom(seed);
  return Array.from({ length }, () => randomInt(random, 0, vocabSize));
}

/** Examples that are learned. */
export type TokenRows = { prompt: number[]; reply: number[] }[];

export interface RowsSize {
  rows: number;
  promptTokens: number;
  replyTokens: number;
}

/** The same rows for every contender. */
export function randomRows(
  { rows, promptTokens, replyTokens }: RowsSize,
  vocabSize: number,
): TokenRows {
  return Array.from({ length: rows }, (_, row) => ({
    prompt: randomPrompt(`prompt ${row}`, promptTokens, vocabSize),
    reply: randomPrompt(`reply ${row}`, replyTokens, vocabSize),
  }));
}
