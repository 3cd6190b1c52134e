/** English rules on what the reply is about: mistaken values, things to mention, to leave out, to stress. */
import { draft, type Rule, type RuleContext, userWords } from "./rule.ts";

/** The user's words up to the end of the clause; a dot or comma inside a number is no end. */
const clause = "((?:[^.;!?\\n\\ue000]|\\.(?=\\d|\\w)){1,160}?)";
const clauseEnd =
  "(?=\\s*(?:[;!?\\n\\ue000]|\\.(?!\\w)|,?\\s*\\b(?:but|please|instead|this time|because|since)\\b|,\\s*(?:i|i['’]m|it|that|this|so|he|she|we|they|you)\\b|,\\s*(?:and\\s+)?(?:don['’]?t|do not|make|keep|use|not|no|write|remove|leave|mention|include|add|without)\\b|\\s+and\\s+(?:don['’]?t|do not|make|keep|use|write|remove|leave|mention|include|add)\\b|$))";
const short = "((?:[^.;,!?\\n\\ue000]|[.,](?=\\d)){1,60}?)";
/** Where a value ends; a dot or comma inside a number is no end. */
const stop = "(?=\\s*(?:[;!?\\ue000]|[.,](?!\\d)|$))";
const opening =
  "(?<=^|[,;.!?:—–-]\\s*|\\b(?:no|nope|wrong|sorry|actually|and|but|please|oh|well|hey|ok|okay|always|now on|(?:this|next|every|each) time|the future)\\s+)";

