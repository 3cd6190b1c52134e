/** German, French, Spanish and Italian: the requests people make most; what these rules miss is quoted as said. */
import { draft, type Locale, type Rule, type RuleContext, userWords } from "./rule.ts";

/** What one language needs for the shared set of rules. */
interface Phrasebook {
  shorter: RegExp;
  short: (words: number | null) => string;
  longer: RegExp;
  long: (words: number | null) => string;
  /** Group 1: the language's name, as said. */
  language: RegExp;
  answerIn: (language: string) => string;
  formal: RegExp;
  formalText: string;
  informal: RegExp;
  informalText: string;
  simpler: RegExp;
  simpleText: string;
  /** Group 1: a negation or nothing; then the form. */
  forms: [pattern: RegExp, value: string, wanted: string, unwanted: string][];
  /** Group 1: a bound or nothing; 2: number; 3: unit. */
  count: RegExp;
  countText: (bound: string | undefined, count: string, unit: string) => string;
  /** Group 1: wanted; 2: unwanted. */
  contrast: RegExp;
  contrastText: (wanted: string, unwanted: string) => string;
  /** Group 1: what is meant. */
  meant: RegExp;
  meantText: (wanted: string) => string;
  /** Group 1: the verb as said; 2: the words. */
  content: RegExp;
  without: RegExp;
  withoutText: (what: string) => string;
}

function rulesOf(book: Phrasebook): Pick<Locale, "rules" | "styleRules"> {
  const sized = (context: RuleContext, factor: number) =>
    context.replyWords < 8 ? null : Math.round(context.replyWords * factor);
  const styleRules: Rule[] = [
    { pattern: book.language, read: (m) => draft("language", m[1]!, book.answerIn(m[1]!)) },
    {
      pattern: book.count,
      read: (m) => draft("length", m[0], book.countText(m[1], m[2]!, m[3]!), { scope: "turn" }),
    },
    {
      pattern: book.shorter,
      read: (_, c) =>
        draft("length", "short", book.short(sized(c, 0.5)), { later: book.short(null) }),
    },
    {
      pattern: book.longer,
      read: (_, c) => draft("length", "long", book.long(sized(c, 1.5)), { later: book.long(null) }),
    },
    ...book.forms.map(
      ([pattern, value, wanted, unwanted]): Rule => ({
        pattern,
        read: (m) =>
          draft("form", value, m[1] === undefined ? wanted : unwanted, {
            negated: m[1] !== undefined,
          }),
      }),
    ),
    { pattern: book.informal, read: () => draft("tone", "informal", book.informalText) },
    { pattern: book.formal, read: () => draft("tone", "formal", book.formalText) },
    { pattern: book.simpler, read: () => draft("audience", "simple", book.simpleText) },
  ];
  const contentRules: Rule[] = [
    {
      pattern: book.contrast,
      read: (m) =>
        draft("value", m[1]!, book.contrastText(userWords(m[1]!), userWords(m[2]!)), {
          scope: "turn",
        }),
    },
    {
      pattern: book.meant,
      read: (m) => draft("value", m[1]!, book.meantText(userWords(m[1]!)), { scope: "turn" }),
    },
    {
      pattern: book.without,
      read: (m) => draft("content", m[0], book.withoutText(userWords(m[1]!)), { scope: "turn" }),
    },
    {
      pattern: book.content,
      read: (m) => {
        const verb = m[1]!.charAt(0).toUpperCase() + m[1]!.slice(1);
        return draft("content", m[0], `${verb} ${userWords(m[2]!)}.`, { scope: "turn" });
      },
    },
  ];
  return { styleRules, rules: [...styleRules, ...contentRules] };
}

const words = "([^.;,!?\\n\\ue000]{1,80}?)";
const end = "(?=\\s*(?:[.;,!?\\n\\ue000]|$))";
const set = (list: string) => new Set(list.split(" "));

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
    count:
      /\b(?:in |mit |auf )?(höchstens |maximal |max\.? |unter |mindestens |genau |nur |etwa )?(\d+|ein(?:em|en)?|zwei|drei|vier|fünf|zehn) (wörter[n]?|worten?|sätze[n]?|satz|zeilen?|absätze[n]?|absatz|punkte[n]?|beispiele[n]?|zeichen)(?![\p{L}])/giu,
    countText: (bound, n, unit) => `Umfang: ${bound ?? ""}${n} ${unit}.`,
    contrast: new RegExp(
      `(?<=^|[,;.!]\\s*|nein\\s+)(?:ich meine |ich meinte |es ist )?${words},?\\s+(?:und )?nicht\\s+${words}${end}`,
      "giu",
    ),
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

