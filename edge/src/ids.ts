/** Identifiers: a prefix for the kind and a ULID, so that ids sort by their time of creation. */
import { monotonicFactory } from "ulid";

/** Random words, drawn many at once: one id takes sixteen, and drawing few takes as long as drawing many. */
const words = new Uint32Array(256);
let used = words.length;

function randomWord(): number {
  if (used === words.length) {
    crypto.getRandomValues(words);
    used = 0;
  }
  return words[used++] ?? 0;
}

const next = monotonicFactory((): number => randomWord() / 0x1_0000_0000);

/** The given number of random 32-bit words in hexadecimal. */
export function randomHex(wordCount: number): string {
  let hex = "";
  for (let n = 0; n < wordCount; n++) hex += randomWord().toString(16).padStart(8, "0");
  return hex;
}

export type IdPrefix =
  | "chatcmpl"
  | "resp"
  | "turn"
  | "gen"
  | "key"
  | "fb"
  | "req"
  | "ten"
  | "sig"
  | "rev"
  | "wh"
  | "msg";

export function newId(prefix: IdPrefix): string {
  return `${prefix}_${next()}`;
}

/** Lower-case hexadecimal SHA-256. */
export async function sha256(data: string | Uint8Array): Promise<string> {
  const bytes = typeof data === "string" ? new TextEncoder().encode(data) : data;
  const digest = await crypto.subtle.digest("SHA-256", bytes as Uint8Array<ArrayBuffer>);
  return Array.from(new Uint8Array(digest), (byte) => byte.toString(16).padStart(2, "0")).join("");
}
