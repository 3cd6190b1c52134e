/** English rules on how the reply is written: its language, length, form, tone and reader. */
import { filler } from "./english-filler.ts";
import { draft, type Rule, type RuleContext, userWords } from "./rule.ts";

const numeral =
  "(?:\\d[\\d,]*|an?|one|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|fifteen|twenty|thirty|fifty|a hundred|a couple of|a few|a single|a dozen)";
const lengthUnit =
  "(?:words?|characters?|chars|letters|sentences?|lines?|paragraphs?|bullets?|bullet points?|points|pages?|verses?|stanzas?|syllables?|minutes? read|minutes?(?= (?:long|max|speech|talk|video)))";
const countUnit =
  "(?:items?|examples?|options?|ideas?|names?|tips?|questions?|reasons?|steps?|suggestions?|alternatives?|results?|recipes?|facts?|sections?|titles?|columns?|rows?)";

const languages =
  "English|French|German|Spanish|Italian|Portuguese|Dutch|Danish|Swedish|Norwegian|Finnish|Polish|Czech|Slovak|Hungarian|Romanian|Bulgarian|Greek|Turkish|Russian|Ukrainian|Serbian|Croatian|Arabic|Hebrew|Persian|Farsi|Hindi|Urdu|Bengali|Tamil|Telugu|Punjabi|Thai|Vietnamese|Indonesian|Malay|Tagalog|Korean|Japanese|Chinese|Mandarin|Cantonese|Swahili|Latin|Catalan|Basque|Welsh|Irish|Icelandic|Estonian|Latvian|Lithuanian|Slovenian|Afrikaans|Esperanto|Yoruba|Zulu|Amharic|Georgian|Armenian|Albanian|Mongolian|Nepali";
const variants =
  "(?:British|American|US|UK|Australian|Canadian|Brazilian|European|Mexican|Latin American|Swiss|Austrian|simplified|traditional|simple|plain|formal|proper|modern|old)";
const languageName = new RegExp(languages, "iu");
const language = `(?:${variants}\\s+)?(?:${languages})`;

const not =
  "(?:not(?: as| in| with)?(?: an?| the| any)?|no(?: more)?|without(?: an?| the| any| all(?: the)?)?|(?:don['’]?t|do not) (?:use|want|need|give me|make it|add|include|write|put)(?: an?| the| any| in)?|stop (?:using|adding|with)(?: the| any)?|never use|avoid(?: the| using)?|instead of(?: an?| the)?|rather than(?: an?| the)?|(?:drop|remove|skip|lose|cut|delete|ditch|omit)(?: the| all(?: the)?| your| any)?|get rid of(?: the| all)?|leave out(?: the)?|too many|fewer|less|enough with the)";
const use =
  "(?:(?:as|in|into|with|use|using|make (?:it|this|that)|put (?:it|them|this) in(?:to)?|give me|give it (?:to me )?(?:as|in)|i want(?:ed)?|want(?:ed)?|i need|format(?:ted)?(?: it| this| them)?(?: as)?|turn (?:it|this|that) into|convert (?:it|this|that) (?:in)?to|show (?:it|them) (?:as|in)|write (?:it )?(?:as|in)|return|output|add|be)\\s+)?";
const article =
  "(?:an?\\s+|the\\s+|some\\s+|more\\s+)?(?:proper |simple |nice |markdown |short |clean |valid |raw |real )?";

