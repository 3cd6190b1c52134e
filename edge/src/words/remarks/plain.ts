/** A remark's wish before it has an id and a turn, and the form of a language's plain instructions. */

/** What a remark is read against. */
export interface RemarkContext {
  request: string;
  /** Words in the reply that the remark is about; 0 without a reply. */
  replyWords: number;
}

export interface Draft {
  /** Constraints of one topic replace each other, unless the topic stacks. */
  topic: string;
  /** The wish within the topic, in lower case, so that a later "not that" finds it. */
  value: string;
  negated: boolean;
  /** The sentence added below the request: the user's own, or that of a plain instruction. */
  text: string;
  /** `session` also holds for later requests; `turn` for this turn only. */
  scope: "turn" | "session";
  /** A number of the request that the user corrects: the whole stretch as said, and as it is now. */
  replaces?: { from: string; to: string };
}

/** One instruction about the reply that a part of a remark consists of. */
export interface Plain {
  /** Anchored at both ends; flags `iu`. */
  pattern: RegExp;
  read: (match: RegExpMatchArray, context: RemarkContext) => Draft;
}

/** A language's plain instructions; anything that they do not cover word for word is quoted. */
export interface PlainLanguage {
  /** Words around an instruction that add nothing to it. */
  before: RegExp;
  after: RegExp;
  plain: readonly Plain[];
}

export function asks(topic: string, value: string, text: string, negated = false): Draft {
  return { topic, value: value.toLowerCase(), negated, text, scope: "turn" };
}

export function plain(source: string, read: Plain["read"]): Plain {
  return { pattern: new RegExp(`^(?:${source})$`, "iu"), read };
}

/** From this many words on, "shorter" and "longer" can be given as figures. */
const countedWordsMin = 20;

/** Words of a reply that is shorter (.6) or longer (1.5) than this one; null if the reply is too short to say. */
export function wordsFor({ replyWords }: RemarkContext, factor: number): number | null {
  return replyWords < countedWordsMin ? null : Math.max(5, Math.round(replyWords * factor));
}
