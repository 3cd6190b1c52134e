/** One structured log line a request: who, what, how long, how it ended. Never content, never secrets. */
import { RosaError } from "@rosa2/shared/errors";
import type { MiddlewareHandler } from "hono";
import type { Logger } from "pino";
import type { Metrics } from "./metrics.ts";

/** What a route adds to its request's log line. */
export interface RequestFacts {
  tenant?: string;
  adapter?: string | undefined;
  code?: string;
  prompt_tokens?: number;
  completion_tokens?: number;
  cached_tokens?: number;
  finish_reason?: string;
  decision?: string;
  rows?: number;
}

export interface RequestVariables {
  requestId: string;
  facts: RequestFacts;
  /** Set by a route whose answer continues after it returned; settles when the answer is complete. */
  streaming: Promise<unknown> | null;
}

/** Ids and traces come from outside and go into a log: short, with harmless characters only. */
const idPattern = /^[\w.:-]{1,128}$/;
const traceparentPattern = /^[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}$/;

export function logRequests(
  logger: Logger,
  metrics: Metrics,
): MiddlewareHandler<{ Variables: RequestVariables }> {
  return async (c, next) => {
    const startedAt = performance.now();
    const givenId = c.req.header("x-request-id") ?? "";
    const requestId = idPattern.test(givenId) ? givenId : crypto.randomUUID();
    const trace = c.req.header("traceparent") ?? "";
    c.set("requestId", requestId);
    c.set("facts", {});
    c.set("streaming", null);
    await next();
    c.header("x-request-id", requestId);

    const facts = c.get("facts");
    if (c.error instanceof RosaError) facts.code = c.error.code;
    else if (c.error !== undefined) facts.code = "internal_error";
    const status = c.res.status;
    const finish = () => {
      const ms = performance.now() - startedAt;
      metrics.requestEnded(c.req.path, status, facts.code ?? "", ms);
      logger[status >= 500 ? "error" : "info"](
        {
          request_id: requestId,
          ...(traceparentPattern.test(trace) ? { traceparent: trace } : {}),
          method: c.req.method,
          path: c.req.path,
          status,
          ms: Math.round(ms * 10) / 10,
          ...facts,
        },
        "request",
      );
    };
    const streaming = c.get("streaming");
    if (streaming === null) finish();
    else void streaming.finally(finish);
  };
}
