/** The rules that German, French, Spanish and Italian share, given each language's words; what they miss is quoted as said. */
import { draft, type Locale, type Rule, type RuleContext, userWords } from "./rule.ts";

/** What one language needs for the shared set of rules. */
interface Phrasebook {
  shorter: RegExp;
  short: (words: number | null) => string;
  longer: RegExp;
  long: (words: number | null) => string;
  /** Group 1: the language's name, as said. */
  language: RegExp;
  answerIn: (language: string) => string;
  formal: RegExp;
  formalText: string;
  informal: RegExp;
  informalText: string;
  simpler: RegExp;
  simpleText: string;
  /** Group 1: a negation or nothing; then the form. */
  forms: [pattern: RegExp, value: string, wanted: string, unwanted: string][];
  /** Ends in words that speak against the form after them: "too many", "leave out the". */
  against: RegExp;
  /** Group 1: a bound or nothing; 2: number; 3: unit. */
  count: RegExp;
  countText: (bound: string | undefined, count: string, unit: string) => string;
  /** Group 1: wanted; 2: unwanted. */
  contrast: RegExp;
  /** A verb in what seems wanted makes it a statement: "that is not good". */
  statement: RegExp;
  contrastText: (wanted: string, unwanted: string) => string;
  /** Group 1: what is meant. */
  meant: RegExp;
  meantText: (wanted: string) => string;
  /** Group 1: the verb as said; 2: the words. */
  content: RegExp;
  without: RegExp;
  withoutText: (what: string) => string;
}

export function rulesOf(book: Phrasebook): Pick<Locale, "rules" | "styleRules"> {
  const sized = (context: RuleContext, factor: number) =>
    context.replyWords < 8 ? null : Math.round(context.replyWords * factor);
  const styleRules: Rule[] = [
    { pattern: book.language, read: (m) => draft("language", m[1]!, book.answerIn(m[1]!)) },
    {
      pattern: book.count,
      read: (m) => draft("length", m[0], book.countText(m[1], m[2]!, m[3]!), { scope: "turn" }),
    },
    {
      pattern: book.shorter,
      read: (_, c) =>
        draft("length", "short", book.short(sized(c, 0.5)), { later: book.short(null) }),
    },
    {
      pattern: book.longer,
      read: (_, c) => draft("length", "long", book.long(sized(c, 1.5)), { later: book.long(null) }),
    },
    ...book.forms.map(
      ([pattern, value, wanted, unwanted]): Rule => ({
        pattern,
        read: (m) => {
          const negated = m[1] !== undefined || book.against.test(m.input!.slice(0, m.index));
          return draft("form", value, negated ? unwanted : wanted, { negated });
        },
      }),
    ),
    { pattern: book.informal, read: () => draft("tone", "informal", book.informalText) },
    { pattern: book.formal, read: () => draft("tone", "formal", book.formalText) },
    { pattern: book.simpler, read: () => draft("audience", "simple", book.simpleText) },
  ];
  const contentRules: Rule[] = [
    {
      pattern: book.contrast,
      read: (m) =>
        book.statement.test(m[1]!)
          ? null
          : draft("value", m[1]!, book.contrastText(userWords(m[1]!), userWords(m[2]!)), {
              scope: "turn",
            }),
    },
    {
      pattern: book.meant,
      read: (m) => draft("value", m[1]!, book.meantText(userWords(m[1]!)), { scope: "turn" }),
    },
    {
      pattern: book.without,
      read: (m) => draft("content", m[0], book.withoutText(userWords(m[1]!)), { scope: "turn" }),
    },
    {
      pattern: book.content,
      read: (m) => {
        const verb = m[1]!.charAt(0).toUpperCase() + m[1]!.slice(1);
        return draft("content", m[0], `${verb} ${userWords(m[2]!)}.`, { scope: "turn" });
      },
    },
  ];
  return { styleRules, rules: [...styleRules, ...contentRules] };
}

/** A stretch of the user's words, and where it must end. */
export const words = "([^.;,!?\\n\\ue000]{1,80}?)";
export const end = "(?=\\s*(?:[.;,!?\\n\\ue000]|$))";
/** Words by blanks. */
export const set = (list: string) => new Set(list.split(" "));
