/** English rules on figures and arrangement: units, rounding, dates, times, case, order. */
import { draft, type Rule, userWords } from "./rule.ts";

const units =
  "km|kms|kilomet(?:er|re)s?|met(?:er|re)s?|centimet(?:er|re)s?|cm|mm|millimet(?:er|re)s?|miles?|mi|feet|foot|ft|inch(?:es)?|yards?|celsius|fahrenheit|kelvin|°[CF]|kg|kgs|kilos?|kilograms?|grams?|g|mg|pounds|lbs?|ounces?|oz|stones?|lit(?:er|re)s?|ml|millilit(?:er|re)s?|gallons?|cups?|tablespoons?|km\\/h|kph|mph|euros?|EUR|dollars?|USD|GBP|CAD|AUD|CHF|yen|JPY|rupees?|INR|cents|minutes|hours|seconds|milliseconds|ms|days|weeks|months|years|percent(?:ages?)?|fractions?|decimals?|degrees|radians|binary|hex(?:adecimal)?|roman numerals|GB|MB|KB|gigabytes|megabytes|bytes|bits|calories|kcal|joules|watts|kW|acres|hectares|square (?:meters|metres|feet)|bar|psi|knots|scientific notation";
const systems = "metric|imperial|SI|US customary";
const numeral = "(?:\\d+|one|two|three|four|five|six|no|zero)";
const firsts =
  "newest|oldest|largest|smallest|biggest|highest|lowest|cheapest|most expensive|longest|shortest|latest|earliest|youngest|best|worst|fastest|slowest|nearest|closest|most (?:important|recent|popular|common|frequent|relevant)|least \\w+";

