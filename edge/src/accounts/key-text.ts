/** The text of an API key: drawn, recognised and abbreviated here. It knows no database. */

/** 43 characters of base 62: 256 bits. */
export const keyShape = /^rosa2_[0-9A-Za-z]{43}$/;
const alphabet = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

export function generateKey(): string {
  let text = "";
  while (text.length < 43) {
    const bytes = crypto.getRandomValues(new Uint8Array(64));
    // Bytes past the largest multiple of 62 are dropped, so every character is equally likely.
    for (const byte of bytes) if (byte < 248 && text.length < 43) text += alphabet[byte % 62];
  }
  return `rosa2_${text}`;
}

/** Enough of a key for a person to tell it from others. */
export function keyPrefix(key: string): string {
  return key.slice(0, 12);
}
