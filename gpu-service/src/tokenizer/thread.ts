/** The thread for slow tokenising: it has a tokenizer of its own, whose limits end every call. */
import { parentPort, workerData } from "node:worker_threads";
import { type ErrorCode, RosaError } from "@rosa2/shared/errors";
import { ChatTokenizer } from "./tokenizer.ts";

/** Calls on strangers' text, or with the checkpoint's own template and patterns. */
export type Tokenising = Pick<ChatTokenizer, "prompt" | "replyIds" | "exampleIds" | "foreign">;

/** The tokenizer's files, and the other arguments of `ChatTokenizer.load`. */
export interface TokenizerPlace {
  directory: string;
  eosIds: readonly number[];
  vocabSize: number;
}

export interface Call {
  id: number;
  method: keyof Tokenising;
  args: readonly unknown[];
}

export interface Answer {
  id: number;
  value?: unknown;
  error?: { code: ErrorCode; message: string; param: string | undefined };
}

if (parentPort !== null) {
  const port = parentPort;
  const { directory, eosIds, vocabSize } = workerData as TokenizerPlace;
  const tokenizer = ChatTokenizer.load(directory, eosIds, vocabSize);
  port.on("message", ({ id, method, args }: Call) => {
    const answer = (rest: Omit<Answer, "id">) => port.postMessage({ id, ...rest });
    try {
      const run = tokenizer[method].bind(tokenizer) as (...args: unknown[]) => unknown;
      answer({ value: run(...args) });
    } catch (error) {
      if (!(error instanceof RosaError)) throw error;
      const { code, message, param } = error;
      answer({ error: { code, message, param } });
    }
  });
}