export const figureRules: readonly Rule[] = [
  {
    pattern: new RegExp(
      `\\b(?:in |use |with |convert(?: (?:it|this|that|them))? (?:in)?to )?(${units}),?\\s+(?:and )?(?:not|instead of|rather than)(?: in)? (${units})(?![\\p{L}\\p{N}])`,
      "giu",
    ),
    read: (m) => draft("units", m[1]!, `Use ${m[1]}, not ${m[2]}.`),
  },
  {
    pattern: new RegExp(
      `\\bnot in (${units}),?\\s+(?:but )?in (${units})(?![\\p{L}\\p{N}])`,
      "giu",
    ),
    read: (m) => draft("units", m[2]!, `Use ${m[2]}, not ${m[1]}.`),
  },
  {
    pattern: new RegExp(
      `\\b(?:not|don['’]?t use|no) (?:in )?(${units}|${systems})(?= units|[.,;!?]|$)(?: units)?`,
      "giu",
    ),
    read: (m) => draft("units", m[1]!, `Do not use ${m[1]}.`, { negated: true }),
  },
  {
    pattern: new RegExp(
      `\\b(?:in |use |using |with |to )?(?:the )?(${systems})(?: (?:units?|system|measurements?))?\\b`,
      "giu",
    ),
    read: (m) => draft("units", m[1]!, `Use ${m[1]} units.`),
  },
  {
    pattern: new RegExp(
      `(?:\\b(?:in|use|using|convert(?: (?:it|this|that|them))? (?:in)?to|give (?:it|them|me) (?:it )?in|as|i (?:meant?|said|want(?:ed)?))\\s+(?:an?\\s+)?|(?<=^|[,;.!:]\\s*|\\bno\\s+))((?:${units})(?:(?:\\s*[,&]\\s*|\\s+and\\s+)(?:${units}))*)(?=\\s*(?:please|instead|rather|not|and|but|[.,;!?]|$))`,
      "giu",
    ),
    read: (m) => draft("units", m[1]!, `Use ${m[1]}.`),
  },
  {
    pattern: new RegExp(
      `\\b(?:round(?:ed)? (?:it |them |this |that |everything )?(?:off )?to |to |with |use |only |just |max(?:imum)? )?(?:exactly |only |just |at most )?(${numeral}) (decimals?(?: places?| points?)?|significant (?:digits|figures)|digits after the (?:decimal )?point|decimal digits?)\\b`,
      "giu",
    ),
    read: (m) =>
      /^(?:no|zero|0)$/iu.test(m[1]!)
        ? draft("rounding", "0", "Round to whole numbers.")
        : draft("rounding", m[1]!, `Round to ${m[1]} ${m[2]}.`),
  },
  {
    pattern:
      /\b(?:(?:in |use |only |as |to )*(?:whole|round) numbers?(?: only)?|without (?:any )?decimals?|don['’]?t use decimals?|integers? only)\b/giu,
    read: () => draft("rounding", "0", "Round to whole numbers."),
  },
  {
    pattern: /\bround(?:ed)? (?:it |them |this |that |everything |always )?(up|down)\b/giu,
    read: (m) => draft("rounding-direction", m[1]!, `Round ${m[1]!.toLowerCase()}.`),
  },
  {
    pattern: /\b(?:round(?:ed)? (?:it |them |this |that )?)?to the nearest ([\p{L}\d.]+)\b/giu,
    read: (m) => draft("rounding", m[1]!, `Round to the nearest ${m[1]}.`),
  },
  {
    pattern:
      /\b(?:don['’]?t round(?: (?:it|them))?|do not round(?: (?:it|them))?|without rounding|unrounded|(?:the )?exact (?:value|number|figure|amount)s?|not rounded)\b/giu,
    read: () => draft("rounding", "none", "Do not round; give exact figures."),
  },
  {
    pattern:
      /\b(?:iso(?:[ -]?8601)?(?: (?:dates?|format))?|yyyy-mm-dd(?: format)?)(?![\p{L}\p{N}])/giu,
    read: () => draft("date", "iso", "Write dates as YYYY-MM-DD."),
  },
  {
    pattern:
      /\b(?:use |in |as )?(dd[/.-]mm[/.-]yyyy|mm[/.-]dd[/.-]yyyy|dd\.mm\.|mm[/]dd|dd[/]mm)(?: format)?(?![\p{L}\p{N}])/giu,
    read: (m) => draft("date", m[1]!, `Write dates as ${m[1]}.`),
  },
  {
    pattern:
      /\b(?:(day|month|year) (?:comes )?first|(european|american|us|british|german) (?:date|dates|date format|date style)|dates? in (european|american|us|british) (?:format|style))\b/giu,
    read: (m) => {
      const who = (m[1] ?? m[2] ?? m[3] ?? "").toLowerCase();
      const monthFirst = who === "month" || who === "american" || who === "us";
      return who === "year"
        ? draft("date", "iso", "Write dates as YYYY-MM-DD.")
        : draft(
            "date",
            who,
            monthFirst ? "Write dates with the month first." : "Write dates with the day first.",
          );
    },
  },
  {
    pattern:
      /\b(?:use |in )?(?:the )?(24|12|twenty-four|twelve)[ -]?(?:h|hour|hours)(?: (?:clock|format|time))?\b/giu,
    read: (m) => draft("clock", m[1]!, `Use the ${m[1]}-hour clock.`),
  },
  {
    pattern: /\b(?:in |use )(UTC|GMT|CET|EST|PST|local time)\b/gu,
    read: (m) => draft("timezone", m[1]!, `Give times in ${m[1]}.`),
  },
  {
    pattern:
      /\b(?:(?:in |use |make it |write (?:it )?in |all |put it in )*(?:lower[ -]?case|small letters)(?: letters| only)?|no (?:caps|capitals|capital letters|uppercase))\b/giu,
    read: () => draft("case", "lower", "Write everything in lower case."),
  },
  {
    pattern:
      /\b(?:(?:in |use |make it |write (?:it )?in |all |put it in )*(?:upper[ -]?case|all caps|capital letters|capitals)(?: letters| only)?)\b/giu,
    read: () => draft("case", "upper", "Write everything in upper case."),
  },
  {
    pattern: /\b(?:in |use )?(title|sentence|camel|snake|kebab|pascal)[ -_]?case\b/giu,
    read: (m) => draft("case", m[1]!, `Use ${m[1]!.toLowerCase()} case.`),
  },
  {
    pattern: /\bcapitali[sz]e ([^.;,!?\ue000]{1,60})/giu,
    read: (m) => draft("case", "capitalise", `Capitalise ${userWords(m[1]!)}.`),
  },
  {
    pattern:
      /\b(?:in |sort(?:ed)?(?: (?:it|them))? |order(?:ed)? )?(reverse )?alphabetical(?:ly)?(?: order)?\b|\b(?:from )?a[ -]?(?:to[ -]|-)z\b/giu,
    read: (m) =>
      draft("order", m[0], `Sort it in ${m[1] === undefined ? "" : "reverse "}alphabetical order.`),
  },
  {
    pattern: new RegExp(
      `\\b(?:put |with |list |sort(?:ed)?(?: it| them)? |order(?:ed)?(?: it| them)? )?(?:the )?(${firsts})(?: (?:ones?|items?|numbers?|values?))? first\\b`,
      "giu",
    ),
    read: (m) => draft("order", m[1]!, `Put the ${m[1]!.toLowerCase()} first.`),
  },
  {
    pattern:
      /\b(?:in |sort(?:ed)?(?: (?:it|them))?(?: in)? )?(ascending|descending|chronological|reverse chronological|random)(?:ly)?(?: order)?\b/giu,
    read: (m) => draft("order", m[1]!, `Use ${m[1]!.toLowerCase()} order.`),
  },
  {
    pattern:
      /\b(?:sort|order|rank|group)(?:ed)?(?: (?:it|them|these|this))? by ([^.;,!?\ue000]{1,60}?)(?=\s+(?:and|but|not|please|instead)\b|[.;,!?\ue000]|$)/giu,
    read: (m) => {
      const verb = /^(sort|order|rank|group)/iu.exec(m[0])![1]!.toLowerCase();
      return draft(
        "order",
        m[1]!,
        `${verb[0]!.toUpperCase()}${verb.slice(1)} it by ${userWords(m[1]!)}.`,
      );
    },
  },
  {
    pattern:
      /\b(?:in )?(?:the )?(?:reverse(?:d)? order|(?:opposite|other) order|(?:the )?other way (?:a)?round)\b/giu,
    read: () => draft("order", "reverse", "Use the opposite order."),
  },
];
