/** What can go wrong, for people: every error code of the edge, its meaning and the remedy. */
import { type ErrorCode, RosaError } from "@rosa2/shared/errors";

interface Case {
  code: ErrorCode;
  /** Its meaning and the remedy. */
  meaning: string;
  /** The message in the answer. */
  message: string;
  param?: string;
}

const requestId = "req_01KAQ2X0Y5M8C3V7B9N2Z4K6HT";

const cases: readonly Case[] = [
  {
    code: "invalid_request",
    meaning: "A parameter is missing or not allowed; `param` names it",
    message: "reward: Too big: expected number to be <=1",
    param: "reward",
  },
  {
    code: "invalid_json",
    meaning: "The body is not JSON",
    message: "The body is not valid JSON",
  },
  {
    code: "unsupported_parameter",
    meaning:
      "An OpenAI parameter that would change the answer and is not supported: `n` above 1, images",
    message: "Only n = 1 is supported",
    param: "n",
  },
  {
    code: "context_length_exceeded",
    meaning:
      "Instructions, request and `max_tokens` do not fit the model's window: shorten one of them",
    message: "Cannot fit 700 prompt tokens and 64 reply tokens: the context holds 512",
    param: "messages",
  },
  {
    code: "missing_key",
    meaning: "No API key was sent",
    message: "Send an API key as `Authorization: Bearer rosa2_…`",
  },
  {
    code: "invalid_key",
    meaning:
      "The API key or client token is unknown, revoked or expired. For a token: ask your back end for a new one",
    message: "The API key is unknown, revoked or expired",
  },
  {
    code: "budget_exceeded",
    meaning:
      "The month's spend cap leaves no room, the tenant's (`PUT /v1/budget`) or that of the client token's owner; nothing was stored. Raise it, or wait for the next month",
    message: "The month's spend cap, the tenant's or the owner's, leaves no room for this call",
  },
  {
    code: "insufficient_scope",
    meaning:
      "The key lacks the scope that this call needs; some calls are for servers only, never for client tokens",
    message: 'This needs a key with the scope "admin"',
  },
  {
    code: "not_found",
    meaning: "It does not exist, or belongs to another tenant or owner",
    message: "No such session",
  },
  {
    code: "model_not_found",
    meaning:
      "Another model than the served one was named; the message and `GET /v1/models` name the served one",
    message: 'The model "gpt-4o" is not served here; "rosa2-mini-2" is',
    param: "model",
  },
  {
    code: "method_not_allowed",
    meaning: "The path does not take this method; `Allow` lists those that it takes",
    message: "/v1/chat/completions takes POST, not GET",
  },
  {
    code: "conflict",
    meaning:
      "Not possible in the present state: a turn is being answered, or a limit of the tenant is reached. With `Retry-After` it will be possible soon",
    message:
      "Turn turn_01KAQ2V9M6M8YB6T1N3D5P7QRS of this session is still being answered; wait for it or stop it",
  },
  {
    code: "session_full",
    meaning:
      "The session has reached its limit of turns or bytes. Reading, forking at an earlier turn and erasing still work",
    message: "A session holds at most 1000 turns; fork it at an earlier one, or open another",
  },
  {
    code: "payload_too_large",
    meaning: "The body is larger than 1 MiB",
    message: "A body may have 1048576 bytes",
  },
  {
    code: "unsupported_media_type",
    meaning: "The body has a content type other than JSON, or it is compressed",
    message: "Cannot read a body of the type text/plain: send application/json",
    param: "Content-Type",
  },
  {
    code: "idempotency_mismatch",
    meaning:
      "The Idempotency-Key came with another request before: use a new key for a new request",
    message: "This Idempotency-Key was used with another request before",
    param: "Idempotency-Key",
  },
  {
    code: "rate_limited",
    meaning:
      "The key, or the owner of the client token, has used up its requests of this minute; `Retry-After` says when the next begins",
    message: "This key may make 60 requests a minute",
  },
  {
    code: "queue_full",
    meaning: "The GPU service has too much work; requests to a session are kept",
    message: "The queue is full: 256 replies are waiting",
  },
  {
    code: "internal_error",
    meaning: "A bug: tell us the `request_id`",
    message: "Something unexpected went wrong",
  },
  {
    code: "gpu_unavailable",
    meaning:
      "The GPU service cannot be reached. A request to a session is kept, with its id in `x-rosa2-turn` or `x-rosa2-feedback`: the same call with the same Idempotency-Key continues it",
    message: "The GPU service cannot be reached",
  },
  {
    code: "gpu_cold",
    meaning:
      "The GPU service is starting. A request to a session is kept, as with `gpu_unavailable`",
    message: "The model is being loaded",
  },
  {
    code: "shutting_down",
    meaning: "The session is moving to another machine: try again at once",
    message: "The session moved to another machine; try again",
  },
  {
    code: "timeout",
    meaning: "Something that this call waits for did not end in time: try again",
    message: "An adapter is being erased; try again",
  },
];

/** The cases of a status, as named examples of the error body. */
export function failureExamples(
  status: number,
): Record<string, { summary: string; value: unknown }> {
  const found = cases.flatMap(({ code, meaning, message, param }) => {
    const error = new RosaError(code, message, { param });
    if (error.status !== status) return [];
    return [[code, { summary: meaning, value: error.body(requestId) }] as const];
  });
  return Object.fromEntries(found);
}

/** All cases as a list in Markdown. */
export const failureList = cases
  .map(({ code, meaning }) => `- \`${code}\` (${new RosaError(code, "").status}): ${meaning}.`)
  .join("\n");
