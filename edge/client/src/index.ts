/** What an app imports from `rosa2`. */
export {
  type ChatCompletionChunk,
  type ChatOptions,
  Rosa2,
  type SessionFilter,
  type UsageFilter,
} from "./client.ts";
export {
  AuthenticationError,
  BillingError,
  ConflictError,
  ConnectionError,
  InvalidRequestError,
  NotFoundError,
  PermissionDeniedError,
  RateLimitError,
  Rosa2Error,
  ServerError,
  TimeoutError,
} from "./errors.ts";
export type * from "./events.ts";
export type { Call, CallOptions, ClientOptions } from "./http.ts";
export { SessionClient } from "./session.ts";
export type { EventStream } from "./stream.ts";
export type * from "./types.ts";
