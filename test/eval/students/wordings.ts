/**
 * Ways of wording a request after a rejected reply: unchanged, with the remarks appended, or rewritten by a model or by
 * the API.
 */
import { type RejectedAttempt, rewritePrompt } from "@rosa2/shared/rewrite-prompt";
import type { Adaptation, Api, TurnAnswer } from "../api.ts";
import { countWords } from "./student.ts";
import type { Complete, Wording, WordingOptions } from "./wording-student.ts";

/** Whatever the user remarks, the request stays. */
export function asSaid(request: string): Wording {
  return { reword: async () => request, close: async () => {} };
}

/** What a person would do without a dialogue: the same request with the remarks below it. */
export function appended(request: string): Wording {
  return {
    reword: async (attempts) => [request, ...attempts.map(({ feedback }) => feedback)].join("\n"),
    close: async () => {},
  };
}

/** The served model's own rewrite, unchecked; an empty answer keeps the request. */
export function proposed(request: string, complete: Complete): Wording {
  return {
    reword: async (attempts) => (await complete(rewritePrompt(request, attempts))) || request,
    close: async () => {},
  };
}

/**
 * `words.after` of a session that adapts words. Each remark goes to the turn whose reply it is about. A session
 * excludes rejected replies when it answers again, and plain requests cannot, so the reply that the user saw may belong
 * to an earlier turn.
 */
export class SessionWording implements Wording {
  readonly #api: Api;
  readonly #session: string;
  readonly #options: WordingOptions;
  readonly #turns: TurnAnswer[];

  private constructor(api: Api, session: string, first: TurnAnswer, options: WordingOptions) {
    this.#api = api;
    this.#session = session;
    this.#options = options;
    this.#turns = [first];
  }

  static async open(
    api: Api,
    request: string,
    options: WordingOptions,
    rewriter: Adaptation["rewriter"],
  ): Promise<SessionWording> {
    const { title, instructions, sampling } = options;
    const session = await api.createSession({
      title,
      adaptation: { mode: "words", context: "request", rewriter },
      ...(instructions === null ? {} : { instructions }),
    });
    const first = await api.turn(session, { content: request, ...sampling });
    return new SessionWording(api, session, first, options);
  }

  async reword(attempts: readonly RejectedAttempt[]): Promise<string> {
    const { reply, feedback: text } = attempts.at(-1)!;
    const turn = this.#turns.find((one) => one.reply === reply) ?? this.#turns.at(-1)!;
    const answer = await this.#api.feedback(this.#session, turn.id, {
      reward: -1,
      text,
      retry: true,
    });
    if (answer.turn === undefined)
      throw new Error("Feedback with a retry came back without a turn");
    this.#turns.push(answer.turn);
    const { spent } = this.#options;
    spent.costUsd += answer.cost.usd;
    countWords(spent, answer.words, true);
    return answer.words.after;
  }

  async close(): Promise<void> {
    await this.#api.deleteSession(this.#session);
  }
}
