/** Everything that a call can fail with, as one class to switch on by `code`. */
import type { ErrorBody, ErrorCode, ErrorType } from "./types.ts";

export class Rosa2Error extends Error {
  /** `connection_failed`: no answer, or a stream that broke and could not be resumed. */
  readonly code: ErrorCode | "connection_failed";
  readonly type: ErrorType | "connection_error";
  /** HTTP status; 0 where there was no answer. */
  readonly status: number;
  /** The parameter that was refused. */
  readonly param: string | undefined;
  /** To be told to whoever runs the server. */
  readonly requestId: string | undefined;
  /** Seconds after which a retry can succeed. */
  readonly retryAfterS: number | undefined;
  /** The turn or the feedback that the server keeps although the call failed. */
  readonly keptId: string | undefined;

  constructor(
    message: string,
    details: Partial<
      Pick<
        Rosa2Error,
        "code" | "type" | "status" | "param" | "requestId" | "retryAfterS" | "keptId" | "cause"
      >
    > = {},
  ) {
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
  const text = await response.text().catch(() => "");
  const error = parse(text);
  if (error === undefined) {
    return new Rosa2Error(`The server answered ${status} without saying why`, {
      ...details,
      code: "internal_error",
      type: "api_error",
    });
  }
  return new Rosa2Error(error.message, {
    ...details,
    code: error.code as ErrorCode,
    type: error.type as ErrorType,
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
