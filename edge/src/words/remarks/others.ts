/** Plain instructions in German, French, Spanish and Italian: length, language and form; nothing that needs context. */
import { asks, type PlainLanguage, plain, type RemarkContext, wordsFor } from "./plain.ts";

interface Phrases {
  before: string;
  after: string;
  shorter: string;
  short: (words: number | null) => string;
  longer: string;
  long: (words: number | null) => string;
  /** Group 1: the language's name. */
  language: string;
  answerIn: (name: string) => string;
  table: [said: string, text: string];
  bullets: [said: string, text: string];
}

function languageWith(phrases: Phrases): PlainLanguage {
  const length =
    (value: string, factor: number, text: (words: number | null) => string) =>
    (_: RegExpMatchArray, context: RemarkContext) =>
      asks("length", value, text(wordsFor(context, factor)));
  return {
    before: new RegExp(`^(?:${phrases.before})(?=[ ,]|$)[ ,]*`, "iu"),
    after: new RegExp(`(?<![ ,])[ ,]+(?:${phrases.after})$`, "iu"),
    plain: [
      plain(phrases.shorter, length("short", 0.6, phrases.short)),
      plain(phrases.longer, length("long", 1.5, phrases.long)),
      plain(phrases.language, ([, name = ""]) =>
        asks("language", name, phrases.answerIn(name.toLowerCase())),
      ),
      ...(["table", "bullets"] as const).map((form) =>
        plain(phrases[form][0], () => asks("form", form, phrases[form][1])),
      ),
    ],
  };
}

const german = languageWith({
  before: "nein|bitte|und|aber|mach es|schreib es|antworte|sag es",
  after: "bitte|danke",
  shorter: "(?:viel |etwas |deutlich )?(?:kürzer|knapper)|(?:viel )?zu lang",
  short: (n) => (n === null ? "Halte dich kurz." : `Halte dich kurz: höchstens ${n} Wörter.`),
  longer: "(?:viel |etwas )?(?:länger|ausführlicher)|(?:viel )?zu kurz|mehr details",
  long: (n) => (n === null ? "Geh ins Detail." : `Geh ins Detail: mindestens ${n} Wörter.`),
  language:
    "auf (englisch|französisch|deutsch|spanisch|italienisch|portugiesisch|niederländisch|polnisch|russisch|türkisch|japanisch|chinesisch|arabisch|latein)",
  answerIn: (name) => `Antworte auf ${name.charAt(0).toUpperCase()}${name.slice(1)}.`,
  table: ["als tabelle", "Schreibe es als Tabelle."],
  bullets: ["(?:als |in )stichpunkte?n?", "Schreibe es in Stichpunkten."],
});

const french = languageWith({
  before: "non|et|mais|réponds|répondez|écris-le|écrivez-le",
  after: "s'il te plaît|s'il vous plaît|stp|svp|merci",
  shorter: "(?:beaucoup |un peu |bien )?plus (?:courte?|brève?|bref|concise?)|trop long(?:ue)?",
  short: (n) => (n === null ? "Réponds brièvement." : `Réponds brièvement : ${n} mots au plus.`),
  longer: "(?:beaucoup |un peu )?plus (?:long|longue|détaillée?)|trop courte?|plus de détails",
  long: (n) => (n === null ? "Donne des détails." : `Donne des détails : au moins ${n} mots.`),
  language:
    "en (français|anglais|allemand|espagnol|italien|portugais|néerlandais|polonais|russe|turc|japonais|chinois|arabe|latin)",
  answerIn: (name) => `Réponds en ${name}.`,
  table: ["(?:en|sous forme de) tableau", "Présente-le sous forme de tableau."],
  bullets: ["(?:en|sous forme de) liste à puces", "Présente-le en liste à puces."],
});

const spanish = languageWith({
  before: "no,|y|pero|por favor|responde|escríbelo|hazlo|dilo",
  after: "por favor|gracias",
  shorter: "(?:mucho |un poco )?más (?:cort[oa]|breve|concis[oa])|(?:demasiado|muy) larg[oa]",
  short: (n) => (n === null ? "Sé breve." : `Sé breve: ${n} palabras como máximo.`),
  longer:
    "(?:mucho |un poco )?más (?:larg[oa]|detallad[oa])|(?:demasiado|muy) cort[oa]|más detalles",
  long: (n) => (n === null ? "Da detalles." : `Da detalles: al menos ${n} palabras.`),
  language:
    "en (español|inglés|francés|alemán|italiano|portugués|neerlandés|polaco|ruso|turco|japonés|chino|árabe|latín)",
  answerIn: (name) => `Responde en ${name}.`,
  table: ["(?:en|como)(?: una)? tabla", "Escríbelo como una tabla."],
  bullets: ["(?:en|con) viñetas", "Escríbelo con viñetas."],
});

const italian = languageWith({
  before: "no,|e|ma|per favore|rispondi|scrivilo|dillo",
  after: "per favore|grazie",
  shorter: "(?:molto |un po' )?più (?:cort[oa]|breve|concis[oa])|troppo lung[oa]",
  short: (n) => (n === null ? "Sii breve." : `Sii breve: al massimo ${n} parole.`),
  longer:
    "(?:molto |un po' )?più (?:lung[oa]|dettagliat[oa])|troppo (?:cort[oa]|breve)|più dettagli",
  long: (n) => (n === null ? "Entra nei dettagli." : `Entra nei dettagli: almeno ${n} parole.`),
  language:
    "in (italiano|inglese|francese|tedesco|spagnolo|portoghese|olandese|polacco|russo|turco|giapponese|cinese|arabo|latino)",
  answerIn: (name) => `Rispondi in ${name}.`,
  table: ["(?:in una|come) tabella", "Scrivilo come tabella."],
  bullets: ["(?:in un|con un) elenco puntato", "Scrivilo con un elenco puntato."],
});

export const otherLanguages: readonly PlainLanguage[] = [german, french, spanish, italian];
