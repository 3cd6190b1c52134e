/** Spanish: the requests people make most. */
import { end, rulesOf, set, words } from "./phrasebook.ts";
import type { Locale } from "./rule.ts";

export const spanish: Locale = {
  id: "es",
  stopwords: set(
    "el la los las un una unos unas de del y o pero no es son este esta esto yo tú usted mi mis que qué quién cómo cuándo dónde por para con sin en más menos muy demasiado favor gracias sí escribe haz hazlo dame explica al lo se corto corta largo larga otra vez",
  ),
  ...rulesOf({
    shorter:
      /(?<![\p{L}])(?:mucho |un poco )?(?:más (?:cort[oa]|breve|concis[oa])|demasiado larg[oa]|muy larg[oa]|acórtalo|resúmelo)(?![\p{L}])/giu,
    short: (n) =>
      n === null ? "Responde brevemente." : `Responde brevemente: ${n} palabras como máximo.`,
    longer:
      /(?<![\p{L}])(?:mucho |un poco )?(?:más (?:larg[oa]|detallad[oa]|detalles?|complet[oa])|demasiado (?:cort[oa]|breve)|muy cort[oa])(?![\p{L}])/giu,
    long: (n) => (n === null ? "Da más detalles." : `Da más detalles: al menos ${n} palabras.`),
    language:
      /(?<![\p{L}])(?:en|al)\s+(inglés|francés|alemán|español|italiano|portugués|neerlandés|polaco|ruso|turco|japonés|chino|árabe|catalán|latín)(?![\p{L}])/giu,
    answerIn: (l) => `Responde en ${l}.`,
    formal:
      /(?<![\p{L}])(?:más (?:formal|educad[oa]|cortés)|demasiado (?:informal|coloquial)|de usted)(?![\p{L}])/giu,
    formalText: "Usa un tono formal.",
    informal:
      /(?<![\p{L}])(?:menos formal|demasiado formal|más (?:informal|coloquial|cercan[oa])|de tú|tutéame)(?![\p{L}])/giu,
    informalText: "Usa un tono informal.",
    simpler:
      /(?<![\p{L}])(?:más (?:sencill[oa]|simple|fácil)|demasiado (?:complicad[oa]|técnic[oa]|difícil)|para (?:niños|principiantes))(?![\p{L}])/giu,
    simpleText: "Usa palabras sencillas.",
    forms: [
      [
        /(?:(no (?:una|en|uses)|sin)\s+)?(?:en (?:una )?|como |una )?(?<![\p{L}])tablas?(?![\p{L}])/giu,
        "table",
        "Preséntalo en una tabla.",
        "No uses una tabla.",
      ],
      [
        /(?:(no (?:en|uses)|sin)\s+)?(?:en |con )?(?<![\p{L}])(?:viñetas|lista con viñetas)(?![\p{L}])/giu,
        "bullets",
        "Usa viñetas.",
        "No uses viñetas.",
      ],
      [
        /(?:(no (?:una|en|uses)|sin)\s+)?(?:en (?:una )?|como |una )?(?<![\p{L}])lista(?: numerada)?(?![\p{L}])/giu,
        "list",
        "Preséntalo en una lista.",
        "No uses una lista.",
      ],
      [
        /(?:(sin|no uses)\s+)?(?<![\p{L}])emojis?(?![\p{L}])/giu,
        "emojis",
        "Usa emojis.",
        "No uses emojis.",
      ],
    ],
    against: /(?<![\p{L}])(?:demasiad[oa]s?|menos|sin|no|quita|elimina|evita)\s[^.;,!?]{0,20}$/iu,
    count:
      /(?<![\p{L}])(?:en )?(como máximo |máximo |menos de |al menos |exactamente |solo |sólo |unas? )?(\d+|un|una|dos|tres|cuatro|cinco|diez) (palabras?|frases?|oraci(?:ón|ones)|líneas?|párrafos?|puntos?|ejemplos?|caracteres)(?![\p{L}])/giu,
    countText: (bound, n, unit) => `Extensión: ${bound ?? ""}${n} ${unit}.`,
    contrast: new RegExp(
      `(?<=^|[,;.!]\\s*)(?:quiero decir |es )?${words},\\s*(?:y )?no\\s+${words}${end}`,
      "giu",
    ),
    statement: /(?<![\p{L}])(?:está|están|son|hay|tiene|sirve|quiero|puede)(?![\p{L}])/iu,
    contrastText: (a, b) => `Quiero decir ${a}, no ${b}.`,
    meant: new RegExp(
      `(?<![\\p{L}])(?:quise decir|quería decir|quiero decir|me refiero a|me refería a)\\s+${words}${end}`,
      "giu",
    ),
    meantText: (a) => `Me refiero a ${a}.`,
    content: new RegExp(
      `(?<=^|[,;.!]\\s*|y )(menciona|añade|agrega|incluye|explica|describe|habla de|usa)\\s+${words}${end}`,
      "giu",
    ),
    without: new RegExp(`(?<![\\p{L}])(?:sin|quita|elimina)\\s+${words}${end}`, "giu"),
    withoutText: (what) => `Sin ${what}.`,
  }),
  filler:
    /(?<![\p{L}])(?:no|mal|es|eso|está|incorrecto|otra|vez|por favor|gracias|sí|pero|y|yo|lo|la|el|un|una|de|hazlo|haz|bien|quiero|quería|respuesta|intenta|de nuevo)(?![\p{L}])/giu,
  always: /(?<![\p{L}])(?:siempre|de ahora en adelante|a partir de ahora)(?![\p{L}])/iu,
  once: /(?<![\p{L}])(?:esta vez)(?![\p{L}])/iu,
  quote: (remark) => `Mi observación: ${remark}.`,
};
