/**
 * The words axis: how requests are worded, given what a session has learnt. It knows no network, no storage, no clock.
 *
 * Every function is pure over a JSON-serialisable `WordsState` (one per session, start with `emptyWords()`).
 *
 * 1. New request: `reviseRequest(state, request)` → `{ prompt, changed, spans, constraints }`. Send `prompt`
 *    to the model. Before any feedback on an ambiguous span, `prompt` is the request as said.
 * 2. Feedback on a turn, in two phases. `input` = `{ turnId, request, attempts, feedback }`:
 *      const items = candidatesToScore(state, input);        // maybe empty: then skip the scoring
 *      const scores = await score(items);                     // /v1/score, the session's adapter: each reply
 *                                                             // under [...history, {role: "user", content: item.prompt}]
 *      const { state: next, revision } = textualGradient(state, input, scores);
 *    `scores` are summed log-probs aligned with `items`, or null when scoring failed or was not wanted: the
 *    ledger then goes by rules alone. The same state and input must be used in both phases.
 *    On rejected feedback retry with `revision.after`; on accepted feedback the words stay.
 *    `revision.share` and `revision.hinted` feed shared/src/schedule.ts.
 * 3. The user's own hand: `undoRevision(state)` (words and what was learnt, most recent first),
 *    `editConstraint`, `deleteConstraint`, `forgetSense`; list with `state.constraints` and `state.senses`.
 * 4. A tenant's own senses: validated by contract/lexicon.ts; compile once with `lexiconWith`, pass as
 *    `options.lexicon` to every call.
 * 5. A model beside the rules: providers/index.ts, `proposeRewrite` then `adopt`.
 *
 * Read gradient.ts first; evidence.ts, ledger.ts (readings) and remarks/ (what people say, kept as they
 * said it) are its two halves.
 */
export { lexiconWith } from "./custom-lexicon.ts";
export type { GradientOptions } from "./evidence.ts";
export { candidatesToScore, reviseRequest, textualGradient } from "./gradient.ts";
export {
  deleteConstraint,
  editConstraint,
  emptyWords,
  forgetSense,
  undoRevision,
} from "./state.ts";
export type * from "./types.ts";
