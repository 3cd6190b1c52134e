/** Recognises the language of a text by its commonest words. */

/** Characters that are examined. */
const readCharsMax = 2_000;

const commonWords: Record<string, string> = {
  en: "the a an and or but not is are was were be it that this these of to in on for with from by as at you i my me your what which who how when where why can could would should please make give write more less than then them no yes use do does don't tell show too much only just",
  de: "der die das und oder aber nicht ist sind ein eine einen einem einer es ich du sie wir mir mich dir mein meine bitte auf in mit von für zu zum zur den dem des wie was wer wann wo warum kein keine als auch noch nur mehr weniger im über aus bei nach",
  fr: "le la les un une des du de et ou mais ne pas est sont ce cette ces il elle je tu vous nous mon ma mes que qui quoi quel quelle comment pourquoi quand où en dans sur avec pour par plus moins sans très trop plaît merci non oui l d c n qu au aux",
  es: "el la los las un una unos unas de del y o pero no es son este esta esto yo tú usted mi mis que qué quién cómo cuándo dónde por para con sin en más menos muy demasiado favor gracias sí al lo se",
  it: "il lo la gli le un uno una di del della e o ma non è sono questo questa io tu lei mio mia che chi come quando dove perché per con senza in più meno molto troppo favore grazie sì nel nella al",
  pt: "o os um uma uns umas do da dos das em no na nos nas não sem mais menos e ou mas que para por com muito isso isto eu você meu minha",
  nl: "het een en of maar niet is zijn de van voor met zonder te meer minder ik je jij wij mij dit dat deze graag op naar",
  pl: "i oraz ale nie jest są w z na do bez bardziej mniej dla to ten ta te proszę po się",
  sv: "och og men inte ikke är er en ett et det den utan uten mer mindre med för for på tack takk jag jeg",
  tr: "ve ama değil bir bu şu için ile daha az çok lütfen",
};

/** For each common word the languages that have it. */
const languagesOf = Map.groupBy(
  Object.entries(commonWords).flatMap(([id, words]) =>
    words.split(" ").map((word) => ({ id, word })),
  ),
  ({ word }) => word,
);

/** Code of the language to which most of a text's common words belong; null for none. */
export function languageOf(text: string): string | null {
  const read = text.slice(0, readCharsMax).toLowerCase();
  const hits = new Map(Object.keys(commonWords).map((id) => [id, 0]));
  for (const [word] of read.matchAll(/\p{L}+(?:'\p{L}+)?/gu)) {
    for (const { id } of languagesOf.get(word) ?? []) hits.set(id, hits.get(id)! + 1);
  }
  const [best, hitsMost] = [...hits].reduce((a, b) => (b[1] > a[1] ? b : a));
  return hitsMost > 0 ? best : null;
}
