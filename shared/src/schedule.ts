/**
 * Decides what one piece of feedback changes: the words, the weights, both or neither, and says why.
 *
 * Pure arithmetic on measured evidence; it rewrites and updates nothing. The order is fixed: words first, then weights
 * on the rewritten request. Symbols: x the words before, x′ after, y the rejected reply, y* an accepted or corrected
 * one, c = e^{S/T} the model's confidence in y (the geometric mean of its tokens' probabilities), π_z the ledger's
 * share of the reading that y answered.
 */

/** Which axes a session adapts. */
export const adaptationModes = ["both", "words", "weights", "off"] as const;
export type AdaptationMode = (typeof adaptationModes)[number];

/** Machine-readable reasons, in the order in which they are found. */
export const reasonTexts = {
  mode_off: "adaptation is switched off for this session",
  mode_words: "this session adapts words only",
  mode_weights: "this session adapts weights only",
  accepted: "the reply was accepted, so the words stay as they are",
  neutral_feedback: "a reward of zero without text or correction says nothing",
  words_unchanged: "no clearer wording was found",
  words_clearer: "the request was reworded",
  hint_means_ambiguity: "the feedback named what was misunderstood, so no skill is blamed",
  likely_ambiguity: "the reading, rather than the skill, is the likelier fault",
  likely_incapacity: "the skill, rather than the reading, is the likelier fault",
  correction_shows_skill_owed: "the right reply is not likely enough under these words",
  words_suffice: "the right reply is likely already under these words",
  already_sure: "the accepted reply was likely already",
  praise_is_replay: "praise alone changes no weights; later updates settle it or hold it in place",
  late_success: "the right reply came only at a later try",
  rejected_now_unlikely: "the rejected reply is unlikely already under these words",
  weak_evidence: "too little speaks for a lack of skill",
  session_cap: "this session has used up its weight updates",
} as const;

export type ReasonCode = keyof typeof reasonTexts;

/** Thresholds of the schedule; the values are those that won in the prototype's sweeps. */
export const scheduleThresholds = {
  /** Leave a rejected reply alone when the confidence in it under x′ is below this. */
  rejectedGate: 0.02,
  /** Skip the weights when they owe less than this (nats). */
  owedNatsMin: 0.1,
  /** Learn from a rejected reply only if P(incapacity | fail) is at least this, so that skill is the likelier fault. */
  incapacityMin: 0.5,
  /** A rejected row below this scale (P(incapacity | fail) times the reward's size) is not worth its price. */
  rejectedWeightMin: 0.05,
  /** Weight updates that one session may make. */
  updatesMax: 200,
} as const;
export type Thresholds = { [K in keyof typeof scheduleThresholds]: number };

export interface Evidence {
  mode: AdaptationMode;
  /** −1 … 1. */
  reward: number;
  /** The user gave the right reply. */
  corrected: boolean;
  /** The user wrote something about the reply. */
  spoken: boolean;
  /** The words axis produced x′ ≠ x. */
  wordsChanged: boolean;
  /** The feedback stated or hinted what was misunderstood. */
  hinted: boolean;
  /** π_z in [0, 1]; 1 where nothing is ambiguous. */
  share: number;
  /** c in [0, 1]. */
  confidence: number;
  /** Which try at the problem the reply was; 1 is the first. */
  attempt: number;
  /** S(y*|x): log-prob of the right reply under the old words (nats); null if not scored. */
  logprobBefore: number | null;
  /** S(y*|x′): the same under the new words. */
  logprobAfter: number | null;
  /** What the tokens of y* lack under x′: Σ max(0, log τ − log p_t) (nats); null if not scored. */
  owedNats: number | null;
  /** Confidence in the rejected reply under the new words; null when not scored. */
  rejectedConfidence: number | null;
  /** Weight updates that this session has made so far. */
  updates: number;
}

/** How the error signal divides once a right reply is known (nats). */
export interface NatsSplit {
  /** S(y*|x′) − S(y*|x): what the words explain. */
  words: number;
  /** Σ max(0, log τ − log p_t) over the tokens of y* under x′: what the weights owe. */
  weights: number;
}

export interface Plan {
  words: boolean;
  weights: boolean;
  /** Each axis's share of the fault: P(incapacity | fail), 0 after a hint, null if the reply was accepted. */
  incapacity: number | null;
  split: NatsSplit | null;
  /** The row that the weights step learns from; null without a weights step. */
  row: { kind: "accepted" | "corrected" | "rejected"; weight: number } | null;
  reasons: ReasonCode[];
  /** The reasons as one sentence for people. */
  text: string;
}

