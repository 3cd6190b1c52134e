/** A session's object under other variables than the tests' own. */
import { runInDurableObject } from "cloudflare:test";
import type { FeedbackResult, TurnBody } from "../../../edge/src/contract/index.ts";
import type { Result } from "../../../edge/src/rpc.ts";
import { SessionObject } from "../../../edge/src/session/object.ts";
import { sessionStub } from "../../../edge/src/session-address.ts";
import { bindings, type Caller } from "./client.ts";

/** The object of a session that exists, under variables of its own. */
export async function inSession(
  caller: Caller,
  sessionId: string,
  variables: object,
  work: (object: {
    turn(input: object, trace: object): Promise<Result<TurnBody>>;
    retryStream(turnId: string, trace: object): Promise<Result<ReadableStream<Uint8Array>>>;
    readTurn(turnId: string): Promise<Result<TurnBody>>;
    feedback(input: object, trace: object): Promise<Result<FeedbackResult>>;
  }) => Promise<void>,
): Promise<void> {
  const stub = sessionStub(bindings, sessionId);
  await runInDurableObject(stub as unknown as DurableObjectStub, async (_, state) => {
    const object = new SessionObject(state, { ...bindings, ...variables });
    // Its constructor looks for tables first; calls from outside would wait for that.
    await state.blockConcurrencyWhile(async () => {});
    const asks = { tenantId: caller.tenantId, owner: null };
    const calls = object as unknown as Record<string, (...args: unknown[]) => unknown>;
    const get =
      (_: unknown, name: string) =>
      (...rest: unknown[]) =>
        calls[name]?.(asks, ...rest);
    await work(new Proxy({}, { get }) as never);
  });
}
