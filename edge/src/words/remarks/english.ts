/** English remarks that consist of one plain instruction about the reply. */
import { asks, type PlainLanguage, plain, wordsFor } from "./plain.ts";

const languages =
  "English|French|German|Spanish|Italian|Portuguese|Dutch|Danish|Swedish|Norwegian|Finnish|Polish|Czech|Slovak|Hungarian|Romanian|Bulgarian|Greek|Turkish|Russian|Ukrainian|Serbian|Croatian|Arabic|Hebrew|Persian|Farsi|Hindi|Urdu|Bengali|Tamil|Telugu|Punjabi|Thai|Vietnamese|Indonesian|Malay|Tagalog|Korean|Japanese|Chinese|Mandarin|Cantonese|Swahili|Latin|Catalan|Basque|Welsh|Irish|Icelandic|Estonian|Latvian|Lithuanian|Slovenian|Afrikaans|Esperanto";
const variants = "British|American|Brazilian|European|Mexican|Latin American|Swiss|simple|plain";
export const englishLanguage = `(?:(?:${variants}) )?(?:${languages})`;

/** Forms of the whole reply, by their words. */
const forms: readonly (readonly [words: string, value: string, phrase: string])[] = [
  ["a table|table|table format|tabular form", "table", "a table"],
  ["bullet points|bullets|a bulleted list|bullet list|bulleted list", "bullets", "bullet points"],
  ["a numbered list|numbered list", "numbered", "a numbered list"],
  ["a list|list|list form", "list", "a list"],
  ["prose|running text|continuous text|full sentences|paragraphs", "prose", "prose"],
  ["json", "json", "JSON"],
  ["ya?ml", "yaml", "YAML"],
  ["csv", "csv", "CSV"],
  ["xml", "xml", "XML"],
  ["html", "html", "HTML"],
  ["markdown", "markdown", "Markdown"],
  ["plain text", "plain", "plain text"],
  ["a poem", "poem", "a poem"],
  ["an e-?mail", "email", "an email"],
];
const anyForm = forms.map(([words]) => words).join("|");
const formOf = (said: string) =>
  forms.find(([words]) => new RegExp(`^(?:${words})$`, "iu").test(said)) ?? ["", said, said];

const manners =
  "formal|informal|casual|friendly|polite|technical|serious|cheerful|enthusiastic|wordy|verbose|dry";
const bare = (word: string) => word.toLowerCase();

const shorter =
  "(?:much |a (?:bit|little|lot) )?(?:shorter|briefer|more concise)|(?:(?:it is|it's|that is|that's|this is|way|far|much|a bit|still) )*too long|(?:be |keep it )?(?:short|brief|concise)|keep it shorter|shorten (?:it|this|that)|cut it down";
const longer =
  "(?:much |a (?:bit|little|lot) )?(?:longer|more detailed)|(?:(?:it is|it's|that is|that's|this is|way|far|much|a bit|still) )*too short|(?:go into |with |add )?more details?|elaborate|go into detail";

export const english: PlainLanguage = {
  before:
    /^(?:no|nope|hm+|ok|okay|well|sorry|actually|but|and|then|so|also|please|pls|now|great|good|nice|thanks|thank you|perfect|wrong|(?:can|could|would) you(?: please)?|(?:make|put|say|write|rewrite|give|do|translate|phrase) (?:it|this|that)(?: to me| again)?|give me (?:it|this|that)|(?:answer|reply|respond|write|rewrite)(?: again)?|(?:i want|i need|i'd like|i would like)(?: it| this| that)?|(?:it|this|that) should be|should be)(?=[ ,]|$)[ ,]*/iu,
  after:
    /(?<![ ,])[ ,]+(?:please|pls|thanks|thank you|instead|now|again|this time|only this time|just)$/iu,
  plain: [
    plain(shorter, (_, context) => {
      const words = wordsFor(context, 0.6);
      const text = words === null ? "Keep it short." : `Keep it short: at most ${words} words.`;
      return asks("length", "short", text);
    }),
    plain(longer, (_, context) => {
      const words = wordsFor(context, 1.5);
      const text = words === null ? "Go into detail." : `Go into detail: at least ${words} words.`;
      return asks("length", "long", text);
    }),
    plain(`(?:in|into|use) (${englishLanguage})|(${englishLanguage})`, ([, a, b]) => {
      const name = title(a ?? b ?? "");
      return asks("language", name, `Answer in ${name}.`);
    }),
    plain(`not in (${englishLanguage})`, ([, said]) => {
      const name = title(said ?? "");
      return asks("language", name, `Do not answer in ${name}.`, true);
    }),
    plain(`(?:as |in |with |use |using )?(${anyForm})`, ([, said]) => {
      const [, value, phrase] = formOf(said ?? "");
      return asks("form", value, `Write it as ${phrase}.`);
    }),
    plain(
      `(?:not (?:as |in )?|no |without |don't use |do not use )(?:a |an |any )?(${anyForm}|tables|lists|emojis|headings|hashtags|bold)`,
      ([, said]) => {
        const [, value, phrase] = formOf(said ?? "");
        return asks("form", value, `Do not use ${phrase}.`, true);
      },
    ),
    plain(`(?:be )?(?:a (?:bit|little) )?more (${manners})`, ([, manner]) =>
      asks(`manner:${bare(manner ?? "")}`, "more", `Be more ${bare(manner ?? "")}.`),
    ),
    plain(
      `(?:be )?(?:less|(?:(?:don't|do not) be|not|not be) (?:so|that|too|as)|(?:it's |it is |that's |way |far )?too) (${manners})`,
      ([, manner]) =>
        asks(`manner:${bare(manner ?? "")}`, "less", `Be less ${bare(manner ?? "")}.`),
    ),
    plain("simpler|in simpler words|in simple words|in plain language|use simpler words", () =>
      asks("manner:simple", "more", "Use simpler words."),
    ),
  ],
};

function title(name: string): string {
  return name.replace(/\p{L}+/gu, (word) =>
    /^(?:simple|plain)$/iu.test(word)
      ? word.toLowerCase()
      : word.charAt(0).toUpperCase() + word.slice(1).toLowerCase(),
  );
}
