/** Address of a hub, and how long its client waits. */
export interface HubOptions {
  /** Base address of the hub, without a slash at the end. */
  endpoint: string;
  /** `hf_…`, for private and gated models. */
  token?: string | undefined;
  /** Consecutive failed attempts before giving up. */
  attemptsMax?: number;
  /** Delay before the second attempt; doubles for every further one. */
  retryDelayMs?: number;
  /** A connection without data for this long counts as lost. */
  idleTimeoutMs?: number;
}
