/**
 * One short conversation as a seed draws it: requests, feedback that teaches, and the same request again; each call
 * until it is answered. It knows nothing of who is killed when, and keeps what was asked and answered.
 */
import { pick, type Random, randomInt } from "@rosa2/shared/random";
import type { FeedbackResult, SessionDetail, TurnBody } from "../../edge/src/contract/index.ts";
import { drawRequest } from "../e2e/support/requests.ts";
import type { Caller } from "./caller.ts";

/** A call that was answered, to be made again. */
export interface Call {
  path: string;
  body: object;
  key: string;
  streams: boolean;
  /** What it made: a turn's id, or a feedback's. */
  id: string;
}

const exercisesMax = 2;

export class Conversation {
  readonly calls: Call[] = [];
  /** Turns as they were answered, retries among them. */
  readonly turns: TurnBody[] = [];
  readonly feedback: { id: string; turnId: string }[] = [];
  id = "";
  readonly #caller: Caller;
  readonly #random: Random;
  readonly #name: string;
  #keyCount = 0;

  /** `name` is in every key of the conversation, so it must be its own. */
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
    // Of a session that shows its dialogue the same request is another prompt each time.
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

  /** Asks once more for what was asked last, so that its reply can be compared. */
  async askAgain(): Promise<{ before: TurnBody; now: TurnBody }> {
    const before = this.turns.at(-1);
    if (before === undefined) throw new Error("Nothing was asked");
    return { before, now: await this.#ask(before.content) };
  }

  async #ask(content: string): Promise<TurnBody> {
    // Without chance, so that the same can be said again.
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

  /** `turnOf` is the turn whose deltas a stream of this call tells. */
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
