/**
 * The base model, asked again with each wording of a request: measures a way of wording alone.
 *
 * Every reply is a plain chat completion of the wording alone, so that two ways differ in nothing but the text: no
 * dialogue, no adapter, no excluded reply.
 */
import type { RejectedAttempt } from "@rosa2/shared/rewrite-prompt";
import type { Api, ChatMessage, Sampling } from "../api.ts";
import type { Problem } from "../problem.ts";
import { nothingSpent, type Reply, type Spent, type Student } from "./student.ts";

/** How one request is worded anew. */
export interface Wording {
  /** The next wording, given every rejected reply with the remark on it, oldest first. */
  reword(attempts: readonly RejectedAttempt[]): Promise<string>;
  close(): Promise<void>;
}

/** A plain reply to messages. */
export type Complete = (messages: readonly ChatMessage[]) => Promise<string>;

export interface WordingOptions {
  model: string;
  sampling: Sampling;
  instructions: string | null;
  title: string;
  /** Where a wording adds its cost. */
  spent: Spent;
}

export type BeginWording = (
  request: string,
  options: WordingOptions,
  complete: Complete,
  api: Api,
) => Promise<Wording>;

export class WordingStudent implements Student {
  readonly spent: Spent = nothingSpent();
  readonly #api: Api;
  readonly #options: WordingOptions;
  readonly #begin: BeginWording;
  #request = "";
  /** Opened by the first remark: a request that is right at once needs no other words. */
  #wording: Wording | null = null;
  #attempts: RejectedAttempt[] = [];
  #reply = "";

  constructor(api: Api, options: Omit<WordingOptions, "spent">, begin: BeginWording) {
    this.#api = api;
    this.#options = { ...options, spent: this.spent };
    this.#begin = begin;
  }

  async ask({ request }: Problem): Promise<Reply> {
    await this.close();
    this.#request = request;
    this.#attempts = [];
    const startedAt = performance.now();
    const reply = await this.#answer(request);
    this.spent.replyMs.push(performance.now() - startedAt);
    return reply;
  }

  async retry(comment: string): Promise<Reply> {
    const complete: Complete = (messages) => this.#complete(messages);
    this.#wording ??= await this.#begin(this.#request, this.#options, complete, this.#api);
    this.#attempts.push({ reply: this.#reply, feedback: comment });
    return this.#answer(await this.#wording.reword(this.#attempts));
  }

  async accept(): Promise<void> {}

  async giveUp(): Promise<void> {}

  async probe(request: string): Promise<string> {
    return this.#complete(this.#asMessages(request));
  }

  async close(): Promise<void> {
    await this.#wording?.close();
    this.#wording = null;
  }

  async #answer(wording: string): Promise<Reply> {
    this.#reply = await this.#complete(this.#asMessages(wording));
    return { text: this.#reply, shift: null };
  }

  #asMessages(request: string): ChatMessage[] {
    const { instructions } = this.#options;
    return [
      ...(instructions === null ? [] : [{ role: "system" as const, content: instructions }]),
      { role: "user", content: request },
    ];
  }

  async #complete(messages: readonly ChatMessage[]): Promise<string> {
    const { model, sampling } = this.#options;
    const { choices, usage, rosa2 } = await this.#api.chat({ model, messages, ...sampling });
    this.spent.promptTokens += usage?.prompt_tokens ?? 0;
    this.spent.completionTokens += usage?.completion_tokens ?? 0;
    this.spent.costUsd += rosa2?.cost.usd ?? 0;
    return choices[0]!.message.content ?? "";
  }
}
