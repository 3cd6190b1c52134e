/** A scheduler on the fake model, and what its sequences say. */

import { independentDraws } from "../../../gpu-service/src/engine/batch/draws.ts";
import { Reply } from "../../../gpu-service/src/engine/batch/reply.ts";
import {
  Scheduler,
  type SchedulerOptions,
} from "../../../gpu-service/src/engine/batch/scheduler.ts";
import type { SequenceEnd } from "../../../gpu-service/src/engine/batch/sequence.ts";
import type { AdapterWeights } from "../../../gpu-service/src/language-model.ts";
import { byteTokenizer, endId } from "./byte-tokenizer.ts";
import { FakeModel, type FakeModelOptions } from "./fake-model.ts";
import { samplingRules } from "./greedy.ts";

export interface Said {
  text: string;
  end: SequenceEnd | undefined;
  error: unknown;
  /** Settles when the sequence ended or failed. */
  over: Promise<void>;
}

export interface Ask {
  content: string;
  /** Earlier turns. */
  history?: { content: string; reply: string }[];
  tenant?: string;
  adapter?: AdapterWeights | null;
  sampling?: object;
  tokensMax?: number;
}

export class Serving {
  readonly model: FakeModel;
  readonly scheduler: Scheduler;
  readonly tokenizer = byteTokenizer();
  /** Ids of sequences in the order in which each gave its first text, and in which they ended. */
  readonly began: number[] = [];
  readonly ended: number[] = [];
  readonly #done: Promise<void>;
  #lastId = 0;

  constructor(
    options: Partial<SchedulerOptions> & { slots?: number; model?: FakeModelOptions } = {},
  ) {
    this.model = new FakeModel(options.model);
    const { rowsMax = 4, prefillTokens = 16, backgroundShare = 0.5 } = options;
    const cache = this.model.allocateCache(
      options.slots ?? 2 * rowsMax + 1,
      this.model.shape.contextLength,
    );
    this.scheduler = new Scheduler(this.model, cache, {
      rowsMax,
      prefillTokens,
      backgroundShare,
      ...(options.now ? { now: options.now } : {}),
    });
    this.#done = this.scheduler.run();
  }

  /** Queues a request; the id is that of the latest call. */
  ask({
    content,
    history = [],
    tenant = "t",
    adapter = null,
    sampling = {},
    tokensMax = 60,
  }: Ask): Said & { id: number } {
    const messages = [
      ...history.flatMap(({ content, reply }) => [
        { role: "user" as const, content },
        { role: "assistant" as const, content: reply },
      ]),
      { role: "user" as const, content },
    ];
    const rules = samplingRules(sampling);
    const id = ++this.#lastId;
    const over = Promise.withResolvers<void>();
    const said: Said & { id: number } = {
      id,
      text: "",
      end: undefined,
      error: undefined,
      over: over.promise,
    };
    this.scheduler.add(
      {
        id,
        tenant,
        adapter,
        prompt: this.tokenizer.promptIds(messages),
        reply: new Reply(this.tokenizer, {
          sampling: rules,
          draws: independentDraws(rules.seed ?? 1),
          eosIds: [endId],
          tokensMax,
        }),
      },
      {
        piece: ({ text }) => {
          if (said.text === "") this.began.push(id);
          said.text += text;
        },
        finish: (end) => {
          said.end = end;
          this.ended.push(id);
          over.resolve();
        },
        fail: (error) => {
          said.error = error;
          over.resolve();
        },
      },
    );
    return said;
  }

  async stop(): Promise<void> {
    this.scheduler.stop();
    await this.#done;
  }
}

export function adapterOf(digest: string, ...B: number[]): AdapterWeights {
  return { digest, rank: 1, B: Float32Array.from(B) };
}