export const french: Locale = {
  id: "fr",
  stopwords: set(
    "le la les un une des du de et ou mais ne pas est sont ce cette ces il elle je tu vous nous mon ma mes que qui quoi quel quelle comment pourquoi quand où en dans sur avec pour par plus moins sans très trop s'il te plaît merci non oui écris écrivez fais faites donne donnez explique l d c n qu au aux court courte long longue",
  ),
  ...rulesOf({
    shorter:
      /(?<![\p{L}])(?:beaucoup |un peu |bien )?(?:plus (?:courte?|concis|concise|bref|brève)|trop (?:longue?|verbeux)|raccourci(?:s|r|ssez)|abrège|résume)(?![\p{L}])/giu,
    short: (n) => (n === null ? "Réponds brièvement." : `Réponds brièvement : ${n} mots au plus.`),
    longer:
      /(?<![\p{L}])(?:un peu |beaucoup )?(?:plus (?:longue?|détaillée?|de détails?|complète?)|trop (?:courte?|brève?)|développe)(?![\p{L}])/giu,
    long: (n) =>
      n === null ? "Donne plus de détails." : `Donne plus de détails : au moins ${n} mots.`,
    language:
      /(?<![\p{L}])en\s+(anglais|français|allemand|espagnol|italien|portugais|néerlandais|polonais|russe|turc|japonais|chinois|arabe|latin)(?![\p{L}])/giu,
    answerIn: (l) => `Réponds en ${l}.`,
    formal:
      /(?<![\p{L}])(?:plus (?:formel(?:le)?|poli|polie|soutenue?)|trop (?:familier|familière|informel(?:le)?)|vouvoie|vouvoyer)(?![\p{L}])/giu,
    formalText: "Emploie un ton formel.",
    informal:
      /(?<![\p{L}])(?:moins formel(?:le)?|trop formel(?:le)?|plus (?:familier|familière|décontractée?|informel(?:le)?)|tutoie|tutoyer)(?![\p{L}])/giu,
    informalText: "Emploie un ton familier, pas formel.",
    simpler:
      /(?<![\p{L}])(?:plus simple(?:ment)?|trop (?:compliquée?|technique|difficile)|pour (?:un |des )?(?:enfants?|débutants?))(?![\p{L}])/giu,
    simpleText: "Emploie des mots simples.",
    forms: [
      [
        /(?:(pas (?:de|un|en)|sans)\s+)?(?:sous forme de |dans un |en |un )?(?<![\p{L}])tableau(?:x)?(?![\p{L}])/giu,
        "table",
        "Présente-le sous forme de tableau.",
        "N'utilise pas de tableau.",
      ],
      [
        /(?:(pas (?:de|en)|sans)\s+)?(?:sous forme de |en )?(?<![\p{L}])(?:puces|liste à puces)(?![\p{L}])/giu,
        "bullets",
        "Utilise des puces.",
        "N'utilise pas de puces.",
      ],
      [
        /(?:(pas (?:de|une|en)|sans)\s+)?(?:sous forme de |en |une )?(?<![\p{L}])liste(?: numérotée)?(?![\p{L}])/giu,
        "list",
        "Présente-le sous forme de liste.",
        "N'utilise pas de liste.",
      ],
      [
        /(?:(pas d['’]|sans\s+))?(?<![\p{L}])[ée]mojis?(?![\p{L}])/giu,
        "emojis",
        "Utilise des émojis.",
        "N'utilise pas d'émojis.",
      ],
    ],
    count:
      /(?<![\p{L}])(?:en )?(au plus |au maximum |maximum |moins de |au moins |exactement |seulement |environ )?(\d+|une?|deux|trois|quatre|cinq|dix) (mots?|phrases?|lignes?|paragraphes?|points?|exemples?|caractères?)(?![\p{L}])/giu,
    countText: (bound, n, unit) => `Longueur : ${bound ?? ""}${n} ${unit}.`,
    contrast: new RegExp(
      `(?<=^|[,;.!]\\s*|non\\s+)(?:je veux dire |c'est )?${words},?\\s+(?:et )?(?:pas|non pas)\\s+${words}${end}`,
      "giu",
    ),
    contrastText: (a, b) => `Je veux dire ${a}, pas ${b}.`,
    meant: new RegExp(
      `(?<![\\p{L}])je\\s+(?:voulais dire|veux dire|parle de|parlais de)\\s+${words}${end}`,
      "giu",
    ),
    meantText: (a) => `Je veux dire ${a}.`,
    content: new RegExp(
      `(?<=^|[,;.!]\\s*|et )(mentionne|ajoute|inclus|explique|décris|parle de|utilise)\\s+${words}${end}`,
      "giu",
    ),
    without: new RegExp(`(?<![\\p{L}])(?:sans|enlève|supprime|retire)\\s+${words}${end}`, "giu"),
    withoutText: (what) => `Sans ${what}.`,
  }),
  filler:
    /(?<![\p{L}])(?:non|pas|ça|ce|c['’]est|est|faux|mauvais|encore|essaie|stp|s['’]il te plaît|s['’]il vous plaît|merci|oui|mais|et|je|tu|il|le|la|les|un|une|de|fais|fais-le|bon|bien|veux|voulais|réponse)(?![\p{L}])/giu,
  always: /(?<![\p{L}])(?:toujours|à partir de maintenant|désormais|dorénavant)(?![\p{L}])/iu,
  once: /(?<![\p{L}])(?:cette fois)(?![\p{L}])/iu,
  quote: (remark) => `Ma remarque : ${remark}.`,
};

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
    count:
      /(?<![\p{L}])(?:en )?(como máximo |máximo |menos de |al menos |exactamente |solo |sólo |unas? )?(\d+|un|una|dos|tres|cuatro|cinco|diez) (palabras?|frases?|oraci(?:ón|ones)|líneas?|párrafos?|puntos?|ejemplos?|caracteres)(?![\p{L}])/giu,
    countText: (bound, n, unit) => `Extensión: ${bound ?? ""}${n} ${unit}.`,
    contrast: new RegExp(
      `(?<=^|[,;.!]\\s*)(?:quiero decir |es )?${words},\\s*(?:y )?no\\s+${words}${end}`,
      "giu",
    ),
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
    count:
      /(?<![\p{L}])(?:in )?(al massimo |massimo |meno di |almeno |esattamente |solo |circa )?(\d+|una?|due|tre|quattro|cinque|dieci) (parole|parola|frasi|frase|righe|riga|paragrafi|paragrafo|punti|esempi|caratteri)(?![\p{L}])/giu,
    countText: (bound, n, unit) => `Lunghezza: ${bound ?? ""}${n} ${unit}.`,
    contrast: new RegExp(
      `(?<=^|[,;.!]\\s*)(?:intendo |è )?${words},\\s*(?:e )?non\\s+${words}${end}`,
      "giu",
    ),
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
