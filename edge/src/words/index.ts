/**
 * The words axis: how requests are worded, given what a session has learnt. It knows no network, no storage, no clock, and
 * nothing of any domain: candidates come from what was said, from a model, or from senses that users gave.
 *
 * Every function is pure over a JSON-serialisable `WordsState` (one per session, start with `emptyWords()`).
 *
 * 1. New request: `reviseRequest(state, request)` → `{ prompt, changed }`. Send `prompt`
 *    to the model. Before any feedback `prompt` is the request as said.
 * 2. Feedback on a turn. A remark that repeats a part of the request and says more is taken in first (`learnInPlace`).
 *    The model's reply to `remarkedWording(state, input)`, where that is not null, is evidence too: `input.heard`.
 *    Then two phases. `input` = `{ turnId, request, attempts, feedback }`:
 *      const items = candidatesToScore(state, input);        // maybe empty: then skip the scoring
 *      const scores = await score(items);                     // /v1/score, the session's adapter: each reply
 *                                                             // under [...history, {role: "user", content: item.prompt}]
 *      const { state: next, revision, isExplained } = textualGradient(state, input, scores);
 *    `scores` are aligned with `items`, or null when scoring failed or was not wanted: then only what was said goes
 *    out. The same state and input must be used in both phases.
 *    On rejected feedback retry with `revision.after`; on accepted feedback the words stay.
 *    `revision.share` and `revision.hinted` feed shared/src/schedule.ts.
 * 3. A model's wordings: where `isExplained` is false, draw some (providers/), take them in with
 *    `learnWordings`, and go through phase 2 with the state that it gives.
 * 4. The user's own hand: `editConstraint`, `deleteConstraint`, `forgetSense`; list with `state.constraints` and
 *    `state.senses`. The caller keeps earlier states, for an undo.
 * 5. Own senses of a tenant or session: validated by contract/lexicon.ts; compile once with `lexiconOf`, pass as
 *    `options.lexicon` to every call.
 *
 * Read gradient.ts first. remarks/ keeps what people say as they said it; evidence.ts and ledger.ts weigh readings;
 * stretches.ts, wordings.ts and learnt.ts are the lexicon that a session writes itself.
 */
export { lexiconOf } from "./custom-lexicon.ts";
export type { GradientOptions } from "./evidence.ts";
export {
  candidatesToScore,
  remarkedWording,
  reviseRequest,
  textualGradient,
} from "./gradient.ts";
export { learnInPlace } from "./in-place.ts";
export { drawsFor, learnWordings, phraseOf } from "./learnt.ts";
export {
  deleteConstraint,
  editConstraint,
  emptyWords,
  forgetSense,
} from "./state.ts";
export type * from "./types.ts";
