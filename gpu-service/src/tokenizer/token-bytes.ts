/** The bytes that one vocabulary entry stands for, as its decoder defines them. It knows no surrounding text. */

type Json = { type?: string; decoders?: Json[]; pattern?: { String?: string }; content?: string };

/** How a decoder writes bytes: as characters of its own (GPT-2), as `<0xE2>`, or not at all. */
export type ByteSpelling = "byte_level" | "byte_fallback" | "none";

export function byteSpelling(decoder: unknown): ByteSpelling {
  const types = stepsOf(decoder as Json | null).map(({ type }) => type);
  if (types.includes("ByteLevel")) return "byte_level";
  return types.includes("ByteFallback") ? "byte_fallback" : "none";
}

/**
 * The mark that joins a token to the next. A decoder that removes it together with the following space leaves it at the
 * end of a text. Null without one.
 */
export function joinerOf(decoder: unknown): string | null {
  for (const { type, pattern, content } of stepsOf(decoder as Json | null)) {
    const mark = /^(.)\u2581$/u.exec(pattern?.String ?? "")?.[1];
    if (type === "Replace" && content === "" && mark !== undefined) return mark;
  }
  return null;
}

/** Null for an entry that is text, not bytes. */
export function tokenBytes(entry: string, spelling: ByteSpelling): Uint8Array | null {
  if (spelling === "byte_fallback") {
    const hex = /^<0x([0-9A-Fa-f]{2})>$/.exec(entry)?.[1];
    return hex === undefined ? null : Uint8Array.of(Number.parseInt(hex, 16));
  }
  if (spelling === "none") return null;
  const bytes = [...entry].map((character) => byteOf.get(character));
  return bytes.includes(undefined) ? null : Uint8Array.from(bytes as number[]);
}

function stepsOf(decoder: Json | null): Json[] {
  if (decoder === null || decoder === undefined) return [];
  return [decoder, ...(decoder.decoders ?? []).flatMap(stepsOf)];
}

/** GPT-2's table: printable bytes of Latin-1 stand for themselves, the others for characters from U+0100 on. */
const byteOf = new Map<string, number>();
{
  let next = 0x100;
  for (let byte = 0; byte < 256; byte++) {
    const isPrintable = (byte > 0x20 && byte < 0x7f) || (byte > 0xa0 && byte !== 0xad);
    byteOf.set(String.fromCharCode(isPrintable ? byte : next++), byte);
  }
}
