/** The context of every route, and how a route reaches a session. */
import { RosaError } from "@rosa2/shared/errors";
import type { Context } from "hono";
import type { Principal } from "../accounts/principal.ts";
import { type Config, configOf } from "../config.ts";
import type { Region } from "../contract/sets.ts";
import type { Env } from "../env.ts";
import type { FailureReport } from "../failure.ts";
import { sha256 } from "../ids.ts";
import type { IdempotencyKey, Trace } from "../rpc.ts";
import type { Caller } from "../session/context.ts";
import type { SessionObject } from "../session/object.ts";
import { sessionStub } from "../session-address.ts";

export interface AppEnv {
  Bindings: Env;
  Variables: {
    requestId: string;
    traceparent: string;
    /** Milliseconds since 1970. */
    startedAt: number;
    /** The error in the answer, for the request's log line. */
    failure?: { code: string; error?: FailureReport };
    principal: Principal;
    /** Methods of the path, for an answer 405. */
    allow?: string;
    /** Also sent with errors, whose answers the error handler makes. */
    rateHeaders?: Record<string, string>;
  };
}
export type AppContext = Context<AppEnv>;

/** The object's calls with their own types: the platform's stub type loses JSON columns. */
type ObjectCalls = Pick<
  SessionObject,
  | "open"
  | "read"
  | "change"
  | "turn"
  | "turnStream"
  | "retry"
  | "retryStream"
  | "stop"
  | "feedback"
  | "feedbackStream"
  | "events"
  | "readTurn"
  | "reach"
  | "words"
  | "changeWords"
  | "lexicon"
  | "setLexicon"
  | "generations"
  | "activate"
  | "adapter"
  | "snapshot"
  | "erase"
>;

/** The call that opens a new session; its caller is the session's owner. */
export type NewSessionCalls = Pick<ObjectCalls, "open">;

/** The calls on an existing session by one caller. */
export type SessionCalls = {
  [Name in Exclude<keyof ObjectCalls, "open">]: ObjectCalls[Name] extends (
    caller: Caller,
    ...rest: infer Rest
  ) => infer Answer
    ? (...rest: Rest) => Answer
    : never;
};

export function newSessionObject(
  env: Env,
  sessionId: string,
  region: Region | null,
): NewSessionCalls {
  return sessionStub(env, sessionId, region) as unknown as ObjectCalls;
}

/** A session for this request's caller; the object answers 404 if the caller may not see it. */
export function mySession(c: AppContext, sessionId: string): SessionCalls {
  const { tenantId, owner, token } = c.var.principal;
  if (token !== null && token.sessionId !== null && token.sessionId !== sessionId) {
    throw new RosaError("not_found", "No such session");
  }
  const caller: Caller = {
    tenantId,
    owner,
    ...(token === null ? {} : { capNanos: token.capNanos }),
  };
  const object = sessionStub(c.env, sessionId) as unknown as ObjectCalls;
  const calls = object as unknown as Record<string, (...args: unknown[]) => unknown>;
  return new Proxy(object, {
    // Called as a method: a stub takes `call` and `apply` for names of the object's methods.
    get:
      (_, name) =>
      (...rest: unknown[]) =>
        calls[String(name)]?.(caller, ...rest),
  }) as unknown as SessionCalls;
}

export function config(c: AppContext): Config {
  return configOf(c.env);
}

/** What is passed on to the GPU service; `waitsForColdStart` if the caller gets a stream. */
export function traceOf(c: AppContext, waitsForColdStart = false): Trace {
  const { requestId, traceparent } = c.var;
  return { requestId, traceparent, ...(waitsForColdStart ? { waitsForColdStart } : {}) };
}

/** The request's Idempotency-Key and its fingerprint, if the caller sent one. */
export async function idempotencyOf(c: AppContext): Promise<IdempotencyKey | undefined> {
  const key = c.req.header("idempotency-key");
  if (key === undefined) return undefined;
  if (!/^[\x21-\x7e]{1,255}$/.test(key)) {
    throw new RosaError("invalid_request", "Idempotency-Key must be 1 to 255 visible characters", {
      param: "Idempotency-Key",
    });
  }
  const body = await c.req.text();
  return { key, fingerprint: await sha256(`${c.req.method} ${c.req.path}\n${body}`) };
}

/** Continues work after the answer; its failure is ignored. */
export function background(c: AppContext, work: Promise<unknown>): void {
  c.executionCtx.waitUntil(work.catch(() => {}));
}
