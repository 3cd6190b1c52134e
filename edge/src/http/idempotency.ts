/** Saved answers of POSTs outside sessions: the same key gets the same answer for at least a day, streams included. */
import { RosaError } from "@rosa2/shared/errors";
import { accountOf } from "../accounts/account.ts";
import { aliveMs, type SavedAnswer } from "../accounts/object/answers.ts";
import { type AnswerCalls, shardOf } from "../accounts/object/shards.ts";
import { type Owed, settleOwed, untilTaken } from "../accounts/region-calls.ts";
import { unwrap } from "../rpc.ts";
import { newSessionId } from "../session-address.ts";
import type { AppContext } from "./context.ts";
import { background, idempotencyOf } from "./context.ts";

const waitMsMax = 30_000;
const pollMs = 100;

/** Called with a reply's cost, which is metered with the saved answer. */
export type Owe = (owed: Owed) => void;

/** What the call that answers a key needs. */
export interface Keyed {
  owe: Owe;
  /** The id of the session that the key opens. An earlier call with the key may have opened it and died. */
  sessionId: string | null;
}

/**
 * Runs the handler once per Idempotency-Key. A repeated call gets the first one's answer; a concurrent one waits for
 * it. Failures are not kept: a call that threw can be repeated. A first call that dies with its isolate counts as dead
 * after a few seconds, and the next one becomes the first. A reply's cost is stored with the saved answer, so a key is
 * billed once wherever a call dies.
 *
 * `redact` removes what must not be stored. `sessionOf` names the session that an answer shows: the saved answer is
 * erased with it. With `opens`, the key opens one session, however often its calls die. `sharded` answers show no
 * session and are kept beside the account.
 *
 * @throws RosaError `idempotency_mismatch` for a key that came with another request.
 */
export async function idempotently(
  c: AppContext,
  handler: (keyed?: Keyed) => Promise<Response>,
  {
    redact = (body) => body,
    sessionOf = () => null,
    opens = false,
    sharded = false,
  }: {
    redact?: (body: string) => string;
    sessionOf?: (body: string) => string | null;
    opens?: boolean;
    sharded?: boolean;
  } = {},
): Promise<Response> {
  const idempotency = await idempotencyOf(c);
  if (idempotency === undefined) return handler();
  const { tenantId, owner } = c.var.principal;
  // Apps of two owners may draw the same key; a space occurs in no key.
  const key = owner === null ? idempotency.key : `${owner} ${idempotency.key}`;
  // Each call may be repeated if the object ended meanwhile: the token identifies the caller.
  const home = (): AnswerCalls =>
    sharded ? shardOf(c.env, tenantId, key) : accountOf(c.env, tenantId);
  const token = crypto.randomUUID();
  const waitUntil = Date.now() + waitMsMax;
  const mine = { ...idempotency, key, token, sessionId: opens ? newSessionId(c.env) : null };
  let sessionId: string | null;
  for (;;) {
    const claim = await unwrap(untilTaken(() => home().claimAnswer(tenantId, mine), 2));
    if (claim !== "running") {
      if ("body" in claim) return replay(claim);
      sessionId = claim.sessionId;
      break;
    }
    if (Date.now() > waitUntil) {
      throw new RosaError("conflict", "The first call with this Idempotency-Key is still running", {
        retryAfterS: 5,
      });
    }
    await new Promise((resolve) => setTimeout(resolve, pollMs));
  }
  let owed: Owed | null = null;
  const settle = async () => {
    if (owed !== null) await settleOwed(c.env, tenantId, owed);
  };
  const save = async (response: Response, body: string) => {
    const headers = Object.fromEntries(
      [...response.headers].filter(([name]) => /^(content-type|location|x-rosa2-.*)$/.test(name)),
    );
    const answer = { status: response.status, headers, body: redact(body) };
    await untilTaken(() => home().saveAnswer({ key, token }, answer, sessionOf(body), owed));
  };
  const alive = setInterval(() => background(c, home().keepAlive(key, token)), aliveMs / 3);
  const forget = async () => {
    await untilTaken(() => home().dropClaim(key, token));
    // The work was done, but it led to no answer.
    await settle();
  };
  const answerOnce = async () => {
    let response: Response;
    try {
      const owe = (one: Owed) => {
        owed = one;
      };
      response = await handler({ owe, sessionId });
    } catch (error) {
      clearInterval(alive);
      await forget();
      throw error;
    }
    const saving = (body: Promise<string>) =>
      body.then((text) => save(response, text), forget).finally(() => clearInterval(alive));
    if (!response.headers.get("content-type")?.startsWith("text/event-stream")) {
      const body = await response.text();
      await saving(Promise.resolve(body));
      return new Response(body, response);
    }
    const [mine, theirs] = (response.body ?? new Blob().stream()).tee();
    background(c, saving(new Response(mine).text()));
    return new Response(theirs, response);
  };
  const answer = answerOnce();
  // A caller that disconnects and comes back with its key finds the answer.
  background(c, answer);
  return answer;
}

function replay({ status, headers, body }: SavedAnswer): Response {
  const answer = new Response(body, { status, headers });
  answer.headers.set("idempotency-replayed", "true");
  return answer;
}
