/** English: the locale that puts the two rule lists together. */
import { contentRules } from "./english-content.ts";
import { figureRules } from "./english-figures.ts";
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
  filler:
    /\b(?:no|nope|nah|not (?:that|this|it|quite|right|correct|really|good|ok(?:ay)?|what i (?:meant|wanted|asked(?: for)?|said))|wrong|incorrect|false|bad|bug|try (?:again|harder)|again|redo(?: it)?|retry|please|pls|plz|sorry|actually|but|and|then|so|well|hmm+|uh|oh|ok|okay|still|also|instead|rather|now|thanks?|thank you|good|great|nice|cool|perfect|lovely|awesome|amazing|excellent|brilliant|love(?:d)?|lol|right|correct|yes|yeah|almost|close|really|very|that['’]?s|that|this|it['’]?s|it|its|is|was|were|are|am|the|an?|them|these|those|i['’]?d|i['’]?m|i|you|your|we|my|me|meant|mean|want(?:ed)?|need(?:ed)?|like(?:d)?|would|could|can|should|shall|must|have|has|had|be|been|being|do|does|did|doesn['’]?t|isn['’]?t|to|of|for|in|on|as|at|by|with|make|made|give|gave|gives|use|used|write|wrote|answer(?:ed)?|reply|response|respond|output|result|thing|one|ones|version|way|bit|little|much|too|just|only|said|asked|text|everything|all|terrible|horrible|useless|awful|worse|better|stupid|nonsense|hello|hi|hey|there|keep|let|get|got|from|up|be|will|here|if|what|how|about|think)\b/giu,
  always:
    /\b(?:always|from now on|every time|each time|in (?:the )?future|for all (?:of )?(?:your|my)|going forward|in general)\b/iu,
  once: /\b(?:this time|just (?:for )?(?:this|now|once)|for (?:this|now)(?: one)?|here only|only here)\b/iu,
  quote: (remark) => `I added: ${remark}.`,
};
