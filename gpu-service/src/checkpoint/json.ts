/** Reads JSON files as Python writes them. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { RosaError } from "@rosa2/shared/errors";

/** Python writes these three without quotes; JSON has no such numbers. Also matches a string that never closes. */
const stringOrForeign = /"(?:[^"\\]|\\[\s\S])*"?|-?\bInfinity\b|\bNaN\b/g;

/** As `JSON.parse`, but NaN and infinities become strings: harmless in unread fields, named in the error of read ones. */
export function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    const quoted = text.replace(stringOrForeign, (part) =>
      part.startsWith('"') ? part : `"${part}"`,
    );
    if (quoted === text) throw error;
    return JSON.parse(quoted);
  }
}

/** Throws `checkpoint_invalid` naming the file. */
export function readJson(directory: string, name: string): unknown {
  try {
    return parseJson(readFileSync(join(directory, name), "utf8"));
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new RosaError("checkpoint_invalid", `Cannot read ${name}: ${reason}`, {
      param: name,
      cause,
    });
  }
}