export const contentRules: readonly Rule[] = [
  // Values put right
  {
    pattern: new RegExp(
      `${opening}(?:it['’]?s |it is |it should be |should be |use |make it |for |i meant? |i said |i want(?:ed)? |i asked for |the answer is |that['’]?s )?${short},?\\s+(?:and )?not\\s+${short}${stop}`,
      "giu",
    ),
    read: (m) => contrast(m[1]!, m[2]!),
  },
  {
    pattern: new RegExp(
      `${opening}(?:it['’]?s |that['’]?s |i )?(?:did(?:n['’]?t| not) (?:mean|say|want|ask for) |not )${short}(?:,\\s*(?:but |rather |i (?:meant?|said|want(?:ed)?) )?|\\s+but )${short}${stop}`,
      "giu",
    ),
    read: (m) => contrast(m[2]!, m[1]!),
  },
  {
    pattern: new RegExp(
      `\\b(?:replace|change|swap)\\s+${short}\\s+(?:with|by|to|for|into)\\s+${short}${stop}`,
      "giu",
    ),
    read: (m) => value(m[2]!, `Use ${userWords(m[2]!)} instead of ${userWords(m[1]!)}.`),
  },
  {
    pattern: new RegExp(
      `(?:\\buse\\s+)?\\b${short}\\s+(?:instead of|rather than|in place of)\\s+${short}${stop}`,
      "giu",
    ),
    read: (m) => {
      const said = userWords(m[1]!);
      const isTold =
        /^(?:run|call|write|say|put|take|make|give|show|return|tell|go|start|try)\s/iu.test(said);
      const wanted = isTold ? said.charAt(0).toUpperCase() + said.slice(1) : `Use ${said}`;
      return value(m[1]!, `${wanted} instead of ${userWords(m[2]!)}.`);
    },
  },
  {
    pattern: new RegExp(
      `\\bby\\s+["'“]?(\\w{1,20})["'”]?,?\\s+i\\s+mean[t]?\\s+${clause}${clauseEnd}`,
      "giu",
    ),
    read: (m) => value(m[2]!, `By “${m[1]}” I mean ${userWords(m[2]!)}.`),
  },
  {
    pattern: new RegExp(
      `\\bi\\s+(?:actually |really |just )?(?:meant?|said|was (?:asking|talking) about|am (?:asking|talking) about|asked (?:for|about))\\s+${clause}${clauseEnd}`,
      "giu",
    ),
    read: (m, context) => meaning(m[1]!, context),
  },
  {
    pattern:
      /(?<=^\s*(?:(?:[Nn]o|[Nn]ope|[Ww]rong|[Ss]orry|[Aa]ctually|[Aa]h|[Oo]h|[Nn]ah)[,.:;!—–\s-]+)*)(?:[Ii]t['’]?s |[Ii]t is |[Ii]t should (?:be|say|read) |[Ss]hould be |[Mm]ake (?:it|that) |[Tt]he (?:right |correct )?(?:answer|year|date|name|number|value) is )?(["'“]?(?:[$€£#]?\d[\p{L}\d.,:/%°-]*(?:\s[\p{L}%°]{1,12})?|\p{Lu}[\p{L}'’.-]+(?:\s+(?:of |de |van |von |the )?\p{Lu}[\p{L}'’.-]+){0,3})["'”]?)(?=\s*(?:please|instead|[.!?]|$))/gu,
    read: (m, context) =>
      /^(?:No|Nope|Wrong|Sorry|Actually|Ah|Oh|Nah|Try|Not|Bad|Again|Please|Still|That|This|It|Yes|Good|Great|Nice|Perfect|Thanks|Incorrect|False)\b/u.test(
        m[1]!,
      )
        ? null
        : meaning(m[1]!, context),
  },
  {
    pattern: new RegExp(
      `\\b(?:it|that|there|the \\w+)\\s+should\\s+(be|say|have|read|contain|sound|end|start|look|mention|use)\\s+${clause}${clauseEnd}`,
      "giu",
    ),
    read: (m) => value(m[2]!, `It should ${m[1]!.toLowerCase()} ${userWords(m[2]!)}.`),
  },
  // Things to leave out
  {
    pattern: new RegExp(
      `\\b(?:don['’]?t|do not|never|please don['’]?t)\\s+(mention|include|talk about|use|say|add|repeat|call|write|start|end|begin|explain|invent|assume|change|touch|guess|translate|apologi[sz]e|ask|give|list|make up|copy|quote|recommend|suggest|refer to|worry|rename|modify)\\b${clauseOptional()}`,
      "giu",
    ),
    read: (m) => content(m[0], `Do not ${m[1]!.toLowerCase()}${tail(m[2])}.`),
  },
  {
    pattern: new RegExp(
      `\\b(?:leave (?:out|off)|exclude|omit|skip|remove|drop|delete|get rid of|take out|stop (?:using|mentioning|saying|adding)|without(?: using| mentioning| the)?|avoid(?: using)?|forget about)\\s+${clause}${clauseEnd}`,
      "giu",
    ),
    read: (m) => content(m[0], `Leave out ${userWords(m[1]!)}.`),
  },
  {
    pattern: new RegExp(
      `${opening}no\\s+(?:more\\s+)?((?!that|this|it|not|i|you|wrong|the|thanks?|please|make|use|need|way\\b|idea\\b|one\\b)[\\p{L}'’-]+(?:\\s+(?:or|and)?\\s?(?!please\\b)[\\p{L}'’-]+){0,3})(?=\\s*(?:[.;,!?\\ue000]|please|$))`,
      "giu",
    ),
    read: (m) => content(m[0], `No ${userWords(m[1]!)}.`),
  },
  // Things to put in
  {
    pattern: new RegExp(
      `\\b(?:you\\s+)?(?:forgot|missed|left out|omitted|ignored|skipped|(?:did(?:n['’]?t| not)|never) (?:mention|include|cover|add|use|answer|address))\\s+(?:to (?:mention|include|add|use|say)\\s+|about\\s+)?${clause}${clauseEnd}`,
      "giu",
    ),
    read: (m) => content(m[0], `Include ${userWords(m[1]!)}.`),
  },
  {
    pattern: new RegExp(
      `(?:\\b(?:also|please|and|you should|should|can you|could you|must|needs? to|need to|to|i (?:want|need) you to)\\s+|${opening})(mention|include|add|cover|discuss|explain|describe|compare|cite|quote|name|show|start (?:it )?with|end (?:it )?with|begin (?:it )?with|talk about|write about|address|call (?:him|her|it|them|me)|sign (?:it )?(?:as|with)?|answer|define|list|highlight|emphasi[sz]e|assume|keep|translate|suggest|set|put|tell me(?: about| more about)?|use|consider|stick to|refer to|limit it to|check)\\s+${clause}${clauseEnd}`,
      "giu",
    ),
    read: (m) =>
      onlyFiller(m[2]!) ? null : content(m[0], `${sentence(m[1]!)} ${userWords(m[2]!)}.`),
  },
  {
    pattern: new RegExp(
      `\\b(?:focus|concentrate)\\s+(?:more\\s+|only\\s+|mainly\\s+)?on\\s+${clause}${clauseEnd}`,
      "giu",
    ),
    read: (m) => draft("emphasis", m[1]!, `Focus on ${userWords(m[1]!)}.`, { scope: "turn" }),
  },
  {
    pattern:
      /\b(be |sound |make (?:it|this|that) |with |use |give |i (?:want|need) |needs? )?(more|fewer|less)\s+((?:(?!please\b)[\p{L}-]+\s+){0,2}(?!please\b)[\p{L}-]+)(?=\s*(?:please|instead|[.;,!?\ue000]|$))/giu,
    read: (m) => {
      const what = userWords(m[3]!);
      const isQuality = /^(?:be|sound|make)/iu.test(m[1] ?? "") || adjectiveLike.test(m[3]!);
      const text = `${isQuality ? "Be" : "Use"} ${m[2]!.toLowerCase()} ${what}.`;
      return draft("emphasis", m[3]!, text, { scope: "turn" });
    },
  },
  {
    pattern: new RegExp(
      `(?:\\b(?:make it|it['’]?s|should be|write)\\s+)?\\babout\\s+(?!\\d|an? )${clause}${clauseEnd}`,
      "giu",
    ),
    read: (m) => content(m[0], `It is about ${userWords(m[1]!)}.`),
  },
  {
    pattern: new RegExp(
      `(?<!\\b(?:i|we|you|he|she|they|it)\\s)\\b(?:just|only)\\s+(?:the\\s+|give me\\s+|want\\s+|list\\s+|show\\s+)?(?:the\\s+)?${clause}${clauseEnd}`,
      "giu",
    ),
    read: (m) => (onlyFiller(m[1]!) ? null : content(m[0], `Only ${userWords(m[1]!)}.`)),
  },
  {
    pattern:
      /\b(?:way |far |much |a bit )?too ((?!much\b|many\b|few\b|bad\b|late\b)[\p{L}-]+)\b/giu,
    read: (m) => {
      const quality = m[1]!.toLowerCase();
      return draft("emphasis", quality, `Make it less ${quality}.`, { scope: "turn" });
    },
  },
  {
    pattern:
      /\b(inclusive|exclusive|including the (?:end|endpoints?|last (?:one|day))|up to and including [^.;,!?\ue000]{1,30})\b/giu,
    read: (m) =>
      draft(
        "bounds",
        m[1]!,
        `Ranges are ${/^excl/iu.test(m[1]!) ? "exclusive" : /^up to/iu.test(m[1]!) ? m[1] : "inclusive"}.`,
      ),
  },
];

function clauseOptional(): string {
  return `(?:\\s+${clause})??${clauseEnd}`;
}

function tail(words: string | undefined): string {
  return words === undefined || words.trim() === "" ? "" : ` ${userWords(words)}`;
}

function sentence(verb: string): string {
  return verb.charAt(0).toUpperCase() + verb.slice(1).toLowerCase();
}

function value(what: string, text: string) {
  return draft("value", what.trim(), text, { scope: "turn" });
}

function content(what: string, text: string) {
  return draft("content", what.trim(), text, { scope: "turn" });
}

/** One word that looks like an adjective. */
const adjectiveLike = /^[\p{L}-]+(?:ic|al|ive|ous|ful|able|ible|ed|ing|ant|ent|ise|ate)$/iu;

/** "9 is not prime" states a fact; it sets no value against another. */
const endsInVerb =
  /\b(?:is|are|was|were|am|be|has|have|had|does|do|did|can|could|should|would|will|must|may|i|you|it|that|this)\s*$/iu;

function contrast(wanted: string, unwanted: string) {
  if (onlyFiller(wanted) || onlyFiller(unwanted) || endsInVerb.test(wanted)) return null;
  const isStatement = /^(?:i['’]?m|i am|we['’]re|we are|it['’]s|they['’]re)\s/iu.test(
    wanted.trim(),
  );
  const said = userWords(wanted);
  const words = isStatement ? said.charAt(0).toUpperCase() + said.slice(1) : `I mean ${said}`;
  return value(wanted, `${words}, not ${userWords(unwanted)}.`);
}

/** "I meant 2024": says what it replaces where request or reply hold exactly one value of its kind. */
function meaning(wanted: string, context: RuleContext) {
  if (onlyFiller(wanted)) return null;
  const words = userWords(wanted);
  const old = replacedValue(words, context);
  return value(wanted, old === null ? `I mean ${words}.` : `I mean ${words}, not ${old}.`);
}

const kinds: readonly RegExp[] = [
  /(?<![\d.,:/-])(?:1[0-9]|20)\d\d(?![\d.,:/-]*\d)/gu,
  /\b(?:Mon|Tues|Wednes|Thurs|Fri|Satur|Sun)day\b/giu,
  /\b(?:January|February|March|April|May|June|July|August|September|October|November|December)\b/gu,
  /(?<![\p{L}\d.,:/-])\d+(?:[.,]\d+)*(?![\d:/-])/gu,
];

/** The one value of the same kind that the request, else the reply, holds in place of the wanted one. */
function replacedValue(wanted: string, { request, reply }: RuleContext): string | null {
  const kind = kinds.find((pattern) => wanted.match(pattern)?.[0] === wanted);
  if (kind === undefined) return null;
  for (const text of [request, reply]) {
    const values = new Set(text.slice(0, 4_000).match(kind) ?? []);
    values.delete(wanted);
    if (values.size === 1) return [...values][0] ?? null;
    if (values.size > 1) return null;
  }
  return null;
}

function onlyFiller(words: string): boolean {
  return /^\W*(?:(?:no|not|it|that|this|these|those|them|so|the|an?|again|right|correct|good|wrong|i|you|me|what|is|was|like|please|just|really|quite|very|exactly|meant|asked|wanted|want|mean)\W*)*$/iu.test(
    words,
  );
}
