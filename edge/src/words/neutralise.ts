/** Makes a person's or a model's text safe to put into a prompt: it stays data, whatever it says. */

/** Control, bidirectional-override, zero-width and other invisible characters, except tab and newline. */
const invisible =
  // biome-ignore lint/suspicious/noControlCharactersInRegex: these are what is removed
  /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u00ad\u061c\u180e\u200b\u200e\u200f\u202a-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb]|[\u{e0000}-\u{e007f}]/gu;

/** Template tokens of the usual chat models, which people do not type in requests. */
const templateToken =
  /<[|｜][\p{L}\p{N}_▁ -]{1,40}[|｜]>|<\/?(?:start_of_turn|end_of_turn|bos|eos|pad|unk|s|system|user|assistant)>|\[\/?(?:INST|SYS|AVAILABLE_TOOLS|TOOL_CALLS|TOOL_RESULTS)\]|<<\/?SYS>>/giu;

/** "system:" and the like at the beginning of a sentence, in a text of one line with single spaces. */
const roleMarker =
  /(^|[.,;!?()[\]{}"'“”>#*-] ?| )((?:# ?)?(?:system|assistant|user|human|developer|tool|function|instructions?)(?: (?:prompt|message|note))?) ?[:：]/giu;

/**
 * A request as the user typed it: invisible characters are removed, template tokens are broken with a space, everything
 * else stays byte for byte. Only tokens in a template's exact form are changed, so code survives.
 */
export function neutraliseRequest(text: string): string {
  return text
    .replace(invisible, "")
    .replace(/<([|｜])(?=[\p{L}\p{N}_▁]{1,40}[|｜]>)/gu, "< $1")
    .replace(/<(?=(?:start|end)_of_turn>)/gu, "< ");
}

/** Characters of a note that are examined. */
const noteReadCharsMax = 8_192;

/**
 * Text that the words add: one line, no template tokens, no role markers, no fences, at most `charsMax` characters (cut
 * at a word).
 */
export function neutraliseNote(text: string, charsMax: number): string {
  const oneLine = text
    .slice(0, noteReadCharsMax)
    .normalize("NFC")
    .replace(/[Ａ-Ｚａ-ｚ]/gu, (wide) => String.fromCharCode(wide.charCodeAt(0) - 0xfee0))
    .replace(invisible, "")
    .replace(templateToken, " ")
    .replace(/<[|｜]|[|｜]>|<<|>>/gu, " ")
    .replace(/`{3,}|~{3,}|-{3,}|={3,}|#{2,}/gu, " ")
    .replace(/\s+/gu, " ")
    .replace(roleMarker, "$1$2 -")
    .trim();
  if (oneLine.length <= charsMax) return oneLine;
  const cut = oneLine.slice(0, charsMax);
  const space = cut.lastIndexOf(" ");
  return (space > charsMax / 2 ? cut.slice(0, space) : cut).trimEnd();
}
