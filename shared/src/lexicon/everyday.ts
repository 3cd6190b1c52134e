/**
 * Senses of everyday English requests: dates, units, ranges, directions, and words with two homes.
 *
 * All are shy: ordinary text is full of such spans without being unclear, so a reading is said only when
 * feedback, or the score of a reply, speaks for it.
 */
import { homonymSenses } from "./homonyms.ts";
import { reading, type Sense, shy } from "./sense.ts";

const number = "\\d[\\d.,]*";
const amount = `(?:${number}|a|one|two|three|four|five|six|ten|twenty|fifty|a hundred|half a|per|how many)`;

export const everydaySenses: Sense[] = [
  shy({
    id: "date-form",
    anchors: ["/", ".", "-"],
    label: "day or month first",
    span: "(?<![\\d/.-])(?:0?[1-9]|1[0-2])[/.-](?:0?[1-9]|1[0-2])[/.-](?:\\d{4}|\\d{2})(?![\\d/])",
    hints: ["\\b(?:wrong|other|different) (?:date|day|month)\\b", "\\bdate format\\b"],
    readings: [
      reading(
        "day",
        "(day first)",
        0.5,
        "\\bday (?:comes )?first\\b",
        "\\bdd[/.-]mm\\b",
        "\\b(?:european|british|uk) (?:date|format|style)",
      ),
      reading(
        "month",
        "(month first)",
        0.5,
        "\\bmonth (?:comes )?first\\b",
        "\\bmm[/.-]dd\\b",
        "\\b(?:american|us) (?:date|format|style)",
      ),
    ],
  }),
  shy({
    id: "next-weekday",
    anchors: ["next "],
    label: "which week is meant",
    span: "\\bnext (?:mon|tues|wednes|thurs|fri|satur|sun)day\\b",
    hints: ["\\b(?:wrong|other) (?:week|friday|monday|date|day)\\b"],
    readings: [
      reading(
        "coming",
        "(the coming one)",
        0.55,
        "\\bthis (?:coming )?(?:week|(?:mon|tues|wednes|thurs|fri|satur|sun)day)\\b",
        "\\bthe coming one\\b",
      ),
      reading(
        "after",
        "(the one in the week after this)",
        0.45,
        "\\bnext week\\b",
        "\\bthe week after\\b",
        "\\bnot this (?:coming )?(?:one|(?:mon|tues|wednes|thurs|fri|satur|sun)day)\\b",
      ),
    ],
  }),
  shy({
    id: "biweekly",
    anchors: ["weekly"],
    label: "how often",
    span: "\\bbi-?weekly\\b",
    hints: ["\\b(?:wrong|other) (?:frequency|interval)\\b", "\\btoo (?:often|rarely)\\b"],
    readings: [
      reading(
        "fortnight",
        "(every two weeks)",
        0.7,
        "\\bevery (?:two|2|other|second) weeks?\\b",
        "\\bfortnight",
      ),
      reading("twice", "(twice a week)", 0.3, "\\btwice (?:a|per|each) week\\b"),
    ],
  }),
  shy({
    id: "bimonthly",
    anchors: ["monthly"],
    label: "how often",
    span: "\\bbi-?monthly\\b",
    hints: ["\\b(?:wrong|other) (?:frequency|interval)\\b", "\\btoo (?:often|rarely)\\b"],
    readings: [
      reading(
        "two-months",
        "(every two months)",
        0.65,
        "\\bevery (?:two|2|other|second) months?\\b",
      ),
      reading("twice", "(twice a month)", 0.35, "\\btwice (?:a|per|each) month\\b"),
    ],
  }),
  shy({
    id: "clock",
    anchors: ["at "],
    label: "morning or evening",
    span: "\\bat (?:1[0-2]|[1-9])(?::[0-5]\\d)?(?: o['’]?clock)?(?!\\s*(?:[ap]\\.?m|:|\\d|%|st|nd|rd|th|in the|degrees|km|miles))\\b",
    hints: ["\\bwrong time(?: of day)?\\b", "\\bother half of the day\\b"],
    readings: [
      reading(
        "evening",
        "in the afternoon or evening",
        0.55,
        "\\bp\\.?m\\b",
        "\\b(?:in the )?(?:evening|afternoon)\\b",
        "\\bat night\\b",
      ),
      reading(
        "morning",
        "in the morning",
        0.45,
        "\\ba\\.?m\\b(?! i\\b)",
        "\\b(?:in the )?morning\\b",
      ),
    ],
  }),
  shy({
    id: "between",
    anchors: ["between "],
    label: "whether the ends count",
    span: `\\bbetween ${number} and ${number}(?!\\s*(?:and|,))`,
    hints: [
      "\\b(?:the )?(?:ends?|endpoints?|bounds?|limits?)\\b.{0,20}\\b(?:wrong|count|included|missing)\\b",
      "\\bwrong (?:ends|bounds|range)\\b",
    ],
    readings: [
      reading(
        "inclusive",
        "(both ends included)",
        0.7,
        "\\binclu(?:sive(?:ly)?|d(?:e|es|ing) (?:the |both )?(?:ends?|endpoints?|bounds?))\\b",
        "\\bboth (?:ends )?included\\b",
      ),
      reading(
        "exclusive",
        "(ends not included)",
        0.3,
        "\\bexclu(?:sive(?:ly)?|d(?:e|es|ing) (?:the |both )?(?:ends?|endpoints?|bounds?))\\b",
      ),
    ],
  }),
  shy({
    id: "round",
    anchors: ["round "],
    label: "how to round",
    span: "\\bround (?:it|them|this|that|these|the (?:result|results|number|numbers|total|price|prices|figures|values?|amounts?))(?: off)?\\b",
    hints: ["\\brounding\\b", "\\bwrongly rounded\\b", "\\brounded wrong(?:ly)?\\b"],
    readings: [
      reading(
        "nearest",
        "to the nearest value",
        0.7,
        "\\bto the nearest\\b",
        "\\bhalf up\\b",
        "\\bnormal rounding\\b",
      ),
      reading(
        "down",
        "down",
        0.15,
        "\\b(?:round(?:ed)? (?:it |them |everything )?|always )down\\b",
        "\\btruncat",
      ),
      reading("up", "up", 0.15, "\\b(?:round(?:ed)? (?:it |them |everything )?|always )up\\b"),
    ],
  }),
  shy({
    id: "temperature",
    anchors: ["degrees"],
    label: "the temperature scale",
    span: `(?<![\\d.,-])-?${number} degrees\\b(?!\\s*(?:[CF]\\b|celsius|fahrenheit|clockwise|counter|anti|left|right|north|south|east|west|latitude|longitude|angle|warmer))`,
    applies:
      "\\b(?:temperature|weather|oven|bake|roast|cook|warm|hot|cold|fever|heat|freez\\w*|outside|wear|water|convert|sauna|grill|boil\\w*)\\b",
    hints: ["\\b(?:wrong|other) (?:scale|unit|units|temperature)\\b"],
    readings: [
      reading("celsius", "Celsius", 0.55, "\\bcelsius\\b", "°C", "\\bcentigrade\\b"),
      reading("fahrenheit", "Fahrenheit", 0.45, "\\bfahrenheit\\b", "°F"),
    ],
  }),
  shy({
    id: "turn-direction",
    anchors: ["rotate "],
    label: "the direction of the turn",
    span: `\\brotate (?:it|this|the [\\p{L}]+)(?: by)? ${number} ?(?:degrees|°)`,
    hints: ["\\b(?:other|wrong|opposite) (?:way|direction)\\b"],
    readings: [
      reading(
        "clockwise",
        "clockwise",
        0.55,
        "(?<!counter-?|anti-?)\\bclockwise\\b",
        "\\bto the right\\b",
      ),
      reading(
        "counterclockwise",
        "counterclockwise",
        0.45,
        "\\b(?:counter|anti)-?clockwise\\b",
        "\\bto the left\\b",
      ),
    ],
  }),
  shy({
    id: "reschedule",
    anchors: ["forward", " up", " back"],
    label: "earlier or later",
    span: `\\b(?:move|push|bring|shift) (?:it|this|that|(?:the|my|our) [\\p{L}]+(?: [\\p{L}]+)?) (?:forward|up|back)(?: (?:by )?${amount} (?:minutes?|hours?|days?|weeks?|months?))?`,
    hints: ["\\b(?:other|wrong|opposite) (?:way|direction)\\b", "\\bwrong (?:date|day|time)\\b"],
    readings: [
      reading("earlier", "(to an earlier time)", 0.5, "\\bearlier\\b", "\\bsooner\\b"),
      reading("later", "(to a later time)", 0.5, "\\blater\\b", "\\bpostpone"),
    ],
  }),
  shy({
    id: "sort-by",
    anchors: [" by "],
    label: "the order",
    span: "\\b(?:sort(?:ed)?|order(?:ed)?|rank(?:ed)?|arrange)(?: (?:it|them|these(?: [\\p{L}]+)?|(?:the|my|our|those) [\\p{L}]+))? by (?:(?:the|their) )?(?:price|size|date|age|length|height|weight|population|area|name|title|rating|score|year|distance|cost|value|number|popularity|frequency|salary|time|speed|amount|revenue|count|duration|last name|first name|surname)\\b",
    hints: [
      "\\b(?:other|wrong|opposite|reverse) order\\b",
      "\\bother way (?:a)?round\\b",
      "\\bbackwards\\b",
      "\\bupside down\\b",
    ],
    readings: [
      reading(
        "ascending",
        "in ascending order",
        0.55,
        "\\bascending\\b",
        "\\b(?:smallest|lowest|cheapest|oldest|earliest|shortest|youngest|nearest|closest|lightest|slowest|least [\\p{L}]+)(?: ones?)? first\\b",
        "\\blow(?:est)? to high(?:est)?\\b",
        "\\bsmall(?:est)? to (?:large|big)(?:st|gest)?\\b",
        "\\ba to z\\b",
      ),
      reading(
        "descending",
        "in descending order",
        0.45,
        "\\bdescending\\b",
        "\\b(?:largest|biggest|highest|newest|latest|longest|tallest|heaviest|fastest|best|most [\\p{L}]+)(?: ones?)? first\\b",
        "\\bhigh(?:est)? to low(?:est)?\\b",
        "\\b(?:large|big)(?:st|gest)? to small(?:est)?\\b",
        "\\bz to a\\b",
      ),
    ],
  }),
  shy({
    id: "pounds",
    anchors: ["pounds"],
    label: "weight or money",
    span: `(?<![£$€\\d])${amount} pounds\\b(?!\\s*(?:sterling|of|overweight|lighter|heavier))`,
    hints: ["\\bwrong (?:unit|currency|pounds)\\b"],
    readings: [
      reading(
        "weight",
        "(weight)",
        0.6,
        "\\bweight\\b",
        "\\blbs?\\b",
        "\\bnot (?:the )?(?:money|currency)\\b",
      ),
      reading(
        "money",
        "sterling",
        0.4,
        "\\bsterling\\b",
        "\\bmoney\\b",
        "\\bcurrency\\b",
        "\\bGBP\\b",
        "£",
      ),
    ],
  }),
  shy({
    id: "dollars",
    anchors: ["dollars"],
    label: "whose dollars",
    span: `\\b${amount} dollars\\b`,
    hints: ["\\bwrong (?:currency|dollars?)\\b"],
    readings: [
      reading("us", "(US dollars)", 0.8, "\\b(?:US|American) dollars?\\b", "\\bUSD\\b"),
      reading("canadian", "(Canadian dollars)", 0.1, "\\bCanadian(?: dollars?)?\\b", "\\bCAD\\b"),
      reading(
        "australian",
        "(Australian dollars)",
        0.1,
        "\\bAustralian(?: dollars?)?\\b",
        "\\bAUD\\b",
      ),
    ],
  }),
  shy({
    id: "gallons",
    anchors: ["gallon", "pint", "ounces", "quart"],
    label: "US or imperial measure",
    span: `\\b${amount} (?:gallons?|pints?|fluid ounces|quarts?)\\b`,
    hints: ["\\bwrong (?:unit|units|gallons?|pints?)\\b"],
    readings: [
      reading("us", "(US measure)", 0.65, "\\b(?:US|American)\\b"),
      reading("imperial", "(imperial measure)", 0.35, "\\bimperial\\b", "\\b(?:UK|British)\\b"),
    ],
  }),
  shy({
    id: "tons",
    anchors: ["tons"],
    label: "which ton",
    span: `\\b${amount} tons\\b`,
    hints: ["\\bwrong (?:unit|units|tons?)\\b"],
    readings: [
      reading("metric", "(metric, 1,000 kg)", 0.55, "\\bmetric\\b", "\\btonnes?\\b"),
      reading("short", "(US short tons)", 0.35, "\\bshort tons?\\b", "\\bUS tons?\\b"),
      reading("long", "(imperial long tons)", 0.1, "\\blong tons?\\b"),
    ],
  }),
  shy({
    id: "miles",
    anchors: ["miles"],
    label: "land or sea miles",
    span: `(?<!nautical )\\b${amount} miles\\b`,
    applies:
      "\\b(?:ship|boat|sail\\w*|vessel|sea|plane|aircraft|flight|nautical|harbou?r|island)\\b",
    hints: ["\\bwrong (?:unit|units|miles)\\b"],
    readings: [
      reading("land", "(land miles)", 0.6, "\\b(?:land|statute|normal|regular) miles\\b"),
      reading("nautical", "(nautical miles)", 0.4, "\\bnautical\\b", "\\bsea miles\\b"),
    ],
  }),
  shy({
    id: "last-period",
    anchors: ["last ", "past "],
    label: "which period",
    span: "\\b(?:the )?(?:last|past) (?:week|month|year|quarter)\\b",
    hints: ["\\bwrong (?:week|month|year|quarter|period|dates?)\\b"],
    readings: [
      reading(
        "calendar",
        "(the previous calendar one)",
        0.55,
        "\\bcalendar\\b",
        "\\bprevious (?:calendar )?(?:week|month|year|quarter)\\b",
      ),
      reading(
        "rolling",
        "(counted back from today)",
        0.45,
        "\\brolling\\b",
        "\\b(?:counted )?(?:back )?from today\\b",
        "\\b(?:last|past) (?:7|seven|30|thirty|90|365|12|twelve) (?:days|months)\\b",
      ),
    ],
  }),
  shy({
    id: "average",
    anchors: ["average "],
    label: "which average",
    span: "\\b(?:the )?average(?! (?:american|person|joe|man|woman))(?= [\\p{L}])",
    hints: ["\\bwrong (?:kind of )?average\\b", "\\bother (?:kind of )?average\\b"],
    readings: [
      reading(
        "mean",
        "(arithmetic mean)",
        0.8,
        "\\b(?:arithmetic )?mean value\\b",
        "\\barithmetic\\b",
      ),
      reading("median", "(median)", 0.2, "\\bmedian\\b"),
    ],
  }),
  shy({
    id: "half-past",
    anchors: ["half "],
    label: "which half hour",
    span: "\\bhalf (?:one|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve)\\b",
    hints: ["\\bwrong time\\b"],
    readings: [
      reading(
        "past",
        "(half past that hour)",
        0.8,
        "\\bhalf past\\b",
        "\\bafter\\b",
        "\\bbritish\\b",
      ),
      reading("to", "(half an hour before it)", 0.2, "\\bhalf an hour before\\b", "\\bgerman\\b"),
    ],
  }),
  ...homonymSenses,
];
