/**
 * One short conversation that a seed draws: requests, feedback that teaches, and the same request again. Each call is
 * made until it is answered. It does not know what is killed when, and keeps what was asked and answered.
 */
import { pick, type Random, randomInt } from "@rosa2/shared/random";
import type { FeedbackResult, SessionDetail, TurnBody } from "../../edge/src/contract/index.ts";
import { drawRequest } from "../e2e/support/requests.ts";
import type { Caller } from "./caller.ts";

/** A call that was answered and can be repeated. */
export interface Call {
  path: string;
  body: object;
  key: string;
  streams: boolean;
  /** The id of what it made: a turn's, or a feedback's. */
  id: string;
}

const exercisesMax = 2;

export class Conversation {
  readonly calls: Call[] = [];
  /** The answered turns, retries among them. */
  readonly turns: TurnBody[] = [];
  readonly feedback: { id: string; turnId: string }[] = [];
  id = "";
  readonly #caller: Caller;
  readonly #random: Random;
  readonly #name: string;
  #keyCount = 0;

  /** `name` is part of every key of the conversation, so no other conversation may have it. */
  constructor(caller: Caller, random: Random, name: string) {
    this.#caller = caller;
    this.#random = random;
    this.#name = name;
  }

  get path(): string {
    return `/v1/sessions/${this.id}`;
  }

  async open(): Promise<void> {
    const mode = pick(this.#random, ["both", "both", "weights", "words"] as const);
    // In a session that shows its dialogue the same request is another prompt each time.
    const adaptation = { mode, context: "request" };
    const opened = { adaptation, metadata: { name: this.#name } };
    const session = await this.#caller.post<SessionDetail>("/v1/sessions", opened, this.#newKey());
    this.id = session.id;
  }

  async hold(): Promise<void> {
    const random = this.#random;
    const exercises = randomInt(random, 1, exercisesMax + 1);
    for (let n = 0; n < exercises; n++) {
      const { content, answers } = drawRequest(randomInt(random, 0, 1_000_000));
      const turn = await this.#ask(content);
      const correction = answers.find((answer) => answer !== turn.reply) ?? "";
      await this.#judge(turn, correction);
      await this.#ask(content);
    }
  }

  /** Asks the last request once more, so that its reply can be compared. */
  async askAgain(): Promise<{ before: TurnBody; now: TurnBody }> {
    const before = this.turns.at(-1);
    if (before === undefined) throw new Error("Nothing was asked");
    return { before, now: await this.#ask(before.content) };
  }

  async #ask(content: string): Promise<TurnBody> {
    // At temperature 0, so that the same reply can come again.
    const body = { content, temperature: 0 };
    const turn = await this.#call<TurnBody>(`${this.path}/turns`, body, (done) => done);
    this.turns.push(turn);
    return turn;
  }

  async #judge(turn: TurnBody, correction: string): Promise<void> {
    const body = pick(this.#random, [
      { reward: -1, correction, retry: true },
      { reward: -1, correction, retry: true },
      { reward: -1, correction },
      { reward: -1, text: `largest first, ${this.#name}` },
      { reward: 1 },
    ]);
    const path = `${this.path}/turns/${turn.id}/feedback`;
    const result = await this.#call<FeedbackResult>(path, body, (done) => done.turn);
    this.feedback.push({ id: result.id, turnId: turn.id });
    if (result.turn !== undefined) this.turns.push(result.turn);
  }

  /** `turnOf` gives the turn whose deltas the call's stream contains. */
  async #call<T extends { id: string }>(
    path: string,
    body: object,
    turnOf: (answer: T) => TurnBody | undefined,
  ): Promise<T> {
    const streams = this.#random() < 0.5;
    const key = this.#newKey();
    const answer = streams
      ? await this.#stream(path, body, key, turnOf)
      : await this.#caller.post<T>(path, body, key);
    this.calls.push({ path, body, key, streams, id: answer.id });
    return answer;
  }

  async #stream<T>(
    path: string,
    body: object,
    key: string,
    turnOf: (answer: T) => TurnBody | undefined,
  ): Promise<T> {
    const takesUp = () => this.#random() < 0.5;
    const { done, text } = await this.#caller.stream<T>(path, body, key, takesUp);
    const reply = turnOf(done)?.reply ?? "";
    if (text === reply) return done;
    throw new Error(`${path} streamed ${JSON.stringify(text)} for ${JSON.stringify(reply)}`);
  }

  #newKey(): string {
    return `${this.#name}-${++this.#keyCount}`;
  }
}
