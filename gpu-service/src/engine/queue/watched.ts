/** What an update changed in watched replies, token by token. It knows no update, only two adapters. */
import { limits, type TokenShift } from "@rosa2/shared/protocol";
import type {
  AdapterWeights,
  LanguageModel,
  RowLogprobs,
  ScoreRow,
  Slices,
} from "../../language-model.ts";
import type { ChatTokenizer } from "../../tokenizer/tokenizer.ts";
import { TokenLog } from "../batch/token-log.ts";

/**
 * Log-probs of each reply's first tokens, as many as fit, under both adapters. A reply's end token is its last, without
 * text. Rows of the update itself are in `known` and are not measured again.
 */
export async function* tokenShifts(
  model: Pick<LanguageModel, "passRows">,
  tokenizer: ChatTokenizer,
  rows: readonly ScoreRow[],
  adapters: { before: AdapterWeights | null; after: AdapterWeights },
  tokensMax: number,
  known: RowLogprobs & { rows: readonly ScoreRow[] } = { rows: [], before: [], after: [] },
): Slices<TokenShift[][]> {
  const shown = rows.map(({ prompt, reply }) => ({
    prompt,
    reply: reply.slice(0, Math.min(limits.watchedTokensMax, tokensMax - prompt.length)),
  }));
  const places = rows.map((row) => known.rows.findIndex((other) => isSame(row, other)));
  const unknown = shown.filter((_, row) => places[row] === -1);
  const isMeasured = unknown.length > 0;
  const before = isMeasured ? yield* model.passRows(unknown, adapters.before) : [];
  const after = isMeasured ? yield* model.passRows(unknown, adapters.after) : [];
  let measured = 0;
  return shown.map(({ reply }, row) => {
    const place = places[row]!;
    const from = place === -1 ? { before, after, at: measured++ } : { ...known, at: place };
    return textsOf(tokenizer, [...reply]).map((text, at) => ({
      text,
      before: from.before[from.at]![at]!,
      after: from.after[from.at]![at]!,
    }));
  });
}

function isSame(one: ScoreRow, other: ScoreRow): boolean {
  const isEqual = (a: Int32Array, b: Int32Array) =>
    a.length === b.length && a.every((id, at) => id === b[at]);
  return isEqual(one.reply, other.reply) && isEqual(one.prompt, other.prompt);
}

/** Each token's part of the text. */
function textsOf(tokenizer: ChatTokenizer, ids: readonly number[]): string[] {
  const hasEnd = tokenizer.endIds.includes(ids.at(-1) ?? -1);
  const log = new TokenLog(tokenizer);
  const detokenizer = tokenizer.detokenizer();
  for (const id of hasEnd ? ids.slice(0, -1) : ids) {
    const before = detokenizer.clone();
    log.push({ id, logprob: 0, top: [] }, before, detokenizer.push(id));
  }
  log.end(detokenizer.flush());
  const texts = log.take(Number.POSITIVE_INFINITY, true).map(({ token }) => token);
  return hasEnd ? [...texts, ""] : texts;
}
