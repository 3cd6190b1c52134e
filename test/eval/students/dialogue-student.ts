/** The base model in a plain dialogue over chat completions: the client keeps the messages, nothing adapts. */

import { RosaError } from "@rosa2/shared/errors";
import type { Api, ChatMessage, Sampling } from "../api.ts";
import type { Problem } from "../problem.ts";
import { nothingSpent, type Reply, type Spent, type Student } from "./student.ts";

export interface DialogueOptions {
  model: string;
  sampling: Sampling;
  instructions: string | null;
  /** Keep the exchanges of earlier problems in view, each with its right reply where one is known. */
  keepsHistory: boolean;
}

export class DialogueStudent implements Student {
  readonly spent: Spent = nothingSpent();
  readonly #api: Api;
  readonly #options: DialogueOptions;
  readonly #system: ChatMessage[];
  /** Earlier problems, oldest first. */
  readonly #history: ChatMessage[] = [];
  /** The current problem: request, reply, comment, reply, … */
  #messages: ChatMessage[] = [];

  constructor(api: Api, options: DialogueOptions) {
    this.#api = api;
    this.#options = options;
    const { instructions } = options;
    this.#system = instructions === null ? [] : [{ role: "system", content: instructions }];
  }

  async ask({ request }: Problem): Promise<Reply> {
    this.#messages = [{ role: "user", content: request }];
    const startedAt = performance.now();
    const reply = await this.#reply();
    this.spent.replyMs.push(performance.now() - startedAt);
    return reply;
  }

  async retry(comment: string): Promise<Reply> {
    this.#messages.push({ role: "user", content: comment });
    return this.#reply();
  }

  async accept(): Promise<void> {
    this.#remember(this.#messages.at(-1)!.content);
  }

  async giveUp(_comment: string, correction: string | null): Promise<void> {
    if (correction !== null) this.#remember(correction);
  }

  async probe(request: string): Promise<string> {
    const { text } = await this.#complete([...this.#system, { role: "user", content: request }]);
    return text;
  }

  async close(): Promise<void> {}

  async #reply(): Promise<Reply> {
    const { text, promptTokens, completionTokens, usd } = await this.#fitting();
    this.#messages.push({ role: "assistant", content: text });
    this.spent.promptTokens += promptTokens;
    this.spent.completionTokens += completionTokens;
    this.spent.costUsd += usd;
    return { text, shift: null };
  }

  /** What does not fit the model's window is left out from the oldest exchange on. */
  async #fitting() {
    for (;;) {
      try {
        return await this.#complete([...this.#system, ...this.#history, ...this.#messages]);
      } catch (error) {
        const isLong = error instanceof RosaError && error.code === "context_length_exceeded";
        if (!isLong) throw error;
        if (this.#history.length > 0) this.#history.splice(0, 2);
        else if (this.#messages.length > 3) this.#messages.splice(1, 2);
        else throw error;
      }
    }
  }

  async #complete(messages: readonly ChatMessage[]) {
    const { model, sampling } = this.#options;
    const answer = await this.#api.chat({ model, messages, ...sampling });
    return {
      text: answer.choices[0]!.message.content ?? "",
      promptTokens: answer.usage?.prompt_tokens ?? 0,
      completionTokens: answer.usage?.completion_tokens ?? 0,
      usd: answer.rosa2?.cost.usd ?? 0,
    };
  }

  #remember(reply: string): void {
    if (!this.#options.keepsHistory) return;
    this.#history.push(this.#messages[0]!, { role: "assistant", content: reply });
  }
}
