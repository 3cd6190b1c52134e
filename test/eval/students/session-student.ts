/** A session of the API as a student: its mode sets what adapts, and its retries never repeat a rejected reply. */
import type {
  Adaptation,
  Api,
  FeedbackAnswer,
  FeedbackInput,
  Sampling,
  TurnAnswer,
} from "../api.ts";
import type { Problem } from "../problem.ts";
import { countWords, nothingSpent, type Reply, type Spent, type Student } from "./student.ts";

interface SessionOptions {
  adaptation: Adaptation;
  sampling: Sampling;
  instructions: string | null;
  title: string;
  /** The user says all that they mean: perfect words. */
  isSpelledOut?: boolean;
}

export class SessionStudent implements Student {
  readonly spent: Spent = nothingSpent();
  readonly #api: Api;
  readonly #session: string;
  readonly #sampling: Sampling;
  readonly #wordsAdapt: boolean;
  readonly #weightsMove: boolean;
  readonly #isSpelledOut: boolean;
  readonly #shifts = new Map<string, number>([["base", 0]]);
  #turn: TurnAnswer | null = null;

  private constructor(
    api: Api,
    session: string,
    { sampling, adaptation, isSpelledOut = false }: SessionOptions,
  ) {
    this.#api = api;
    this.#session = session;
    this.#sampling = sampling;
    this.#wordsAdapt = adaptation.mode === "both" || adaptation.mode === "words";
    this.#weightsMove = adaptation.mode === "both" || adaptation.mode === "weights";
    this.#isSpelledOut = isSpelledOut;
  }

  static async open(api: Api, options: SessionOptions): Promise<SessionStudent> {
    const { adaptation, instructions, title } = options;
    const body = { title, adaptation, ...(instructions === null ? {} : { instructions }) };
    return new SessionStudent(api, await api.createSession(body), options);
  }

  async ask(problem: Problem): Promise<Reply> {
    const { request } = this.#isSpelledOut ? (problem.clear ?? problem) : problem;
    const startedAt = performance.now();
    const turn = await this.#api.turn(this.#session, { content: request, ...this.#sampling });
    this.spent.replyMs.push(performance.now() - startedAt);
    this.#pay(turn.cost.usd);
    return this.#take(turn);
  }

  async retry(comment: string): Promise<Reply> {
    const { turn } = await this.#say({ reward: -1, text: comment, retry: true });
    if (turn === undefined) throw new Error("Feedback with a retry came back without a turn");
    return this.#take(turn);
  }

  async accept(): Promise<void> {
    await this.#say({ reward: 1, retry: false });
  }

  async giveUp(comment: string, correction: string | null): Promise<void> {
    const corrected = correction === null ? {} : { correction };
    await this.#say({ reward: -1, text: comment, ...corrected, retry: false });
  }

  /** A turn without feedback teaches nothing; in a session of context `request` it is not even read again. */
  async probe(request: string): Promise<string> {
    const turn = await this.#api.turn(this.#session, { content: request, ...this.#sampling });
    return turn.reply;
  }

  async close(): Promise<void> {
    await this.#api.deleteSession(this.#session);
  }

  async #say(body: FeedbackInput): Promise<FeedbackAnswer> {
    const answer = await this.#api.feedback(this.#session, this.#current().id, body);
    const { weights, words } = answer;
    if (weights.generation !== undefined) {
      this.#shifts.set(weights.generation, weights.shift_norm ?? 0);
    }
    if (weights.decision === "updated" && weights.ms != null) this.spent.updateMs.push(weights.ms);
    if (weights.decision === "rejected") this.spent.updatesRejected++;
    countWords(this.spent, words, this.#wordsAdapt && body.reward < 0);
    this.#pay(answer.cost.usd);
    return answer;
  }

  #take(turn: TurnAnswer): Reply {
    this.#turn = turn;
    this.spent.promptTokens += turn.usage?.prompt_tokens ?? 0;
    this.spent.completionTokens += turn.usage?.completion_tokens ?? 0;
    return { text: turn.reply, shift: this.#weightsMove ? this.#shiftOf(turn.generation) : null };
  }

  #shiftOf(generation: string): number {
    const shift = this.#shifts.get(generation);
    if (shift === undefined) throw new Error(`No feedback made the generation ${generation}`);
    return shift;
  }

  #current(): TurnAnswer {
    if (this.#turn === null) throw new Error("Cannot give feedback before the first request");
    return this.#turn;
  }

  #pay(usd: number): void {
    this.spent.costUsd += usd;
  }
}