/** Forms of the whole reply; one replaces another. */
const forms: [pattern: string, value: string, phrase: string][] = [
  ["tables?(?! of)", "table", "a table"],
  ["(?:bullet(?:ed)?(?:[ -]?points?|[ -]?lists?)?|bullets)", "bullets", "bullet points"],
  ["numbered(?:[ -]?(?:list|points?))?", "numbered", "a numbered list"],
  ["(?:lists?(?! (?:of|the|them|all|only|more|every))|listing)", "list", "a list"],
  [
    "(?:prose|running text|full sentences|(?:normal |full )?paragraphs|continuous text)",
    "prose",
    "prose",
  ],
  ["json(?: (?:object|array))?", "json", "JSON"],
  ["ya?ml", "yaml", "YAML"],
  ["csv", "csv", "CSV"],
  ["xml", "xml", "XML"],
  ["html", "html", "HTML"],
  ["la?tex\\b", "latex", "LaTeX"],
  ["plain text", "plain", "plain text"],
  ["markdown", "markdown", "Markdown"],
  ["(?:code ?blocks?)", "code", "a code block"],
  ["(?:haikus?|limericks?|sonnets?)", "verse", "$"],
  ["poems?", "poem", "a poem"],
  ["(?:e-?mails?)", "email", "an email"],
  ["letters?(?= format|$)", "letter", "a letter"],
  ["tweets?", "tweet", "a tweet"],
  ["(?:dialogues?|conversations?)", "dialogue", "a dialogue"],
  ["step[ -]by[ -]step(?: (?:instructions?|guide))?", "steps", "step-by-step instructions"],
  ["comma[ -]separated(?: (?:list|values))?", "commas", "comma-separated values"],
];
/** Ornaments that come with or without. */
const ornaments =
  "emojis?|emoticons|headings?|headers?|subheadings?|titles?|bold(?: text)?|italics|hashtags?|exclamation (?:marks|points)|quotes|quotation marks|brackets|parentheses|links?|footnotes?|citations?|abbreviations|acronyms|contractions|jargon|slang|swear ?words|semicolons|em[ -]?dashes|dashes|comments|rhymes?|metaphors?|clich[eé]s|adjectives|passive voice|buzzwords|greetings?|examples?";
/** Parts of a reply that people ask to leave out. */
const parts =
  "intro(?:duction)?s?|preambles?|explanations?|disclaimers?|warnings?|apolog(?:y|ies)|conclusions?|summar(?:y|ies)|signature|sign-off|pleasantries|small talk|caveats?|follow-?up questions?|commentary|fluff|filler";

const tones =
  "formal|informal|casual|friendly|professional|polite|rude|funny|humorous|serious|(?<!gender[ -])neutral|enthusiastic|excited|warm|cold|soft|gentle|direct|blunt|confident|academic|scientific|poetic|sarcastic|ironic|empathetic|dramatic|playful|persuasive|salesy|pushy|aggressive|optimistic|pessimistic|positive|negative|natural|robotic|creative|conversational|businesslike|business-like|objective|personal|flowery|dry|emotional|cheesy|sober|diplomatic|respectful|upbeat|childish";
/** Comparatives of one word, and the tone that they ask for. */
const comparatives: Record<string, string> = {
  friendlier: "friendly",
  warmer: "warm",
  softer: "soft",
  gentler: "gentle",
  funnier: "funny",
  nicer: "friendly",
  kinder: "kind",
  politer: "polite",
  blunter: "blunt",
  drier: "dry",
  "less cold": "warm",
};
const degree = "(?:a (?:little |tiny )?bit |a little |much |way |far |even |slightly |somewhat )?";

