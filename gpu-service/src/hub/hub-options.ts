/** Where a hub is, and how patient its client is. */
export interface HubOptions {
  /** Base address of the hub, without a slash at the end. */
  endpoint: string;
  /** `hf_…`, for private and gated models. */
  token?: string | undefined;
  /** Attempts in a row that may fail. */
  attemptsMax?: number;
  /** Before the second attempt; doubles with every further one. */
  retryDelayMs?: number;
  /** A connection on which nothing arrives for so long counts as lost. */
  idleTimeoutMs?: number;
}
