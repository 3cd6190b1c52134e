/** Python's string operations: characters are code points, and white space is Python's. */

const spaces =
  "\\t-\\r\\x1c-\\x20\\x85\\xa0\\u1680\\u2000-\\u200a\\u2028\\u2029\\u202f\\u205f\\u3000";
const wholeSpace = new RegExp(`^[${spaces}]+$`);
const word = new RegExp(`[^${spaces}]+`, "g");
const astral = /[\ud800-\udbff][\udc00-\udfff]/;

/** Code points of a text; the text itself, unsplit, where each is one unit. */
export function characters(text: string): ArrayLike<string> {
  return astral.test(text) ? Array.from(text) : text;
}

export function textLength(text: string): number {
  return characters(text).length;
}

export function isSpace(text: string): boolean {
  return wholeSpace.test(text);
}

export function words(text: string): string[] {
  return text.match(word) ?? [];
}

/** Removes the given characters at the start, or white space if none are given. */
export function trimStart(text: string, chars: string | null = null): string {
  const isStripped = stripped(chars);
  const units = [...text];
  let start = 0;
  while (start < units.length && isStripped(units[start]!)) start++;
  return start === 0 ? text : units.slice(start).join("");
}

export function trimEnd(text: string, chars: string | null = null): string {
  const isStripped = stripped(chars);
  let end = text.length;
  while (end > 0) {
    const code = text.codePointAt(end - 2);
    const width = end > 1 && code !== undefined && code > 0xffff ? 2 : 1;
    if (!isStripped(text.slice(end - width, end))) break;
    end -= width;
  }
  return text.slice(0, end);
}

export function trim(text: string, chars: string | null = null): string {
  return trimEnd(trimStart(text, chars), chars);
}

function stripped(chars: string | null): (character: string) => boolean {
  if (chars === null) return isSpace;
  const set = new Set(chars);
  return (character) => set.has(character);
}

/** `str.split`: at most `max` times from the left; at runs of white space if the separator is null. */
export function split(text: string, separator: string | null, max: number): string[] {
  if (separator === "") throw new Error("empty separator");
  const parts: string[] = [];
  let rest = separator === null ? trimStart(text) : text;
  while (max < 0 || parts.length < max) {
    const [at, width] =
      separator === null ? firstGap(rest) : [rest.indexOf(separator), separator.length];
    if (at < 0) break;
    parts.push(rest.slice(0, at));
    rest = rest.slice(at + width);
  }
  // White space at the end separates nothing.
  if (separator !== null || rest !== "")
    parts.push(separator === null && max < 0 ? trimEnd(rest) : rest);
  return parts;
}

const gap = new RegExp(`[${spaces}]+`);

function firstGap(text: string): [number, number] {
  const match = gap.exec(text);
  return match === null ? [-1, 0] : [match.index, match[0].length];
}

/** `str.rsplit`: as `split`, but from the right. */
export function splitRight(text: string, separator: string | null, max: number): string[] {
  if (max < 0) return split(text, separator, max);
  if (separator === "") throw new Error("empty separator");
  const parts: string[] = [];
  let rest = separator === null ? trimEnd(text) : text;
  while (parts.length < max) {
    const [at, width] =
      separator === null ? lastGap(rest) : [rest.lastIndexOf(separator), separator.length];
    if (at < 0) break;
    parts.unshift(rest.slice(at + width));
    rest = rest.slice(0, at);
  }
  if (separator !== null || rest !== "") parts.unshift(rest);
  return parts;
}

function lastGap(text: string): [number, number] {
  let end = text.length;
  while (end > 0 && !isSpace(text[end - 1]!)) end--;
  let start = end;
  while (start > 0 && isSpace(text[start - 1]!)) start--;
  return start === end ? [-1, 0] : [start, end - start];
}

const lineEnds = "\\n\\r\\v\\f\\x1c-\\x1e\\x85\\u2028\\u2029";
const line = new RegExp(`[^${lineEnds}]*(?:\\r\\n|[${lineEnds}]|$)`, "g");
const lineEnd = new RegExp(`(?:\\r\\n|[${lineEnds}])$`);

export function splitLines(text: string, keepEnds: boolean): string[] {
  const kept = (text.match(line) ?? []).filter((part) => part !== "");
  return keepEnds ? kept : kept.map((part) => part.replace(lineEnd, ""));
}

/** `str.replace`: at most `max` times; between all characters if `old` is empty. */
export function replace(text: string, old: string, by: string, max: number): string {
  if (max < 0 && old !== "") return text.split(old).join(by);
  const limit = max < 0 ? Infinity : max;
  if (old !== "") {
    const parts = split(text, old, limit === Infinity ? -1 : limit);
    return parts.join(by);
  }
  let count = 0;
  const units = [...text];
  let result = "";
  for (const unit of units) result += (count++ < limit ? by : "") + unit;
  return count < limit ? result + by : result;
}

/** Removes HTML comments and tags; unclosed ones stay. */
export function withoutTags(text: string): string {
  let result = "";
  let at = 0;
  let open = text.indexOf("<");
  const commentsEnd = text.lastIndexOf("-->");
  while (open >= 0) {
    const isComment = text.startsWith("<!--", open) && open + 4 <= commentsEnd;
    const close = text.indexOf(isComment ? "-->" : ">", isComment ? open + 4 : open);
    if (close < 0) break;
    result += text.slice(at, open);
    at = close + (isComment ? 3 : 1);
    open = text.indexOf("<", at);
  }
  return result + text.slice(at);
}

/** `str.title`: the first letter of each run of letters. */
export function titleCase(text: string): string {
  return text.replace(/\p{Cased}(?:\p{Cased}|\p{Mn})*/gu, capitalize);
}

export function capitalize(text: string): string {
  const [first = ""] = text;
  return first.toUpperCase() + text.slice(first.length).toLowerCase();
}

export function swapCase(text: string): string {
  return [...text].map((c) => (c === c.toLowerCase() ? c.toUpperCase() : c.toLowerCase())).join("");
}

/** Where `part` begins, in code points; -1 if it does not occur. */
export function find(text: string, part: string, fromRight: boolean): number {
  const at = fromRight ? text.lastIndexOf(part) : text.indexOf(part);
  return at < 0 ? -1 : textLength(text.slice(0, at));
}

export function count(text: string, part: string): number {
  return part === "" ? textLength(text) + 1 : text.split(part).length - 1;
}

export function expandTabs(text: string, size: number): string {
  let column = 0;
  let result = "";
  for (const c of text) {
    const added = c !== "\t" ? c : size > 0 ? " ".repeat(size - (column % size)) : "";
    column = c === "\n" || c === "\r" ? 0 : column + added.length;
    result += added;
  }
  return result;
}

/** At most this many characters are added, whatever width is requested. */
const paddingMax = 1_000_000;

/** Pads to `width` code points; "^" rounds as `str.center` does. */
export function pad(text: string, width: number, align: "<" | ">" | "^", fill = " "): string {
  const missing = width - textLength(text);
  if (missing <= 0) return text;
  if (missing > paddingMax) throw new Error(`cannot pad to ${width} characters`);
  const left = align === "<" ? 0 : align === ">" ? missing : (missing >> 1) + (missing & width & 1);
  return fill.repeat(left) + text + fill.repeat(missing - left);
}
