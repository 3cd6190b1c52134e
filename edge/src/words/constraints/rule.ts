/** The shape of a rule that turns what people say about a reply into a constraint on the next one. */
import { neutraliseNote } from "../neutralise.ts";

/** What a rule may look at besides its own match. */
export interface RuleContext {
  request: string;
  /** The text that is read is the request itself. */
  isRequest?: true;
  /** Words in the reply that the feedback is about; 0 when there is none. */
  replyWords: number;
  reply: string;
}

/** A constraint before it gets an id, a turn and a scope. */
export interface Draft {
  /** Constraints of one topic replace each other, unless the topic stacks. */
  topic: string;
  /** What is asked for, so that a later "not that" finds it. */
  value: string;
  negated: boolean;
  /** The sentence added to the request. */
  text: string;
  /** The sentence for later requests, where it differs. */
  later?: string;
  scope: "turn" | "session";
}

/** One pattern and what it means; null lets the words through to later rules. */
export interface Rule {
  /** Must match too: a quick look before a long pattern. Without the flag `g`. */
  anchor?: RegExp;
  pattern: RegExp;
  read: (match: RegExpMatchArray, context: RuleContext) => Draft | null;
}

/** One language's rules. */
export interface Locale {
  id: string;
  /** Words that give the language away. */
  stopwords: ReadonlySet<string>;
  /** Rules of style and figures, then of content; earlier rules take their words first. */
  rules: readonly Rule[];
  /** Those of the rules that a request may settle for itself. */
  styleRules: readonly Rule[];
  /** Words without a request of their own: "no", "please", "that is wrong". */
  filler: RegExp;
  /** Promotes a constraint to the whole session: "always", "from now on". */
  always: RegExp;
  /** Keeps a constraint to this turn: "this time". */
  once: RegExp;
  /** Words for a remark that no rule understands. */
  quote: (remark: string) => string;
}

/** Topics of which several constraints can hold at once. */
const stacking = new Set(["content", "note", "value", "emphasis"]);

export function stacks(topic: string): boolean {
  return stacking.has(topic);
}

/** Words that try to steer the model rather than the reply; such text is only ever quoted. */
export const steering =
  /\b(?:ignore|disregard|forget|overrid\w*|bypass|previous|prior|above|system|prompt|instructions?|developer|jailbreak\w*|pretend|act as|role-?play|you are|you're now|reveal|password|secret|api[- ]?key|execute|eval|admin\w*|sudo|tool|function|assistant|DAN)\b/iu;

/** The user's own words inside a sentence of ours: neutral, and in quotation marks unless short and harmless. */
export function userWords(text: string, charsMax = 160): string {
  const neutral = neutraliseNote(text, charsMax)
    .replace(/^[\s,;:.!?–—-]+|[\s,;:!?–—-]+$/gu, "")
    .replace(/(?<!\d)\.$/u, "");
  const short = neutral.split(/\s+/u).length <= 6;
  return short && !steering.test(neutral) ? neutral : quote(neutral);
}

/** Text in quotation marks, none inside that could close them. */
export function quote(text: string): string {
  return `“${text.replace(/[“”„‟"«»]/gu, "'").replace(/^'+|'+$/gu, "")}”`;
}

export function draft(
  topic: string,
  value: string,
  text: string,
  extra: Partial<Draft> = {},
): Draft {
  return { topic, value: value.toLowerCase(), text, negated: false, scope: "session", ...extra };
}
