/** German: the requests people make most. */
import { end, rulesOf, set, words } from "./phrasebook.ts";
import type { Locale } from "./rule.ts";

export const german: Locale = {
  id: "de",
  stopwords: set(
    "der die das und oder aber nicht ist sind ein eine einen einem einer es ich du sie wir mir mich dir mein meine bitte auf in mit von für zu zum zur den dem des wie was wer wann wo warum kein keine als auch noch nur mehr weniger kürzer länger falsch nein ja doch nochmal schreib schreibe schreiben gib mach mache erkläre nenne im über aus bei nach einfacher formeller",
  ),
  ...rulesOf({
    shorter:
      /\b(?:viel |etwas |deutlich )?(?:kürzer|knapper|zu lang(?:e)?|kürze(?:n)?(?: (?:es|das))?|kurz(?=[.,;!]|$| bitte))(?![\p{L}])/giu,
    short: (n) => (n === null ? "Halte dich kurz." : `Halte dich kurz: höchstens ${n} Wörter.`),
    longer:
      /\b(?:viel |etwas )?(?:länger|ausführlicher|detaillierter|zu kurz|mehr details?|genauer)(?![\p{L}])/giu,
    long: (n) => (n === null ? "Geh ins Detail." : `Geh ins Detail: mindestens ${n} Wörter.`),
    language:
      /\b(?:auf|ins|in)\s+(englisch(?:e)?|französisch(?:e)?|deutsch(?:e)?|spanisch(?:e)?|italienisch(?:e)?|portugiesisch(?:e)?|niederländisch(?:e)?|polnisch(?:e)?|russisch(?:e)?|türkisch(?:e)?|japanisch(?:e)?|chinesisch(?:e)?|arabisch(?:e)?|latein)(?![\p{L}])/giu,
    answerIn: (l) =>
      `Antworte auf ${l.charAt(0).toUpperCase()}${l
        .slice(1)
        .replace(/ische$/u, "isch")
        .replace(/sche$/u, "sch")}.`,
    formal:
      /\b(?:förmlicher|formeller|formell|höflicher|zu (?:locker|salopp|informell)|siezen|mit sie|per sie)(?![\p{L}])/giu,
    formalText: "Schreibe förmlich.",
    informal:
      /\b(?:lockerer|(?:weniger|nicht so) (?:förmlich|formell|steif)|zu (?:förmlich|formell|steif)|informell(?:er)?|duzen|mit du|per du)(?![\p{L}])/giu,
    informalText: "Schreibe locker, nicht förmlich.",
    simpler:
      /\b(?:einfacher|verständlicher|zu (?:kompliziert|schwierig|technisch)|in einfachen worten|für (?:kinder|laien|anfänger))(?![\p{L}])/giu,
    simpleText: "Verwende einfache Wörter.",
    forms: [
      [
        /(?:(kein(?:e|en)?|nicht als|ohne)\s+)?(?:als |in einer |eine )?(?<![\p{L}])tabellen?(?![\p{L}])/giu,
        "table",
        "Schreibe es als Tabelle.",
        "Verwende keine Tabelle.",
      ],
      [
        /(?:(kein(?:e|en)?|nicht als|ohne)\s+)?(?:als |in )?(?<![\p{L}])(?:stichpunkten?|aufzählung(?:szeichen)?|aufzählungspunkten?)(?![\p{L}])/giu,
        "bullets",
        "Schreibe in Stichpunkten.",
        "Verwende keine Stichpunkte.",
      ],
      [
        /(?:(keine|nicht als|ohne)\s+)?(?:als |eine )?(?<![\p{L}])(?:nummerierte )?liste(?![\p{L}])/giu,
        "list",
        "Schreibe es als Liste.",
        "Verwende keine Liste.",
      ],
      [
        /(?:(kein(?:e)?|ohne)\s+)?(?<![\p{L}])emojis?(?![\p{L}])/giu,
        "emojis",
        "Verwende Emojis.",
        "Verwende keine Emojis.",
      ],
    ],
    against:
      /(?<![\p{L}])(?:zu viele?|weniger|ohne|keine?n?|nicht|lass|entferne|streiche|vermeide)\s[^.;,!?]{0,20}$/iu,
    count:
      /\b(?:in |mit |auf )?(höchstens |maximal |max\.? |unter |mindestens |genau |nur |etwa )?(\d+|ein(?:em|en)?|zwei|drei|vier|fünf|zehn) (wörter[n]?|worten?|sätze[n]?|satz|zeilen?|absätze[n]?|absatz|punkte[n]?|beispiele[n]?|zeichen)(?![\p{L}])/giu,
    countText: (bound, n, unit) => `Umfang: ${bound ?? ""}${n} ${unit}.`,
    contrast: new RegExp(
      `(?<=^|[,;.!]\\s*|nein\\s+)(?:ich meine |ich meinte |es ist )?${words},?\\s+(?:und )?nicht\\s+${words}${end}`,
      "giu",
    ),
    statement:
      /(?<![\p{L}])(?:ist|sind|war|waren|hat|habe|haben|kann|kannst|soll|sollte|wird|geht|passt|stimmt)(?![\p{L}])/iu,
    contrastText: (a, b) => `Gemeint ist ${a}, nicht ${b}.`,
    meant: new RegExp(`\\bich\\s+(?:meine|meinte|wollte)\\s+${words}${end}`, "giu"),
    meantText: (a) => `Gemeint ist ${a}.`,
    content: new RegExp(
      `(?<=^|[,;.!]\\s*|bitte |und )(erwähne|nenne|ergänze|erkläre|beschreibe|verwende|schreibe über)\\s+${words}${end}`,
      "giu",
    ),
    without: new RegExp(`\\b(?:ohne|lass|entferne)\\s+${words}(?:\\s+weg)?${end}`, "giu"),
    withoutText: (what) => `Lass ${what} weg.`,
  }),
  filler:
    /\b(?:nein|nicht|falsch|das|ist|war|es|ich|du|sie|wir|bitte|nochmal|noch|mal|mach|mache|schreib|schreibe|aber|und|doch|ja|gut|danke|zu|ein|eine|der|die|den|dem|so|stimmt|richtig|versuch|versuche|will|wollte|meine|meinte)\b/giu,
  always: /\b(?:immer|ab jetzt|in zukunft|künftig)\b/iu,
  once: /\b(?:diesmal|dieses mal|nur jetzt)\b/iu,
  quote: (remark) => `Mein Hinweis: ${remark}.`,
};
