/** Where a chat completion's reply comes from: the base model without state, or a session's log. */
import { isErrorCode, RosaError } from "@rosa2/shared/errors";
import type { PromptMessage, Sampling, TokenLogprob, Usage } from "@rosa2/shared/protocol";
import { moneyIn } from "../../accounts/account.ts";
import { type Principal, refuseBound } from "../../accounts/principal.ts";
import { type DistantMoney, hold, unheld } from "../../accounts/spending.ts";
import {
  costBody,
  replyCostNanosMax,
  settledCostNanos,
  type UsageEvent,
  usageBody,
} from "../../accounts/usage.ts";
import { type Config, replyLength } from "../../config.ts";
import type { TurnBody } from "../../contract/index.ts";
import { readFrames } from "../../frames.ts";
import { type AppContext, background, config, traceOf } from "../../http/context.ts";
import type { Owe } from "../../http/idempotency.ts";
import { type Inference, inferenceOf } from "../../inference/index.ts";
import type { ReplyEvent as InferenceEvent } from "../../inference/inference.ts";
import { regionOfCaller } from "../../regions.ts";
import { KeptError, type Trace } from "../../rpc.ts";
import { gpuMsOf, ReplyMeter } from "../../session/store/meter.ts";
import type { ReplyEvent } from "./answer.ts";

export interface StatelessCall {
  config: Config;
  inference: Inference;
  money: DistantMoney;
  principal: Principal;
  trace: Trace;
  eventId: string;
  /** Whether the caller gets the reply as it grows. */
  streams: boolean;
  background: (work: Promise<unknown>) => void;
}

/**
 * What a stateless reply needs of its request. With `owe`, the code that saves the answer also meters it.
 *
 * @throws RosaError for a token that is bound to a session
 */
export function statelessCall(
  c: AppContext,
  eventId: string,
  streams: boolean,
  owe?: Owe,
): StatelessCall {
  const { principal } = c.var;
  refuseBound(principal);
  const later = (work: Promise<unknown>) => background(c, work);
  return {
    config: config(c),
    inference: inferenceOf(c.env, regionOfCaller(c.req.raw.cf)),
    money: moneyIn(c.env, principal, coloOf(c), later, owe),
    principal,
    trace: traceOf(c, streams),
    eventId,
    streams,
    background: later,
  };
}

/**
 * A stateless reply of the base model. Its cost is reserved before and metered after, however it ends.
 *
 * Leaving the loop early (the client went away) ends the generation and meters what was read.
 *
 * @throws RosaError `budget_exceeded`, `gpu_unavailable`, …
 */
