/**
 * Corrects @huggingface/tokenizers 0.2.0 where it differs from Hugging Face's own library (`tokenizers` 0.23): how a
 * Split keeps or drops its matches, and runs of bytes that form no UTF-8.
 */
import type { Tokenizer } from "@huggingface/tokenizers";

const spaces = "\\t-\\r\\x20\\x85\\xa0\\u1680\\u2000-\\u200a\\u2028\\u2029\\u202f\\u205f\\u3000";
const spaceAtStart = new RegExp(`^[${spaces}]+`);
const spaceAtEnd = new RegExp(`(?<![${spaces}])[${spaces}]+$`);

/** White space as Unicode defines it, without U+FEFF. */
export const trimStart = (text: string): string => text.replace(spaceAtStart, "");
export const trimEnd = (text: string): string => text.replace(spaceAtEnd, "");

/** A part of a tokenizer as the library builds it; a sequence contains its parts. */
interface Part {
  config?: {
    type?: string;
    behavior?: string;
    invert?: boolean;
    strip_left?: boolean;
    strip_right?: boolean;
  };
  normalize?: (text: string) => string;
  pattern?: RegExp | null;
  pre_tokenize_text?: (text: string) => string[];
  text_decoder?: { decode(bytes: Uint8Array): string };
  tokenizers?: Part[];
  decoders?: Part[];
  normalizers?: Part[];
}

/** Changes the tokenizer's parts in place. */
export function fixParts({ normalizer, pre_tokenizer, decoder }: Tokenizer): void {
  for (const part of partsOf(normalizer as Part | null)) {
    const { config } = part;
    if (config?.type !== "Strip") continue;
    part.normalize = (text) => {
      const left = config.strip_left ? trimStart(text) : text;
      return config.strip_right ? trimEnd(left) : left;
    };
  }
  for (const part of partsOf(pre_tokenizer as Part | null)) {
    const { config, pattern } = part;
    if (config?.type !== "Split" || !pattern) continue;
    const behavior = config.behavior ?? "Isolated";
    part.pre_tokenize_text = (text) =>
      split(text, pattern, config.invert === true, behavior.toLowerCase());
  }
  for (const part of partsOf(decoder as Part | null))
    if (part.config?.type === "ByteFallback") part.text_decoder = { decode: decodeRun };
}

function partsOf(part: Part | null): Part[] {
  if (part === null || part === undefined) return [];
  const { tokenizers = [], decoders = [], normalizers = [] } = part;
  return [part, ...[...tokenizers, ...decoders, ...normalizers].flatMap(partsOf)];
}

interface Piece {
  start: number;
  end: number;
  isMatch: boolean;
}

function split(text: string, pattern: RegExp, invert: boolean, behavior: string): string[] {
  const pieces = arrange(divide(text, pattern, invert), behavior);
  return pieces.map(({ start, end }) => text.slice(start, end));
}

/** Matches and the text between them; with `invert` the two are exchanged. */
function divide(text: string, pattern: RegExp, invert: boolean): Piece[] {
  const pieces: Piece[] = [];
  let at = 0;
  const add = (end: number, isMatch: boolean) => {
    if (end > at) pieces.push({ start: at, end, isMatch: isMatch !== invert });
    at = end;
  };
  for (const { 0: match, index } of text.matchAll(pattern)) {
    add(index, false);
    add(index + match.length, true);
  }
  add(text.length, false);
  return pieces;
}

function arrange(pieces: Piece[], behavior: string): Piece[] {
  switch (behavior) {
    case "removed":
      return pieces.filter(({ isMatch }) => !isMatch);
    case "contiguous":
      return merge(pieces, (piece, last) => piece.isMatch === last.isMatch);
    case "mergedwithprevious":
      return merge(pieces, (piece, last) => piece.isMatch && !last.isMatch);
    case "mergedwithnext":
      // As the function before, but read from the end.
      return merge(pieces.reverse(), (piece, last) => piece.isMatch && !last.isMatch).reverse();
    default:
      return pieces;
  }
}

/** Merges neighbours where `joins` says so of a piece and its predecessor. */
function merge(pieces: readonly Piece[], joins: (piece: Piece, last: Piece) => boolean): Piece[] {
  const merged: Piece[] = [];
  let last: Piece | undefined;
  for (const piece of pieces) {
    const open = merged.at(-1);
    if (open !== undefined && last !== undefined && joins(piece, last)) {
      open.start = Math.min(open.start, piece.start);
      open.end = Math.max(open.end, piece.end);
    } else merged.push({ ...piece });
    last = piece;
  }
  return merged;
}

const strict = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** A run of bytes as text, or one U+FFFD per byte if it is no text. */
function decodeRun(bytes: Uint8Array): string {
  try {
    return strict.decode(bytes);
  } catch {
    return "\ufffd".repeat(bytes.length);
  }
}
