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

/** Whether a background slice runs now: at once while nobody waits for tokens, else when it is due. */
export function mayRunSlice(now: number, dueAt: number, sequencesInService: number): boolean {
  return sequencesInService === 0 || now >= dueAt;
}

/** Sequences in service, all and those of a tenant, and how many tenants they belong to, that tenant included. */
export interface InService {
  count: number;
  ofTenant: number;
  tenants: number;
}

/**
 * Whether one more sequence of a tenant may begin. Where others hold the rows, a tenant has its part of them beyond
 * `rowsMax` and waits for none of theirs to end; so there are twice as many at most, for a while.
 */
export function mayAdmit(
  { count, ofTenant, tenants }: InService,
  rowsMax: number,
  isSlotFree: boolean,
): boolean {
  if (!isSlotFree) return false;
  return count < rowsMax || (count < 2 * rowsMax && ofTenant + 1 <= rowsMax / tenants);
}
