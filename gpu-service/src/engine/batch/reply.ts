/** One reply as it grows: next tokens in, text pieces out. It does not know the batch it is decoded in. */
import type { Sampling, TokenLogprob } from "@rosa2/shared/protocol";
import { answerOf } from "@rosa2/shared/thinking";
import type { SamplingDefaults } from "../../checkpoint/model-config.ts";
import type { NextToken } from "../../language-model.ts";
import type { Detokenizer } from "../../tokenizer/detokenizer.ts";
import type { ChatTokenizer } from "../../tokenizer/tokenizer.ts";
import type { Draws } from "./draws.ts";
import { RejectedReplies, type RejectedReply } from "./rejected.ts";
import { type AllowedTokens, type DrawnToken, type LogitBias, Sampler } from "./sampling.ts";
import { StopStrings } from "./stop-strings.ts";
import { Thought } from "./thought.ts";
import { TokenLog } from "./token-log.ts";

export interface ReplyOptions {
  sampling: Sampling & SamplingDefaults;
  draws: Draws;
  /** The reply's prompt; the repetition penalty applies to its tokens too. */
  prompt?: Int32Array;
  eosIds: readonly number[];
  /** The reply's longest length in tokens, its end token included. */
  tokensMax: number;
  /** Replies not to give again: as text, and as tokens with their log-probs where these are known. */
  rejected?: { texts: readonly string[]; scored: RejectedReply[] };
  /** The reply's shape; it binds the answer, not a thought before it. */
  constraint?: ReplyConstraint | null;
  /** Whether the reply begins with a thought. */
  thought?: "open" | "possible" | "none";
  /** Nobody reads the pieces. The text is then made once, at the end, unless it is needed earlier. */
  isWhole?: boolean;
}

/** The tokens that fit a shape; `prepare` must have ended before each token. */
export interface ReplyConstraint extends AllowedTokens {
  prepare(): Promise<void>;
  accept(id: number): void;
}

export interface ReplyPiece {
  /** The chosen token. */
  id: number;
  /** Text that is now final; may be empty. */
  text: string;
  /** Final text of a thought before the answer. */
  reasoning: string;
  /** The tokens that `text` consists of, if log-probs were asked for. */
  logprobs: TokenLogprob[] | undefined;
  finish: "stop" | "length" | null;
}

/** Tokens tried when one would complete a rejected reply. After that the rejected reply is given after all. */
const attemptsMax = 64;

export class Reply {
  readonly #options: ReplyOptions;
  readonly #sampler: Sampler;
  readonly #detokenizer: Detokenizer;
  readonly #stops: StopStrings;
  readonly #rejected: RejectedReplies | null;
  readonly #rejectedTexts: ReadonlySet<string>;
  /** Present if log-probs were asked for. */
  readonly #log: TokenLog | null;
  readonly #thought: Thought;
  #reasoning = "";
  #text = "";
  #tokenCount = 0;
  #logprob = 0;

  constructor(tokenizer: ChatTokenizer, options: ReplyOptions) {
    this.#options = options;
    this.#thought = new Thought(options.thought ?? "none");
    this.#log = options.sampling.top_logprobs === undefined ? null : new TokenLog(tokenizer);
    this.#sampler = new Sampler(options.sampling, options.draws, options.prompt);
    this.#detokenizer = tokenizer.detokenizer();
    this.#stops = new StopStrings(options.sampling.stop);
    this.#rejectedTexts = new Set(options.rejected?.texts.map(answerOf));
    this.#rejected = options.rejected ? new RejectedReplies(options.rejected.scored) : null;
  }

  get text(): string {
    return this.#text;
  }

