/**
 * The scheduler's decisions as pure functions of what is in service: which prompt to read next, whether background work
 * may run. They know no model, so a schedule can be tested without one.
 */

/** A prompt that is being read into the cache. */
export interface Reading {
  promptTokens: number;
  /** Tokens that are in the cache. */
  readTokens: number;
  /** Chunks that other prompts were given meanwhile. */
  passedOver: number;
}

/**
 * The prompt whose next chunk is computed: the one with the least left, where every chunk given to another prompt
 * counts as one chunk less. So short prompts pass long ones, and a long one still gets through.
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
 * When the next background slice may begin, after one that ended at `endedAt`: sequences get enough time that the slice
 * took `share` of both together.
 */
export function nextSliceAt(endedAt: number, sliceMs: number, share: number): number {
  return endedAt + sliceMs * (1 / share - 1);
}

/** Whether a background slice may run now: at once if nobody waits for tokens, otherwise when it is due. */
export function mayRunSlice(now: number, dueAt: number, sequencesInService: number): boolean {
  return sequencesInService === 0 || now >= dueAt;
}

/** Sequences in service: all, those of one tenant, and the number of tenants, that one included. */
export interface InService {
  count: number;
  ofTenant: number;
  tenants: number;
}

/**
 * Whether one more sequence of a tenant may begin. If others hold the rows, a tenant gets its part beyond `rowsMax`
 * instead of waiting for theirs to end. So for a while there may be twice as many.
 */
export function mayAdmit(
  { count, ofTenant, tenants }: InService,
  rowsMax: number,
  isSlotFree: boolean,
): boolean {
  if (!isSlotFree) return false;
  return count < rowsMax || (count < 2 * rowsMax && ofTenant + 1 <= rowsMax / tenants);
}
