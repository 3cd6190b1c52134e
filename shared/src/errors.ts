/** The closed set of expected failures, shared by both services; each turns them into HTTP in one place. */

/** Status, error type and meaning of every code. The type is the coarse class that clients switch on. */
export const errorCodes = {
  invalid_json: { status: 400, type: "invalid_request_error" },
  invalid_request: { status: 400, type: "invalid_request_error" },
  context_length_exceeded: { status: 400, type: "invalid_request_error" },
  unsupported_parameter: { status: 400, type: "invalid_request_error" },
  adapter_invalid: { status: 400, type: "invalid_request_error" },
  checkpoint_unsupported: { status: 400, type: "invalid_request_error" },
  checkpoint_invalid: { status: 400, type: "invalid_request_error" },
  missing_key: { status: 401, type: "authentication_error" },
  invalid_key: { status: 401, type: "authentication_error" },
  budget_exceeded: { status: 402, type: "billing_error" },
  insufficient_scope: { status: 403, type: "permission_error" },
  not_found: { status: 404, type: "not_found_error" },
  model_not_found: { status: 404, type: "not_found_error" },
  method_not_allowed: { status: 405, type: "invalid_request_error" },
  conflict: { status: 409, type: "conflict_error" },
  session_full: { status: 409, type: "conflict_error" },
  adapter_missing: { status: 409, type: "conflict_error" },
  payload_too_large: { status: 413, type: "invalid_request_error" },
  unsupported_media_type: { status: 415, type: "invalid_request_error" },
  idempotency_mismatch: { status: 422, type: "invalid_request_error" },
  rate_limited: { status: 429, type: "rate_limit_error" },
  queue_full: { status: 429, type: "rate_limit_error" },
  internal_error: { status: 500, type: "api_error" },
  gpu_unavailable: { status: 503, type: "api_error" },
  gpu_cold: { status: 503, type: "api_error" },
  shutting_down: { status: 503, type: "api_error" },
  timeout: { status: 504, type: "api_error" },
} as const;

export type ErrorCode = keyof typeof errorCodes;
export type ErrorType = (typeof errorCodes)[ErrorCode]["type"];

/** The one error body of every HTTP answer. */
export interface ErrorBody {
  error: {
    type: ErrorType;
    code: ErrorCode;
    message: string;
    param?: string;
    request_id?: string;
  };
}

/** An expected failure: the message states the action and the values, never a stack. */
export class RosaError extends Error {
  readonly code: ErrorCode;
  readonly param: string | undefined;
  /** Seconds after which a retry can succeed, sent as `Retry-After`. */
  readonly retryAfterS: number | undefined;

  constructor(
    code: ErrorCode,
    message: string,
    details: { param?: string; retryAfterS?: number; cause?: unknown } = {},
  ) {
    super(message, { cause: details.cause });
    this.name = "RosaError";
    this.code = code;
    this.param = details.param;
    this.retryAfterS = details.retryAfterS;
  }

  get status(): number {
    return errorCodes[this.code].status;
  }

  body(requestId?: string): ErrorBody {
    return {
      error: {
        type: errorCodes[this.code].type,
        code: this.code,
        message: this.message,
        ...(this.param === undefined ? {} : { param: this.param }),
        ...(requestId === undefined ? {} : { request_id: requestId }),
      },
    };
  }
}

/** Whether an error code received over the wire is one of ours. */
export function isErrorCode(code: unknown): code is ErrorCode {
  return typeof code === "string" && Object.hasOwn(errorCodes, code);
}
