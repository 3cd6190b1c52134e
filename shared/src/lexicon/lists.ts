/**
 * Senses of everyday requests about short lists of numbers, letters and words.
 *
 * The bundled model is trained on the clarified wordings below, so a change here needs a new training run.
 */
import type { Sense } from "./sense.ts";

export const numeralWords = ["one", "two", "three"];
const numeral = `(?:${numeralWords.join("|")}|[1-3])`;
export const listed = "(?:them|these|those|it|the (?:list|items|numbers|digits|letters|words))";
/** What marks a request about a list, and what its items never are. */
const verbs =
  "sort|order|arrange|shift|move|rotate|turn|cycle|flip|swap|switch|reverse|take|pick|give me|keep|remove|drop|delete|repeat|double|duplicate|filter";
export const sentenceWords = "the|is|are|you|to|of|how|what|why|when|who|and|my|it|do|can|please";

export const listSenses: Sense[] = [
  {
    id: "sort",
    label: "the order",
    span: `\\b(?:sort|order|arrange) ${listed}(?! (?:[\\p{L}]+ ){0,2}by\\b)`,
    hints: ["\\b(?:other|wrong|opposite) order\\b", "\\bsort(?:ed|ing)?\\b", "\\bordering\\b"],
    attach: "after",
    readings: [
      {
        id: "up",
        phrase: "from smallest to largest",
        cues: [
          "\\bsmallest (?:to largest|first)\\b",
          "\\bascending\\b",
          "\\blowest first\\b",
          "\\ba to z\\b",
        ],
        prior: 0.55,
      },
      {
        id: "down",
        phrase: "from largest to smallest",
        cues: [
          "\\blargest (?:to smallest|first)\\b",
          "\\bdescending\\b",
          "\\b(?:highest|biggest) first\\b",
          "\\bz to a\\b",
        ],
        prior: 0.45,
      },
    ],
  },
  {
    id: "shift",
    label: "the direction of the shift",
    span: `\\b(?:shift|move) each (?:one|item|number|digit|letter) by ${numeral}`,
    hints: ["\\b(?:other|wrong|opposite) direction\\b", "\\bshift(?:ed|ing)?\\b"],
    attach: "after",
    readings: [
      {
        id: "forward",
        phrase: "forward",
        cues: ["\\bforwards?\\b", "\\bupwards?\\b"],
        prior: 0.55,
      },
      {
        id: "back",
        phrase: "back",
        cues: ["\\bback(?:wards?)?\\b(?! to)", "\\bdownwards?\\b"],
        prior: 0.45,
      },
    ],
  },
  {
    id: "rotate",
    label: "which way to rotate",
    span: `\\b(?:rotate|turn|cycle) ${listed} by ${numeral}`,
    hints: ["\\b(?:other|wrong|opposite) way\\b", "\\brotat(?:e|ed|ion|ing)\\b"],
    attach: "after",
    readings: [
      { id: "left", phrase: "to the left", cues: ["\\bleft(?:wards?)?\\b"], prior: 0.55 },
      {
        id: "right",
        phrase: "to the right",
        cues: ["\\bright(?:wards)\\b", "\\bto the right\\b"],
        prior: 0.45,
      },
    ],
  },
  {
    id: "flip",
    label: "what to flip",
    span: `\\b(?:flip|swap|switch) ${listed}(?: around)?`,
    hints: ["\\bother kind of flip\\b", "\\b(?:flip|swap)(?:ped|ping)?\\b", "\\bwrong flip\\b"],
    attach: "after",
    readings: [
      {
        id: "order",
        phrase: "end to end",
        cues: ["\\bend to end\\b", "\\breversed?\\b", "\\bback to front\\b"],
        prior: 0.55,
      },
      {
        id: "halves",
        phrase: "half for half",
        cues: ["\\bhalf for half\\b", "\\bhalves\\b"],
        prior: 0.225,
      },
      {
        id: "ends",
        phrase: "first for last",
        cues: ["\\bfirst for last\\b", "\\b(?:only|just) the ends\\b"],
        prior: 0.225,
      },
    ],
  },
  {
    id: "take",
    label: "which ones to take",
    span: "\\b(?:take|pick|give me) (?:two|three|[23])(?: of them)?",
    hints: ["\\bother ones\\b", "\\bwrong (?:ones|items)\\b", "\\bnot those\\b"],
    attach: "after",
    readings: [
      {
        id: "first",
        phrase: "from the start",
        cues: ["\\bfrom the (?:start|front|beginning)\\b"],
        prior: 0.55,
      },
      { id: "last", phrase: "from the end", cues: ["\\bfrom the (?:end|back)\\b"], prior: 0.15 },
      {
        id: "largest",
        phrase: "that are largest",
        cues: [
          "\\bthat are (?:the )?(?:largest|biggest|highest)\\b",
          "\\bthe (?:largest|biggest|highest) ones\\b",
        ],
        prior: 0.15,
      },
      {
        id: "smallest",
        phrase: "that are smallest",
        cues: ["\\bthat are (?:the )?(?:smallest|lowest)\\b", "\\bthe (?:smallest|lowest) ones\\b"],
        prior: 0.15,
      },
    ],
  },
  {
    id: "dedupe",
    label: "which copy to keep",
    span: "\\b(?:remove|drop|delete) (?:the )?(?:duplicates|repeats|repeated ones)",
    hints: ["\\b(?:other|wrong) cop(?:y|ies)\\b", "\\bduplicates?\\b"],
    attach: "after",
    readings: [
      {
        id: "first",
        phrase: "keeping first copies",
        cues: ["\\b(?:keep|keeping) (?:the )?first\\b"],
        prior: 0.55,
      },
      {
        id: "last",
        phrase: "keeping last copies",
        cues: ["\\b(?:keep|keeping) (?:the )?last\\b"],
        prior: 0.45,
      },
    ],
  },
  {
    id: "double",
    label: "how to double",
    span: `\\b(?:double|repeat|duplicate) ${listed}`,
    hints: [
      "\\b(?:other|wrong) (?:kind of )?(?:doubl(?:e|ing)|repeat(?:ing)?)\\b",
      "\\bdoubled?\\b",
      "\\brepeated\\b(?! ones)",
    ],
    attach: "after",
    readings: [
      {
        id: "each",
        phrase: "one by one",
        cues: ["\\bone by one\\b", "\\beach (?:one|item) twice\\b"],
        prior: 0.55,
      },
      {
        id: "whole",
        phrase: "as a whole",
        cues: ["\\bas a whole\\b", "\\bthe whole (?:thing|list) twice\\b"],
        prior: 0.45,
      },
    ],
  },
  {
    id: "filter",
    label: "keep or drop",
    span: "\\bfilter (?:the )?(?:even (?:ones|numbers|digits)|vowels|short (?:ones|words))",
    hints: ["\\bother filter\\b", "\\bwrong filter\\b", "\\bfilter(?:ed|ing)?\\b"],
    attach: "after",
    readings: [
      {
        id: "keep",
        phrase: "in",
        cues: ["\\bfilter[^,]* in\\b", "\\bkeep them\\b", "\\bonly those\\b"],
        prior: 0.55,
      },
      {
        id: "drop",
        phrase: "out",
        cues: ["\\bfilter[^,]* out\\b", "\\bwithout them\\b", "\\bdrop them\\b"],
        prior: 0.45,
      },
    ],
  },
  {
    id: "format",
    label: "the format",
    span: "",
    applies: `\\b(?:${verbs}|them|list)\\b[^:\\n]{0,200}:(?![^:]*\\b(?:${sentenceWords})\\b)\\s*\\S+(?:\\s+\\S+){1,40}\\s*$`,
    hints: ["\\b(?:other|wrong|different) format\\b", "\\bformat(?:ted|ting)?\\b"],
    attach: "end",
    readings: [
      {
        id: "plain",
        phrase: "as plain text",
        cues: ["\\bplain\\b", "\\bno (?:brackets|quotes)\\b"],
        prior: 0.55,
      },
      {
        id: "brackets",
        phrase: "in brackets",
        cues: ["\\b(?:in|with) (?:square )?brackets\\b", "\\[\\]"],
        prior: 0.225,
      },
      {
        id: "quotes",
        phrase: "in quotes",
        cues: ["\\b(?:in|with) (?:double )?quotes\\b"],
        prior: 0.225,
      },
    ],
  },
];
