/** English: the locale that puts the two rule lists together. */
import { contentRules } from "./english-content.ts";
import { figureRules } from "./english-figures.ts";
import { filler } from "./english-filler.ts";
import { styleRules } from "./english-style.ts";
import type { Locale } from "./rule.ts";

export const english: Locale = {
  id: "en",
  stopwords: new Set(
    (
      "the a an and or but not is are was were be it that this these of to in on for with from by as at you i my me " +
      "your what which who how when where why can could would should please make give write more less shorter longer " +
      "than then them no yes use do does don't tell show too much only just wrong again"
    ).split(" "),
  ),
  rules: [...styleRules, ...figureRules, ...contentRules],
  styleRules: [...styleRules, ...figureRules],
  filler,
  always:
    /\b(?:always|from now on|every time|each time|in (?:the )?future|for all (?:of )?(?:your|my)|going forward|in general)\b/iu,
  once: /\b(?:this time|just (?:for )?(?:this|now|once)|for (?:this|now)(?: one)?|here only|only here)\b/iu,
  quote: (remark) => `I added: ${remark}.`,
};
