/**
 * What the scheduler does next, as pure functions of what is in service: which prompt is read on, whether background
 * work may run. They know no model, so a schedule can be tested without one.
 */

/** A prompt on its way into the cache. */
export interface Reading {
  promptTokens: number;
  /** Tokens of it that are in the cache. */
  readTokens: number;
  /** Chunks that went to other prompts meanwhile. */
  passedOver: number;
}

/**
 * The prompt whose next chunk is computed: the one with the least left, where every turn that it was passed over
 * counts as a chunk. So short prompts pass long ones, and a long one still gets through.
 */
export function nextToRead<T extends Reading>(
  readings: readonly T[],
  chunkTokens: number,
): T | undefined {
  const left = ({ promptTokens, readTokens, passedOver }: Reading) =>
    promptTokens - readTokens - passedOver * chunkTokens;
  let best: T | undefined;
  for (const reading of readings) {
    if (best === undefined || left(reading) < left(best)) best = reading;
  }
  return best;
}

/**
 * When the next background slice may begin, after one that ran until `endedAt`: sequences get so much time that the
 * slice had `share` of both together.
 */
export function nextSliceAt(endedAt: number, sliceMs: number, share: number): number {
  return endedAt + sliceMs * (1 / share - 1);
}

/**
 * The share of the time that background slices may take while these tenants have sequences in service (`replying`) and
 * slices to run (`updating`). Each tenant has the same part of the whole: one with both gives `share` of its part to its
 * slices, one with slices alone twice that. So whoever floods both does not leave another's update a quarter.
 */
export function backgroundShareOf(
  share: number,
  replying: ReadonlySet<string>,
  updating: ReadonlySet<string>,
): number {
  let parts = 0;
  for (const tenant of updating) parts += replying.has(tenant) ? share : Math.min(1, 2 * share);
  return parts / new Set([...replying, ...updating]).size;
}

/** Whether a background slice runs now: at once while nobody waits for tokens, else when it is due. */
export function mayRunSlice(now: number, dueAt: number, sequencesInService: number): boolean {
  return sequencesInService === 0 || now >= dueAt;
}

/** Whether one more sequence may begin. */
export function mayAdmit(
  sequencesInService: number,
  rowsMax: number,
  isSlotFree: boolean,
): boolean {
  return sequencesInService < rowsMax && isSlotFree;
}
