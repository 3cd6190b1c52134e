/** Finds what of a text a vocabulary has no token for. It knows no vocabulary: how a text is spelled is asked. */
import type { ReplyReach } from "@rosa2/shared/protocol";

/** In tokens alone, some of it in bytes (byte fallback), or with parts that no token stands for. */
export type Spelling = "tokens" | "bytes" | "lost";

export type Foreign = Pick<ReplyReach, "in_bytes" | "unwritable">;

/** More of a kind is not told. */
const foreignMax = 8;

/** Characters that are spelled in bytes, and characters, or else words, that cannot be written at all. */
export function foreignText(text: string, spellingOf: (part: string) => Spelling): Foreign {
  const whole = spellingOf(text);
  if (whole === "tokens") return { in_bytes: [], unwritable: [] };
  const characters = partsBy(new Set(text.replace(/\s+/gu, "")), spellingOf);
  const in_bytes = characters.bytes;
  if (whole === "bytes" || characters.lost.length > 0)
    return { in_bytes, unwritable: characters.lost };
  return { in_bytes, unwritable: partsBy(new Set(text.split(/\s+/u)), spellingOf).lost };
}

function partsBy(parts: ReadonlySet<string>, spellingOf: (part: string) => Spelling) {
  const found: Record<Spelling, string[]> = { tokens: [], bytes: [], lost: [] };
  for (const part of parts) {
    const alike = found[spellingOf(part)];
    if (alike.length < foreignMax) alike.push(part);
  }
  return found;
}