  get #isWhole(): boolean {
    const { isWhole = false, sampling, thought = "none" } = this.#options;
    const isPlain = sampling.stop.length === 0 && thought === "none";
    return isWhole && isPlain && this.#log === null && this.#rejected === null;
  }

  /** A thinking model's thought before its reply; no part of the text. */
  get reasoning(): string {
    return this.#reasoning;
  }

  /** Tokens chosen so far, the end token included. */
  get tokenCount(): number {
    return this.#tokenCount;
  }

  /** Summed log-prob S of the chosen tokens at temperature 1 (nats). */
  get logprob(): number {
    return this.#logprob;
  }

  /** Whether `push` needs logits; otherwise the likeliest token is enough. */
  get needsLogits(): boolean {
    return this.#rejected !== null || this.#sampler.needsLogits || this.#constraint !== null;
  }

  /** Whether the next token can be drawn at once after the one before: no shape has to be prepared between them. */
  get isFree(): boolean {
    return (this.#options.constraint ?? null) === null;
  }

  /** Computes which tokens the reply's shape allows next; must end before `push`. */
  async prepare(): Promise<void> {
    await this.#constraint?.prepare();
  }

  get #constraint(): ReplyConstraint | null {
    const { constraint = null } = this.#options;
    return this.#thought.state === "thinking" ? null : constraint;
  }

  /** Chooses the next token. Must not be called after a piece with `finish`. */
  push(next: NextToken): ReplyPiece {
    const choice = this.#choose(next);
    this.#constraint?.accept(choice.id);
    this.#sampler.accept(choice);
    this.#rejected?.accept(choice.id);
    this.#tokenCount++;
    this.#logprob += choice.logprob;

    const isEnd = this.#options.eosIds.includes(choice.id);
    const before = this.#log === null ? this.#detokenizer : this.#detokenizer.clone();
    let decoded = "";
    if (!isEnd && this.#isWhole) this.#detokenizer.hold(choice.id);
    else if (!isEnd) decoded = this.#detokenizer.push(choice.id);
    const divided = this.#thought.push(decoded);
    const isAnswer = this.#thought.state === "answering" && divided.text === decoded;
    if (!isEnd && isAnswer) this.#log?.push(choice, before, decoded);
    let { reasoning } = divided;
    const piece = this.#stops.push(divided.text);
    const finish = this.#finish(isEnd, piece.stopped);
    let text = piece.text;
    if (finish !== null && !piece.stopped) {
      const held = this.#thought.push(this.#detokenizer.flush());
      const open = this.#thought.flush();
      reasoning += held.reasoning + open.reasoning;
      const rest = held.text + open.text;
      this.#log?.end(rest);
      const last = this.#stops.push(rest);
      text += last.text + (last.stopped ? "" : this.#stops.flush());
    }
    this.#text += text;
    this.#reasoning += reasoning;
    const logprobs = this.#takeLogprobs(finish !== null, piece.stopped);
    return { id: choice.id, text, reasoning, logprobs, finish };
  }

  #finish(isEnd: boolean, stopped: boolean): ReplyPiece["finish"] {
    if (isEnd || stopped) return "stop";
    return this.#tokenCount >= this.#options.tokensMax ? "length" : null;
  }

  /** The sampler's choice, or another one where that would complete a rejected reply. */
  #choose(next: NextToken): DrawnToken {
    const draw = this.#sampler.draw();
    const allowed = this.#constraint;
    if (this.#rejected === null) return this.#sampler.attempt(next, draw, undefined, allowed);
    const bias = new Map<number, number>(this.#rejected.bias());
    const first = this.#sampler.attempt(next, draw, bias, allowed);
    let choice = first;
    for (let attempt = 0; attempt < attemptsMax; attempt++) {
      if (!this.#completesRejected(choice.id)) return choice;
      bias.set(choice.id, -Infinity);
      choice = this.#sampler.attempt(next, draw, bias as LogitBias, allowed);
    }
    return first;
  }

  /**
   * Whether the reply would end with this token and equal a rejected one. Compared as text, because other tokens can
   * spell the same text, and a stop string or the length can cut it.
   */
  #completesRejected(id: number): boolean {
    if (this.#thought.state === "thinking") return false;
    const isEnd = this.#options.eosIds.includes(id);
    const isLast = isEnd || this.#tokenCount + 1 >= this.#options.tokensMax;
    const detokenizer = this.#detokenizer.clone();
    const stops = this.#stops.clone();
    let { text, stopped } = stops.push(isEnd ? "" : detokenizer.push(id));
    if (!stopped && !isLast) return false;
    if (!stopped) {
      const last = stops.push(detokenizer.flush());
      text += last.text + (last.stopped ? "" : stops.flush());
    }
    return this.#rejectedTexts.has(answerOf(this.#text + text));
  }

  /** Log-probs of the tokens whose text is out, at least partly; at the reply's own end, of all that remain. */
  #takeLogprobs(isEnded: boolean, isStopped: boolean): TokenLogprob[] | undefined {
    if (this.#log === null) return undefined;
    const bytes = Buffer.byteLength(this.#text);
    if (isEnded) this.#log.cut(bytes);
    return this.#log.take(bytes, isEnded && !isStopped);
  }
}