/** P(incapacity | fail) = π_z(1−c) / (π_z(1−c) + 1−π_z); 0 after a hint; at π_z = c = 1 the limit taken is 1. */
export function incapacity(share: number, confidence: number, hinted: boolean): number {
  if (hinted) return 0;
  const pi = clamp(share);
  const skill = pi * (1 - clamp(confidence));
  const fail = skill + 1 - pi;
  // With one possible reading, a failure can only be a lack of skill, however sure the model was.
  return fail <= 0 || pi === 1 ? 1 : skill / fail;
}

/** The split in nats; null until both wordings are scored on a right reply. */
export function splitNats({
  logprobBefore,
  logprobAfter,
  owedNats,
}: Pick<Evidence, "logprobBefore" | "logprobAfter" | "owedNats">): NatsSplit | null {
  if (logprobAfter === null || owedNats === null) return null;
  return {
    words: logprobBefore === null ? 0 : logprobAfter - logprobBefore,
    weights: owedNats,
  };
}

/** The plan for one piece of feedback; `given` replaces thresholds. */
export function decide(evidence: Evidence, given: Partial<Thresholds> = {}): Plan {
  const thresholds = { ...scheduleThresholds, ...given };
  const { mode, reward, corrected } = evidence;
  const accepted = reward > 0 && !corrected;
  const split = accepted || corrected ? splitNats(evidence) : null;
  const blamed = accepted ? null : incapacity(evidence.share, evidence.confidence, evidence.hinted);
  const reasons: ReasonCode[] = [];
  const plan = (words: boolean, row: Plan["row"]): Plan => ({
    words,
    weights: row !== null,
    incapacity: blamed,
    split,
    row,
    reasons,
    text: reasons.map((code) => reasonTexts[code]).join("; "),
  });

  if (mode === "off") {
    reasons.push("mode_off");
    return plan(false, null);
  }
  if (reward === 0 && !corrected && !evidence.spoken) {
    reasons.push("neutral_feedback");
    return plan(false, null);
  }
  const words = mode !== "weights" && evidence.wordsChanged;
  if (mode === "weights") reasons.push("mode_weights");
  else if (words) reasons.push("words_clearer");
  else reasons.push(accepted ? "accepted" : "words_unchanged");
  if (mode === "words") {
    reasons.push("mode_words");
    return plan(words, null);
  }
  if (evidence.updates >= thresholds.updatesMax) {
    reasons.push("session_cap");
    return plan(words, null);
  }
  return plan(words, weightsRow(evidence, thresholds, { accepted, split, blamed }, reasons));
}

/** The weights half of the decision; adds its reason. */
function weightsRow(
  evidence: Evidence,
  thresholds: Thresholds,
  found: { accepted: boolean; split: NatsSplit | null; blamed: number | null },
  reasons: ReasonCode[],
): Plan["row"] {
  const { accepted, split } = found;
  if (accepted || evidence.corrected) {
    if (accepted && evidence.attempt === 1) {
      reasons.push("praise_is_replay");
      return null;
    }
    // An unscored right reply is assumed to owe enough.
    const owed = split?.weights ?? Number.POSITIVE_INFINITY;
    if (owed < thresholds.owedNatsMin) {
      reasons.push(accepted ? "already_sure" : "words_suffice");
      return null;
    }
    reasons.push(accepted ? "late_success" : "correction_shows_skill_owed");
    const weight = accepted ? clamp(evidence.reward) : 1;
    return { kind: accepted ? "accepted" : "corrected", weight };
  }
  if (evidence.hinted && evidence.mode === "both") {
    reasons.push("hint_means_ambiguity");
    return null;
  }
  const c = evidence.rejectedConfidence;
  if (c !== null && c < thresholds.rejectedGate) {
    reasons.push("rejected_now_unlikely");
    return null;
  }
  // Without the words axis there is no other remedy: the whole fault goes to the weights.
  const blame = evidence.mode === "weights" ? 1 : (found.blamed ?? 0);
  if (blame < thresholds.incapacityMin) {
    reasons.push("likely_ambiguity");
    return null;
  }
  const weight = blame * clamp(-evidence.reward);
  if (weight < thresholds.rejectedWeightMin) {
    reasons.push("weak_evidence");
    return null;
  }
  reasons.push("likely_incapacity");
  return { kind: "rejected", weight };
}

function clamp(share: number): number {
  return Math.min(1, Math.max(0, share));
}
