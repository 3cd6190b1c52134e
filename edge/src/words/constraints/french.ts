/** French: the requests people make most. */
import { end, rulesOf, set, words } from "./phrasebook.ts";
import type { Locale } from "./rule.ts";

export const french: Locale = {
  id: "fr",
  stopwords: set(
    "le la les un une des du de et ou mais ne pas est sont ce cette ces il elle je tu vous nous mon ma mes que qui quoi quel quelle comment pourquoi quand où en dans sur avec pour par plus moins sans très trop s'il te plaît merci non oui écris écrivez fais faites donne donnez explique l d c n qu au aux court courte long longue",
  ),
  ...rulesOf({
    shorter:
      /(?<![\p{L}])(?:beaucoup |un peu |bien )?(?:plus (?:courte?|concis|concise|bref|brève)|trop (?:long(?:ue)?|verbeux)|raccourci(?:s|r|ssez)|abrège|résume)(?![\p{L}])/giu,
    short: (n) => (n === null ? "Réponds brièvement." : `Réponds brièvement : ${n} mots au plus.`),
    longer:
      /(?<![\p{L}])(?:un peu |beaucoup )?(?:plus (?:long(?:ue)?|détaillée?|de détails?|complète?)|trop (?:courte?|bref|brève)|développe)(?![\p{L}])/giu,
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
    against:
      /(?<![\p{L}])(?:trop|moins|pas|sans|enl[èe]ve|retire|supprime|arr[êe]te|évite)[\s'’][^.;,!?]{0,20}$/iu,
    count:
      /(?<![\p{L}])(?:en )?(au plus |au maximum |maximum |moins de |au moins |exactement |seulement |environ )?(\d+|une?|deux|trois|quatre|cinq|dix) (mots?|phrases?|lignes?|paragraphes?|points?|exemples?|caractères?)(?![\p{L}])/giu,
    countText: (bound, n, unit) => `Longueur : ${bound ?? ""}${n} ${unit}.`,
    contrast: new RegExp(
      `(?<=^|[,;.!]\\s*|non\\s+)(?:je veux dire |c'est )?${words},?\\s+(?:et )?(?:pas|non pas)\\s+${words}${end}`,
      "giu",
    ),
    statement:
      /(?:^|\s)(?:n(?:e\s|['’])|(?:c['’])?est(?:\s|$)|(?:sont|suis|ai|ont|veux|peux|faut|va)(?:\s|$))/iu,
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
