/**
 * Baselines that learn nothing: each try is one way of asking the base model, over stateless chat completions.
 *
 * A retry that repeats a rejected reply is drawn again at temperature 1, a few times at most. Sessions have the same
 * rule: never the rejected reply again.
 */
import type { Api, ChatMessage, Sampling } from "../api.ts";
import type { Problem } from "../problem.ts";
import { nothingSpent, type Reply, type Spent, type Student } from "./student.ts";

/** The reply to one request, alone in its dialogue. */
export type AskModel = (
  request: string,
  sampling?: { temperature: number; seed: number },
) => Promise<string>;

/** Input of a way of asking: the problem, and the number of earlier tries at it. */
export interface Attempt {
  problem: Problem;
  tryIndex: number;
  /** Remarks on this problem's rejected replies, oldest first. */
  remarks: readonly string[];
  ask: AskModel;
  /** A seed that no other draw of the session has. */
  nextSeed(): number;
}

export type Approach = (attempt: Attempt) => Promise<string>;

interface PlainOptions {
  model: string;
  sampling: Sampling;
  instructions: string | null;
}

const drawsMax = 4;

export class PlainStudent implements Student {
  readonly spent: Spent = nothingSpent();
  readonly #api: Api;
  readonly #options: PlainOptions;
  readonly #approach: Approach;
  #problem: Problem | null = null;
  #remarks: string[] = [];
  #rejected: string[] = [];
  #reply = "";
  #seed = 0;

  constructor(api: Api, options: PlainOptions, approach: Approach) {
    this.#api = api;
    this.#options = options;
    this.#approach = approach;
  }

  async ask(problem: Problem): Promise<Reply> {
    this.#problem = problem;
    this.#remarks = [];
    this.#rejected = [];
    const startedAt = performance.now();
    this.#reply = await this.#try();
    this.spent.replyMs.push(performance.now() - startedAt);
    return { text: this.#reply, shift: null };
  }

  async retry(comment: string): Promise<Reply> {
    this.#remarks.push(comment);
    this.#rejected.push(this.#reply);
    this.#reply = await this.#try();
    for (let draws = 1; draws < drawsMax && this.#rejected.includes(this.#reply); draws++) {
      this.#reply = await this.#try(1);
    }
    return { text: this.#reply, shift: null };
  }

  async accept(): Promise<void> {}

  async giveUp(): Promise<void> {}

  async probe(request: string): Promise<string> {
    return this.#complete(request);
  }

  async close(): Promise<void> {}

  #try(temperature?: number): Promise<string> {
    const nextSeed = () => (this.#options.sampling.seed ?? 0) + ++this.#seed;
    const drawn = () => (temperature === undefined ? undefined : { temperature, seed: nextSeed() });
    return this.#approach({
      problem: this.#problem!,
      tryIndex: this.#rejected.length,
      remarks: this.#remarks,
      ask: (request, sampling = drawn()) => this.#complete(request, sampling),
      nextSeed,
    });
  }

  async #complete(request: string, sampling: Partial<Sampling> = {}): Promise<string> {
    const { model, instructions } = this.#options;
    const messages: ChatMessage[] = [
      ...(instructions === null ? [] : [{ role: "system" as const, content: instructions }]),
      { role: "user", content: request },
    ];
    const body = { model, messages, ...this.#options.sampling, ...sampling };
    const { choices, usage, rosa2 } = await this.#api.chat(body);
    this.spent.promptTokens += usage?.prompt_tokens ?? 0;
    this.spent.completionTokens += usage?.completion_tokens ?? 0;
    this.spent.costUsd += rosa2?.cost.usd ?? 0;
    return choices[0]!.message.content ?? "";
  }
}