export async function* statelessReply(
  call: StatelessCall,
  messages: PromptMessage[],
  wanted: Partial<Sampling>,
): AsyncGenerator<ReplyEvent> {
  const { config, inference, money, principal, trace, eventId, streams, background } = call;
  const { tenantId, keyId, owner } = principal;
  const sampling = { ...wanted, ...replyLength(wanted, config) };
  // Log-probs of tokens come with deltas only.
  const deltas = streams || wanted.top_logprobs !== undefined;
  const costOf = (usage: Usage) => settledCostNanos(config.prices, usage, { messages, sampling });
  const spent = new ReplyMeter({ messages }, Date.now);
  let end: Extract<InferenceEvent, { type: "done" }> | null = null;
  let failed = false;
  const events = inference.generate(
    { tenant: tenantId, adapter: null, messages, sampling, deltas },
    { ...trace, background, loadAdapter: noAdapter },
  );
  // Begun before its money is asked for where no cap is known: the reply has the longer way.
  const beginning = money.isUncapped ? events.next() : null;
  beginning?.catch(() => {});
  const reserve = () => {
    const amountNanos = replyCostNanosMax(config.prices, messages, sampling.max_tokens);
    // The GPU service has its request first: both calls take this thread's time.
    return hold(
      money,
      { eventId, amountNanos },
      beginning === null ? undefined : scheduler.wait(1),
    );
  };
  const holding = money.isSurelyUncapped ? unheld(money) : reserve();
  try {
    if (beginning === null) await holding.reserved;
    let text = "";
    for (let next = await (beginning ?? events.next()); !next.done; next = await events.next()) {
      await holding.reserved;
      const event = next.value;
      if (event.type === "delta") {
        spent.read(event);
        text += event.text;
        yield event;
      } else if (event.type === "waiting") {
        yield { type: "ping" };
      } else if (event.type === "done") {
        end = event;
        const rest = event.text.startsWith(text) ? event.text.slice(text.length) : "";
        const reasoning = spent.hasBegun ? undefined : event.reasoning;
        if (rest !== "" || reasoning !== undefined) {
          yield { type: "delta", text: rest, ...(reasoning === undefined ? {} : { reasoning }) };
        }
        yield {
          type: "done",
          finishReason: event.finish_reason,
          usage: usageBody(event.usage),
          cost: costBody(costOf(event.usage)),
        };
      }
    }
  } catch (error) {
    failed = true;
    throw error;
  } finally {
    await events.return(undefined);
    const { usage } = end ?? spent;
    const common = { eventId, tenantId, keyId, owner, sessionId: null, at: Date.now() };
    const metered: UsageEvent = failed
      ? { ...common, kind: "failed", gpuMs: spent.gpuMs, costNanos: 0 }
      : {
          ...common,
          kind: "reply",
          promptTokens: usage.prompt_tokens,
          cachedTokens: usage.cached_tokens,
          completionTokens: usage.completion_tokens,
          gpuMs: end === null ? spent.gpuMs : gpuMsOf(end),
          costNanos: costOf(usage),
        };
    await holding.end(end !== null || spent.hasBegun ? metered : null);
  }
}

async function noAdapter(): Promise<never> {
  throw new RosaError("internal_error", "A stateless reply has no adapter");
}

/**
 * A session's reply out of its log.
 *
 * @throws KeptError when the reply failed: the turn is stored and can be retried.
 */
export async function* sessionReply(
  turnId: string,
  stream: ReadableStream<Uint8Array>,
): AsyncGenerator<ReplyEvent> {
  let failure: { code: string; message: string } | null = null;
  let isKept = true;
  let text = "";
  for await (const frame of readFrames(stream)) {
    if (frame === null) {
      yield { type: "ping" };
      continue;
    }
    const { event, data: json } = frame;
    const body: unknown = JSON.parse(json);
    if (event === "delta") {
      const delta = body as {
        text: string;
        reasoning?: string;
        logprobs?: TokenLogprob[];
      };
      text += delta.text;
      yield { type: "delta", ...delta, json };
    } else if (event === "reset") {
      // A chunk that was sent cannot be taken back. The session's own events have `reset` for this; OpenAI's format has
      // nothing.
      failure = { code: "gpu_unavailable", message: "The reply was interrupted and begun anew" };
      break;
    } else if (event === "error") {
      const data = body as { error: { code: string; message: string }; turn_id?: string };
      failure = data.error;
      isKept = data.turn_id !== undefined;
    } else if (event === "done") {
      const turn = body as TurnBody;
      if (turn.usage === null) throw new Error(`Turn ${turnId} is done without usage`);
      // An old turn's log no longer holds its deltas.
      if (text === "" && turn.reply !== "") yield { type: "delta", text: turn.reply };
      yield {
        type: "done",
        finishReason: turn.finish_reason === "length" ? "length" : "stop",
        usage: turn.usage,
        cost: turn.cost,
      };
      return;
    }
  }
  if (failure !== null && !isKept && isErrorCode(failure.code)) {
    throw new RosaError(failure.code, failure.message, { param: "messages" });
  }
  throw new KeptError(
    failure ?? { code: "internal_error", message: "The reply ended without an end" },
    turnId,
  );
}

/** The data centre that the caller's request came in at. */
function coloOf(c: AppContext): string {
  const { cf } = c.req.raw as { cf?: { colo?: unknown } };
  return typeof cf?.colo === "string" ? cf.colo : "here";
}
