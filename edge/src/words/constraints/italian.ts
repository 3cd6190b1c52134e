/** Italian: the requests people make most. */
import { end, rulesOf, set, words } from "./phrasebook.ts";
import type { Locale } from "./rule.ts";

export const italian: Locale = {
  id: "it",
  stopwords: set(
    "il lo la gli le un uno una di del della e o ma non è sono questo questa io tu lei mio mia che chi come quando dove perché per con senza in più meno molto troppo favore grazie sì scrivi fai dammi spiega nel nella al breve lungo corto",
  ),
  ...rulesOf({
    shorter:
      /(?<![\p{L}])(?:molto |un po['’] )?(?:più (?:cort[oa]|breve|concis[oa])|troppo lung[oa]|accorcia(?:lo)?|riassumi(?:lo)?)(?![\p{L}])/giu,
    short: (n) =>
      n === null ? "Rispondi brevemente." : `Rispondi brevemente: al massimo ${n} parole.`,
    longer:
      /(?<![\p{L}])(?:un po['’] )?(?:più (?:lung[oa]|dettagliat[oa]|dettagli)|troppo (?:cort[oa]|breve))(?![\p{L}])/giu,
    long: (n) => (n === null ? "Dai più dettagli." : `Dai più dettagli: almeno ${n} parole.`),
    language:
      /(?<![\p{L}])in\s+(inglese|francese|tedesco|spagnolo|italiano|portoghese|olandese|polacco|russo|turco|giapponese|cinese|arabo|latino)(?![\p{L}])/giu,
    answerIn: (l) => `Rispondi in ${l}.`,
    formal:
      /(?<![\p{L}])(?:più (?:formale|cortese|educat[oa])|troppo informale|dammi del lei)(?![\p{L}])/giu,
    formalText: "Usa un tono formale.",
    informal:
      /(?<![\p{L}])(?:meno formale|troppo formale|più informale|dammi del tu)(?![\p{L}])/giu,
    informalText: "Usa un tono informale.",
    simpler:
      /(?<![\p{L}])(?:più (?:semplice|facile)|troppo (?:complicat[oa]|tecnic[oa]|difficile)|per (?:bambini|principianti))(?![\p{L}])/giu,
    simpleText: "Usa parole semplici.",
    forms: [
      [
        /(?:(non (?:una|in|usare)|niente|senza)\s+)?(?:in (?:una )?|come |una )?(?<![\p{L}])tabell[ae](?![\p{L}])/giu,
        "table",
        "Presentalo in una tabella.",
        "Non usare una tabella.",
      ],
      [
        /(?:(non (?:in|usare)|niente|senza)\s+)?(?<![\p{L}])(?:elenco puntato|punti elenco)(?![\p{L}])/giu,
        "bullets",
        "Usa un elenco puntato.",
        "Non usare un elenco puntato.",
      ],
      [
        /(?:(non (?:una|in)|senza)\s+)?(?:come |una )?(?<![\p{L}])(?:lista|elenco)(?: numerat[ao])?(?![\p{L}])/giu,
        "list",
        "Presentalo come elenco.",
        "Non usare un elenco.",
      ],
      [
        /(?:(senza|niente|non usare)\s+)?(?<![\p{L}])emoji(?![\p{L}])/giu,
        "emojis",
        "Usa emoji.",
        "Non usare emoji.",
      ],
    ],
    against: /(?<![\p{L}])(?:tropp[ie]|meno|senza|non|togli|elimina|evita)\s[^.;,!?]{0,20}$/iu,
    count:
      /(?<![\p{L}])(?:in )?(al massimo |massimo |meno di |almeno |esattamente |solo |circa )?(\d+|una?|due|tre|quattro|cinque|dieci) (parole|parola|frasi|frase|righe|riga|paragrafi|paragrafo|punti|esempi|caratteri)(?![\p{L}])/giu,
    countText: (bound, n, unit) => `Lunghezza: ${bound ?? ""}${n} ${unit}.`,
    contrast: new RegExp(
      `(?<=^|[,;.!]\\s*)(?:intendo |è )?${words},\\s*(?:e )?non\\s+${words}${end}`,
      "giu",
    ),
    statement: /(?<![\p{L}])(?:sono|ha|hai|va|sta|può|voglio|serve)(?![\p{L}])/iu,
    contrastText: (a, b) => `Intendo ${a}, non ${b}.`,
    meant: new RegExp(
      `(?<![\\p{L}])(?:intendevo|intendo|volevo dire|mi riferisco a)\\s+${words}${end}`,
      "giu",
    ),
    meantText: (a) => `Intendo ${a}.`,
    content: new RegExp(
      `(?<=^|[,;.!]\\s*|e )(menziona|aggiungi|includi|spiega|descrivi|parla di|usa)\\s+${words}${end}`,
      "giu",
    ),
    without: new RegExp(`(?<![\\p{L}])(?:senza|togli|elimina)\\s+${words}${end}`, "giu"),
    withoutText: (what) => `Senza ${what}.`,
  }),
  filler:
    /(?<![\p{L}])(?:no|non|sbagliato|è|questo|ancora|riprova|per favore|grazie|sì|ma|e|io|lo|la|il|un|una|di|fallo|bene|voglio|volevo|risposta)(?![\p{L}])/giu,
  always: /(?<![\p{L}])(?:sempre|d['’]ora in poi)(?![\p{L}])/iu,
  once: /(?<![\p{L}])(?:questa volta|stavolta)(?![\p{L}])/iu,
  quote: (remark) => `La mia osservazione: ${remark}.`,
};
