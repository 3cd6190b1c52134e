/** Every failure of a call: one class with a `code` to switch on, and a subclass for each kind of failure. */
import type { ErrorBody, ErrorCode, ErrorType } from "./types.ts";

type Details = Partial<
  Pick<
    Rosa2Error,
    "code" | "type" | "status" | "param" | "requestId" | "retryAfterS" | "keptId" | "cause"
  >
>;

export class Rosa2Error extends Error {
  /** `connection_failed`: no answer, one that broke off, or one from another server. */
  readonly code: ErrorCode | "connection_failed";
  readonly type: ErrorType | "connection_error";
  /** HTTP status; 0 without an answer. */
  readonly status: number;
  /** The parameter that was refused. */
  readonly param: string | undefined;
  /** Give it to the operator of the server. */
  readonly requestId: string | undefined;
  /** Seconds after which a retry can succeed. */
  readonly retryAfterS: number | undefined;
  /** The turn or feedback that the server stored although the call failed. */
  readonly keptId: string | undefined;

  constructor(message: string, details: Details = {}) {
    super(message, { cause: details.cause });
    this.name = "Rosa2Error";
    this.code = details.code ?? "connection_failed";
    this.type = details.type ?? "connection_error";
    this.status = details.status ?? 0;
    this.param = details.param;
    this.requestId = details.requestId;
    this.retryAfterS = details.retryAfterS;
    this.keptId = details.keptId;
  }
}

/** No answer, one that broke off, or one from something in between: a captive portal, a proxy. */
export class ConnectionError extends Rosa2Error {}
/** No data within the time that the call allows. */
export class TimeoutError extends ConnectionError {}
/** The request cannot be served as it is (400, 413, 415, 422). */
export class InvalidRequestError extends Rosa2Error {}
/** No key, or an unknown, revoked or expired one (401). */
export class AuthenticationError extends Rosa2Error {}
/** The spend cap is reached (402). */
export class BillingError extends Rosa2Error {}
/** The key lacks the scope (403). */
export class PermissionDeniedError extends Rosa2Error {}
export class NotFoundError extends Rosa2Error {}
/** The request conflicts with the present state (409), or its idempotency key was used for another request (422). */
export class ConflictError extends Rosa2Error {}
/** Too many requests (429); `retryAfterS` says when to come back. */
export class RateLimitError extends Rosa2Error {}
/** The server or the model cannot answer now (5xx). */
export class ServerError extends Rosa2Error {}

const classes: Record<ErrorType, typeof Rosa2Error> = {
  invalid_request_error: InvalidRequestError,
  authentication_error: AuthenticationError,
  billing_error: BillingError,
  permission_error: PermissionDeniedError,
  not_found_error: NotFoundError,
  conflict_error: ConflictError,
  rate_limit_error: RateLimitError,
  api_error: ServerError,
};

/** The error of an answer that is not a success, whatever its body is. */
export async function errorOf(response: Response): Promise<Rosa2Error> {
  const { status, headers } = response;
  const retryAfter = headers.get("retry-after");
  const details = {
    status,
    requestId: headers.get("x-request-id") ?? undefined,
    retryAfterS: retryAfter !== null && /^\d+$/.test(retryAfter) ? Number(retryAfter) : undefined,
    keptId: headers.get("x-rosa2-turn") ?? headers.get("x-rosa2-feedback") ?? undefined,
  };
  const error = parse(await response.text().catch(() => ""));
  if (error === undefined) {
    return new ServerError(`The server answered ${status} without saying why`, {
      ...details,
      code: "internal_error",
      type: "api_error",
    });
  }
  return errorFrom(error, details);
}

/** An error in the server's form: from an answer's body, or from an event of a stream. */
export function errorFrom(error: ErrorBody["error"], details: Details): Rosa2Error {
  const type = error.type as ErrorType;
  return new (classes[type] ?? Rosa2Error)(error.message, {
    ...details,
    code: error.code as ErrorCode,
    type,
    param: error.param,
    requestId: error.request_id ?? details.requestId,
  });
}

function parse(text: string): ErrorBody["error"] | undefined {
  try {
    const { error } = JSON.parse(text) as Partial<ErrorBody>;
    return typeof error?.code === "string" ? error : undefined;
  } catch {
    return undefined;
  }
}
