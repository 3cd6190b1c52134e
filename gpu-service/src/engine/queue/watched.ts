/** What an update did to replies that are watched, token by token. It knows no update, only two adapters. */
import { limits, type TokenShift } from "@rosa2/shared/protocol";
import type { AdapterWeights, LanguageModel, ScoreRow, Slices } from "../../language-model.ts";
import type { ChatTokenizer } from "../../tokenizer/tokenizer.ts";
import { TokenLog } from "../batch/token-log.ts";

/** The first tokens of each reply, as many as fit, under both adapters; a reply's end token is its last, without text. */
export async function* tokenShifts(
  model: Pick<LanguageModel, "passRows">,
  tokenizer: ChatTokenizer,
  rows: readonly ScoreRow[],
  adapters: { before: AdapterWeights | null; after: AdapterWeights },
  tokensMax: number,
): Slices<TokenShift[][]> {
  if (rows.length === 0) return [];
  const shown = rows.map(({ prompt, reply }) => ({
    prompt,
    reply: reply.slice(0, Math.min(limits.watchedTokensMax, tokensMax - prompt.length)),
  }));
  const before = yield* model.passRows(shown, adapters.before);
  const after = yield* model.passRows(shown, adapters.after);
  return shown.map(({ reply }, row) =>
    textsOf(tokenizer, [...reply]).map((text, at) => ({
      text,
      before: before[row]![at]!,
      after: after[row]![at]!,
    })),
  );
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
