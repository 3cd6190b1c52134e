/** The reply that a remark gets by itself: the request with the remark below it, asked under the session's adapter. */
import { RosaError } from "@rosa2/shared/errors";
import type { Usage } from "@rosa2/shared/protocol";
import { spend } from "../accounts/spending.ts";
import { replyCostNanosMax } from "../accounts/usage.ts";
import { isTransient } from "../gpu-client/index.ts";
import type { Trace } from "../rpc.ts";
import { callContext, type SessionContext } from "./context.ts";
import { withRequest } from "./policy/prompt.ts";
import { type GpuTime, gpuMsOf } from "./store/meter.ts";
import { activeGeneration, adapterOf, type TurnRow } from "./store/rows.ts";

/** The beginning of a reply is evidence enough. */
const tokensMax = 64;

export interface Heard {
  reply: string;
  usage: Usage;
}

/** Under the metered event `eventId`. Null if the model is away or the money is spent: the remark is weighed without it. */
export async function hearRemark(
  {
    context,
    turn,
    trace,
    gpuTime,
  }: {
    context: SessionContext;
    turn: TurnRow;
    trace: Trace;
    gpuTime: GpuTime;
  },
  prompt: string,
  eventId: string,
): Promise<Heard | null> {
  const messages = withRequest(turn.messages, prompt);
  // One candidate a token: greedy.
  const maxTokens = Math.min(tokensMax, turn.sampling.max_tokens);
  const sampling = { temperature: 1, top_k: 1, max_tokens: maxTokens };
  const amountNanos = replyCostNanosMax(context.config.prices, messages, maxTokens);
  const adapter = adapterOf(context, activeGeneration(context));
  try {
    return await spend(context.purse, { eventId, amountNanos }, async (keep) => {
      const drawn = await context.gpu.sample(
        { tenant: context.tenantId, adapter, messages, count: 1, sampling },
        { ...callContext(context, trace), waitsForColdStart: false },
      );
      gpuTime.ms += gpuMsOf(drawn);
      keep();
      return { reply: drawn.samples[0]?.text ?? "", usage: drawn.usage };
    });
  } catch (error) {
    const isRefused = error instanceof RosaError && error.code === "budget_exceeded";
    if (isRefused || isTransient(error)) return null;
    throw error;
  }
}
