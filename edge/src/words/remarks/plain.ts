/** What a remark asks for before it gets an id and a turn, and the shape of a language's plain instructions. */

/** What a remark may be read against. */
export interface RemarkContext {
  request: string;
  /** Words in the reply that the remark is about; 0 when there is none. */
  replyWords: number;
}

export interface Draft {
  /** Constraints of one topic replace each other, unless the topic stacks. */
  topic: string;
  /** What is asked for within the topic, in lower case, so that a later "not that" finds it. */
  value: string;
  negated: boolean;
  /** The sentence added below the request: the user's own, or what a plain instruction says. */
  text: string;
  /** `session` holds for later requests too; `turn` for this turn only. */
  scope: "turn" | "session";
  /** A number of the request that the user takes back: the whole stretch as said, and as it is now. */
  replaces?: { from: string; to: string };
}

/** One instruction about the reply, as the only thing that a part of a remark says. */
export interface Plain {
  /** Anchored at both ends; flags `iu`. */
  pattern: RegExp;
  read: (match: RegExpMatchArray, context: RemarkContext) => Draft;
}

/** A language's plain instructions; whatever they do not cover word for word is quoted. */
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

/** Words of a reply of which "shorter" and "longer" can be put in figures. */
const countedWordsMin = 20;

/** Words that a shorter (.6) or longer (1.5) reply than this one has; null where the reply is too short to say. */
export function wordsFor({ replyWords }: RemarkContext, factor: number): number | null {
  return replyWords < countedWordsMin ? null : Math.max(5, Math.round(replyWords * factor));
}