export const styleRules: readonly Rule[] = [
  // Language
  {
    anchor: languageName,
    pattern: new RegExp(
      `\\b(?:in |use )?(${language}),?\\s+(?:and )?(?:not|instead of|rather than)(?: in)? (${language})\\b`,
      "giu",
    ),
    read: (m) => draft("language", m[1]!, `Answer in ${m[1]}, not in ${m[2]}.`),
  },
  {
    anchor: languageName,
    pattern: new RegExp(
      `\\b(?:not|don['’]?t (?:answer|write|reply|speak)) in(?:to)? (${language})\\b`,
      "giu",
    ),
    read: (m) => draft("language", m[1]!, `Do not answer in ${m[1]}.`, { negated: true }),
  },
  {
    pattern: /\b(?:use |with |in )?(British|American|US|UK|Australian|Canadian) spelling\b/giu,
    read: (m) => draft("spelling", m[1]!, `Use ${m[1]} spelling.`),
  },
  {
    anchor: languageName,
    pattern: new RegExp(
      `(?:\\b(?:(?:reply|answer|write|respond|say|speak|explain|do)\\s+(?:it\\s+|this\\s+|that\\s+|to me\\s+)?in|translat\\w*\\s+(?:it\\s+|this\\s+|that\\s+|them\\s+)?(?:in)?to|into|in|to|use|i (?:meant?|said|want(?:ed)?|asked for))\\s+|(?<=^|[,;.!:]\\s*|\\bno\\s+))(${language})\\b(?=\\s*(?:please|instead|version|translation|this time|now|only|and|but|$|[,;.!?]))`,
      "giu",
    ),
    read: (m, context) => {
      const wanted = m[1]!.replace(
        /\p{L}+$/u,
        (name) => name.charAt(0).toUpperCase() + name.slice(1),
      );
      const other = otherLanguage(context.request, wanted);
      return other === null
        ? draft("language", wanted, `Answer in ${wanted}.`)
        : draft("language", wanted, `Use ${wanted} instead of ${other}.`, { scope: "turn" });
    },
  },
  // Length
  {
    pattern: new RegExp(
      `(?:\\b(?:in|use|using|to|write|make it|keep it(?: to)?|limit (?:it|this) to|cut (?:it )?(?:down )?to|give me|i (?:want|need)(?:ed)?)\\s+)?\\b((?:at most|no more than|not more than|max(?:imum)?(?: of)?|under|below|less than|fewer than|up to|within|at least|a minimum of|no less than|more than|over|exactly|precisely|around|about|roughly|approximately|only|just)\\s+)?((?:(?:between|from)\\s+)?(?:${numeral}(?:\\s*[-–]\\s*|\\s+(?:and|to|or)\\s+)){1,3})?(${numeral})[ -](?:(?:short|long|simple|single|more|other|different|full|concrete)\\s+)?(${lengthUnit}|${countUnit})\\b(\\s+(?:max(?:imum)?|or (?:less|fewer|more)|at most|at least|tops|minimum|only|long))?(\\s+(?:each|per \\w+))?`,
      "giu",
    ),
    read: (m) => {
      const unit = m[4]!.toLowerCase();
      const bound = boundOf(m[1], m[5]);
      const isLength = new RegExp(`^${lengthUnit}$`, "iu").test(unit);
      const adjective =
        /\b(?:short|simple|different|full|concrete|more|other) /iu.exec(m[0])?.[0] ?? "";
      const verb = isLength ? "Use" : "Give";
      return draft(
        isLength ? "length" : `count:${unit.replace(/s$/u, "")}`,
        m[0],
        `${verb} ${bound}${m[2] ?? ""}${m[3]} ${adjective}${m[4]}${m[6] ?? ""}.`,
        { scope: "turn" },
      );
    },
  },
  {
    pattern: /\bhalf (?:as long|the length|of (?:it|that))\b|\bcut (?:it|this|that) in half\b/giu,
    read: (_, context) => shorter(context, 0.5),
  },
  {
    pattern: /\b(?:twice|double|two times) (?:as long|the length)\b/giu,
    read: (_, context) => longer(context, 2),
  },
  {
    pattern: new RegExp(
      `\\b(?:make (?:it|this|that) |keep it |be |write |it['’]?s |that['’]?s |this is |far |way |still )*(?:(${degree})(?:shorter|brief(?:er)?|more (?:concise|brief|succinct|compact|to the point)|less (?:wordy|verbose|long|text|detail(?:ed)?)|simpler and shorter|crisper|tighter)|(?:way |far |much |a bit |still )?(?:too|2) (?:long|wordy|verbose|detailed|much (?:text|detail|information|info))|tl;?dr|concise(?:ly)?|succinct(?:ly)?|(?<!\\b(?:too|so|that|very|really|quite|rather|pretty|it['’]?s|that['’]?s|is|was)\\s)short(?: (?:answer|version|and (?:sweet|simple)))?(?= please|[.,;!]|$)|summari[sz]e (?:it|this|that)|shorten(?: (?:it|this|that))?|condense(?: it| this)?|trim (?:it|this)(?: down)?|get to the point|less text|cut (?:it|this) down|keep it short)\\b`,
      "giu",
    ),
    read: (m, context) =>
      isTurnedDown(m)
        ? asLong(context)
        : shorter(
            context,
            /\b(?:much|way|far)\b/iu.test(m[0])
              ? 0.3
              : /bit|little|slightly/iu.test(m[0])
                ? 0.75
                : 0.5,
          ),
  },
  {
    pattern: new RegExp(
      `\\b(?:make (?:it|this|that) |be |it['’]?s |that['’]?s |this is |way |in )*(?:${degree}(?:longer|more (?:detailed|in[ -]depth|elaborate|thorough|comprehensive|extensive|details?|depth))|(?:way |far |much |a bit |still )?too (?:short|brief|superficial|shallow)|elaborate(?: (?:on (?:it|this|that)|more))?|expand(?: (?:on (?:it|this|that)|it|this))?(?= please|[.,;!]|$)|in (?:more )?(?:detail|depth)|not (?:detailed|long) enough|go deeper|detailed(?= please|[.,;!]|$))\\b`,
      "giu",
    ),
    read: (m, context) => (isTurnedDown(m) ? asLong(context) : longer(context, 1.5)),
  },
  // Form
  ...forms.map(
    ([pattern, value, phrase]): Rule => ({
      anchor: new RegExp(pattern, "iu"),
      pattern: new RegExp(
        `\\b(?:(${not})\\s+)?${use}${article}(${pattern})(?: (?:format|form|style))?\\b(\\s+(?:is|are|was|were)\\s+(?:wrong|bad|not)\\b)?`,
        "giu",
      ),
      read: (m, { isRequest }) => {
        if (m[1] === undefined && isRequest !== true && isObjectOfOther(m)) return null;
        const said = phrase === "$" ? `a ${m[2]!.toLowerCase().replace(/s$/u, "")}` : phrase;
        // "That is not a table" complains that there is none.
        const complains =
          /(?:\b(?:that|this|it)(?:['’]s| is| was)|\bisn['’]t|\bwasn['’]t)\s*$/iu.test(
            m.input?.slice(0, m.index) ?? "",
          );
        return complains || (m[1] === undefined && m[3] === undefined)
          ? draft("form", value, `Write it as ${said}.`.replace("as prose", "in prose"))
          : draft("form", value, `Do not use ${said}.`, { negated: true });
      },
    }),
  ),
  {
    pattern: /\b(?:one|each)(?: item)? (?:per|on (?:its|a) (?:own|separate|new)) line\b/giu,
    read: (m) => draft("separator", m[0], "Put one item on each line."),
  },
  {
    pattern:
      /\bseparated? (?:it |them )?(?:by|with) (?:a )?(commas?|semicolons?|spaces?|tabs?|line breaks?|new ?lines?|pipes?)\b/giu,
    read: (m) => draft("separator", m[1]!, `Separate the items with ${m[1]}.`),
  },
  {
    anchor: new RegExp(`${ornaments}|${parts}`, "iu"),
    pattern: new RegExp(
      `\\b(${not})\\s+(?:so many |all those |all the |those |that |these )?((?:${ornaments}|${parts})(?:(?:,? (?:and|or) |, )(?:the )?(?:${ornaments}|${parts}))*)\\b`,
      "giu",
    ),
    read: (m) => {
      const what = m[2]!.toLowerCase();
      const few = /fewer|less|too many/iu.test(m[1]!);
      const isPart = new RegExp(`^(?:${parts})$`, "iu").test(what);
      const text = few
        ? `Use fewer ${what}.`
        : `${isPart ? "Leave out the" : "Do not use"} ${what}.`;
      return draft(`ornament:${what}`, what, text, { negated: true });
    },
  },
  {
    pattern:
      /\b(?:use|add|with|include)\s+(?:some |more |a few )?(emojis?|headings?|subheadings?|bold(?: text)?|italics|hashtags?|citations?|comments|rhymes?|metaphors?)\b/giu,
    read: (m) => draft(`ornament:${m[1]!.toLowerCase()}`, m[1]!, `Use ${m[1]}.`),
  },
  {
    pattern:
      /\b(?:just|only)(?: give me| show me| want| need| return| output)? the (answer|code|number|result|names?|list|list of names|translation|final answer|command|value|word|letter|title|titles|table|json)(?: please)?\b|(?<=^|[,;.!]\s*|please\s+|the\s+)(answer|code|names|translation|titles) only\b/giu,
    read: (m) => draft("only", m[1] ?? m[2]!, `Give only the ${m[1] ?? m[2]}, nothing else.`),
  },
  // Reader
  {
    pattern:
      /\b(?:like i['’]?m (?:five|5)|eli5|for a (?:five|5)[ -]year[ -]old)\b|\b(?:explain (?:it|this) )?(?:as if|like) i (?:was|were|am) (?:five|5)(?: years old)?/giu,
    read: () => draft("audience", "five", "Explain it as to a five-year-old child."),
  },
  {
    pattern:
      /\b(?:(?:make it |write it |write |explain it |it['’]?s |this is |meant |suitable |aimed |fit |readable )(?:suitable )?)?(?:for|at)\s+((?:an? |my |the )?(?:(?:complete |absolute |small |young |older |non-?technical |technical |general |professional |ten|8|9|10|11|12|six|seven|eight|nine|twelve)[ -]?(?:year[ -]olds?)?\s*)*(?:child(?:ren)?|kids?|toddlers?|teen(?:ager)?s?|adults?|beginners?|experts?|students?|engineers?|developers?|programmers?|doctors?|patients?|lawyers?|managers?|executives?|investors?|customers?|clients?|colleagues?|boss|teacher|team|mother|mom|mum|father|dad|grand(?:mother|father|ma|pa)|parents?|audience|readers?|people|layperson|laymen|lay people|public|scientists?|tourists?|seniors?|newbies|novices|year[ -]olds?)(?: (?:who|without|with)[^.;,!?\ue000]{1,60})?)\b/giu,
    read: (m) => draft("audience", m[1]!, `Write it for ${userWords(m[1]!)}.`),
  },
  {
    pattern:
      /\b(?:(?:use |in )?(?:much |a bit |even )?(?:simpl(?:er|e)|easier|plainer|basic)(?: (?:words|terms|language|english|explanation))|(?:make it |keep it )?(?:much |a bit |even )?(?:simpler|easier(?: to (?:read|understand|follow))?)|(?:less|too|not so) (?:technical|complicated|complex|difficult|hard(?: to (?:read|understand))?)|in plain english|layman['’]?s terms|dumb it down|simplify(?: (?:it|this|that))?|i (?:don['’]?t|do not|didn['’]?t) understand(?: (?:it|this|that|a word))?)\b/giu,
    read: () => draft("audience", "simple", "Use simple words and no jargon."),
  },
  {
    pattern:
      /\b(?:more (?:technical|advanced|precise language)|too (?:simple|basic|childish|simplistic))\b/giu,
    read: () => draft("audience", "technical", "Write it for readers who know the field."),
  },
  // Tone and person
  {
    anchor: new RegExp(tones, "iu"),
    pattern: new RegExp(
      `\\b(?:(?:make (?:it|this|that)|be|sound|it['’]?s|that['’]?s|keep it|it sounds?)\\s+)?(?:${degree})(less|too|not (?:quite |nearly )?as|not so|not that|not)\\s+(${tones})(?:\\s+(?:tone|and (?:more )?(?:${tones})))?\\b(?!\\s+(?:enough|numbers?|integers?|values?|feedback|reviews?))`,
      "giu",
    ),
    read: (m) => {
      const word = m[2]!.toLowerCase();
      const rest = /and (?:more )?(\w+)$/iu.exec(m[0])?.[1];
      return draft(
        "tone",
        word,
        `Use a less ${word}${rest === undefined || rest.toLowerCase() === word ? "" : ` and more ${rest}`} tone.`,
        { negated: true },
      );
    },
  },
  {
    anchor: new RegExp(tones, "iu"),
    pattern: new RegExp(
      `\\b(?:(?:make (?:it|this|that)|be|sound|keep it|use an?|in an?|with an?|write it)\\s+)?(?:${degree})(?:(more|not)\\s+)?(${tones})(?:\\s*(?:,|and)\\s*(?:more )?(${tones}))?(?:\\s+(?:tone|voice|style|enough))?\\b(?!\\s+(?:numbers?|integers?|values?|feedback|reviews?|letters?|emails?|english|questions?|reply|person))`,
      "giu",
    ),
    read: (m) =>
      draft(
        "tone",
        m[2]!,
        `Use a ${[m[2], m[3]].filter(Boolean).join(" and ").toLowerCase()} tone.`,
      ),
  },
  {
    pattern: new RegExp(
      `\\b(?:(?:make (?:it|this|that)|be|sound)\\s+)?(?:${degree})(${Object.keys(comparatives).join("|")})\\b`,
      "giu",
    ),
    read: (m) => {
      const tone = comparatives[m[1]!.toLowerCase()] ?? m[1]!;
      return draft("tone", tone, `Use a ${tone} tone.`);
    },
  },
  {
    pattern:
      /\b(?:in |use |write (?:it )?in )?(?:the )?(first|second|third) person(?: (?:singular|plural))?\b/giu,
    read: (m) =>
      draft("person", m[1]!, `Write in the ${m[1]!.toLowerCase()} person.`, { scope: "turn" }),
  },
  {
    pattern: /\b(?:in |use |write (?:it )?in )?(?:the )?(past|present|future) tense\b/giu,
    read: (m) =>
      draft("tense", m[1]!, `Write in the ${m[1]!.toLowerCase()} tense.`, { scope: "turn" }),
  },
  {
    pattern: /\b(?:in |use |using )?(?:the )?(active|passive) voice\b/giu,
    read: (m) => draft("voice", m[1]!, `Use the ${m[1]!.toLowerCase()} voice.`),
  },
];

function boundOf(before: string | undefined, after: string | undefined): string {
  const said = `${before ?? ""} ${after ?? ""}`.toLowerCase();
  if (/at most|no more|not more|max|under|below|less|fewer|up to|within|tops/u.test(said))
    return "at most ";
  if (/at least|minimum|more|over/u.test(said)) return "at least ";
  if (/exactly|precisely|only|just/u.test(said)) return "exactly ";
  if (/around|about|roughly|approx/u.test(said)) return "about ";
  return "";
}

/** "Don't make it shorter": the words before a comparative turn it down; "not too long" is none. */
function isTurnedDown(match: RegExpMatchArray): boolean {
  if (/\btoo\b/iu.test(match[0])) return false;
  const before = match.input?.slice(0, match.index) ?? "";
  return /\b(?:don['’]?t|do not|not|never|no need to)\s+(?:(?:make|be|get|write|keep)\s+)?(?:(?:it|this|that)\s+)?(?:any\s+)?$/iu.test(
    before,
  );
}

/**
 * Whether a form is named in passing: "must handle an empty list" and "the list is incomplete" ask for no list.
 * A form that is asked for stands alone in its clause, but for words that say nothing.
 */
function isObjectOfOther(match: RegExpMatchArray): boolean {
  if (new RegExp(`^${use.slice(0, -1)}`, "iu").test(match[0])) return false;
  if (/^the\s/iu.test(match[0])) return true;
  const before =
    match.input
      ?.slice(0, match.index)
      .split(/[.!?;:,\n\ue000]/u)
      .at(-1) ?? "";
  return /[\p{L}\p{N}]/u.test(before.replace(filler, " "));
}

function asLong(context: RuleContext) {
  const text =
    context.replyWords < 8
      ? "Keep the length."
      : `Keep the length: about ${context.replyWords} words.`;
  return draft("length", "same", text, { scope: "turn" });
}

/** "Shorter" than a reply of n words, said so that it stands without that reply. */
function shorter(context: RuleContext, factor: number) {
  const words = Math.max(1, Math.round(context.replyWords * factor));
  const text = context.replyWords < 8 ? "Keep it short." : `Keep it short: at most ${words} words.`;
  return draft("length", "short", text, { later: "Keep it short." });
}

function longer(context: RuleContext, factor: number) {
  const words = Math.round(context.replyWords * factor);
  const text =
    context.replyWords < 8 ? "Go into detail." : `Go into detail: at least ${words} words.`;
  return draft("length", "long", text, { later: "Go into detail." });
}

const languagePattern = new RegExp(`\\b(${languages})\\b`, "giu");

/** A language that the request names and that is not the wanted one. */
function otherLanguage(request: string, wanted: string): string | null {
  for (const match of request.slice(0, 2_000).matchAll(languagePattern)) {
    if (!wanted.toLowerCase().includes(match[1]!.toLowerCase())) return match[1]!;
  }
  return null;
}
