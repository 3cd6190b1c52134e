/** The vocabulary: special tokens, bytes, characters, and the words of the training language plus everyday English. */
import { seededRandom } from "@rosa2/shared/random";
import { drawSample } from "../language/samples.ts";

/** Stands for a space, as in Llama's tokenizers. */
export const space = "\u2581";
/** Word joiner: takes back the space that every word and digit carries. */
export const joiner = "\u2060";

export const specialTokens = {
  pad: "<|pad|>",
  system: "<|system|>",
  user: "<|user|>",
  assistant: "<|assistant|>",
  end: "<|end|>",
} as const;

/** Samples that the words are collected from. */
const sampleCount = 60_000;

/** Frequent English words that the training language may not use, so that other text is not all spelled out. */
const everydayWords = (
  "the of and to in a is that it was for on are as with his they at be this from have or by one had not but what " +
  "all were when we there can an your which their said if do will each about how up out them then she many some so " +
  "these would other into has more her two like him see time could no make than first been its who now people my " +
  "made over did down only way find use may water long little very after words called just where most know get " +
  "through back much before go good new write our used me man too any day same right look think also around another " +
  "came come work three word must because does part even place well such here take why things help put years " +
  "different away again off went old number great tell men say small every found still between name should home big " +
  "give air line set own under read last never us left end along while might next sound below saw something thought " +
  "both few those always looked show large often together asked house world going want school important until form " +
  "food keep children feet land side without boy once animals life enough took sometimes four head above kind began " +
  "almost live page got earth need far hand high year mother light parts country father let night following picture " +
  "being study second eyes soon times story boys since white days ever paper hard near sentence better best across " +
  "during today others however sure means knew try told young miles sun ways thing whole hear example heard several " +
  "change answer room sea against top turned learn point city play toward five using himself usually money seen " +
  "car morning yes ok please sorry mean reverse list lists numbers digits letters round between twice half middle " +
  "question request reply correct wrong instead nothing everything anything someone everyone"
).split(" ");

const letters = [..."abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"];
const digits = [..."0123456789"];
const punctuation = [..."!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~\n\t"];

/**
 * Tokens in the order of their ids. A word or digit is always one token with its space, wherever it
 * stands; what no token covers is spelled in characters, then in bytes.
 */
export function buildVocabulary(): string[] {
  const bytes = Array.from(
    { length: 256 },
    (_, byte) => `<0x${byte.toString(16).toUpperCase().padStart(2, "0")}>`,
  );
  const marks = punctuation.flatMap((mark) => [mark, space + mark, mark + joiner]);
  const tokens = [
    ...Object.values(specialTokens),
    ...bytes,
    space,
    joiner,
    ...letters,
    ...digits,
    ...[...letters, ...digits].map((character) => space + character),
    ...marks,
    ...[...`"'([{`].map((mark) => space + mark + joiner),
    ...[...collectWords(), ...everydayWords].map((word) => space + word),
  ];
  return [...new Set(tokens)];
}

/** Words of the training language in alphabetical order, so that ids do not move with the mix of samples. */
function collectWords(): string[] {
  const random = seededRandom("rosa2-mini vocabulary");
  const words = new Set<string>();
  for (let i = 0; i < sampleCount; i++) {
    for (const { content } of drawSample(random)) {
      for (const word of content.match(/[A-Za-z]+/g) ?? []) words.add(word);
    }
  }
  return [...words].sort();
}
