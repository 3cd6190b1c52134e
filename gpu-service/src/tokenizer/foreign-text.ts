/**
 * Finds the parts of a text for which a vocabulary has no token. It knows no vocabulary: the caller says how a text is
 * spelled.
 */
import type { ReplyReach } from "@rosa2/shared/protocol";

/** With tokens only, partly as bytes (byte fallback), or with parts that no token stands for. */
export type Spelling = "tokens" | "bytes" | "lost";

export type Foreign = Pick<ReplyReach, "in_bytes" | "unwritable">;

/** At most this many of a kind are reported. */
const foreignMax = 8;

/** Characters spelled as bytes, and characters (otherwise words) that cannot be written at all. */
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
