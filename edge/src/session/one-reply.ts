/** One reply of the served model that a words step asks for beside the conversation, under a metered event of its own. */
import { RosaError } from "@rosa2/shared/errors";
import type { Usage } from "@rosa2/shared/protocol";
import { spend } from "../accounts/spending.ts";
import { replyCostNanosMax } from "../accounts/usage.ts";
import { isTransient } from "../gpu-client/index.ts";
import type { Trace } from "../rpc.ts";
import { callContext, type SessionContext } from "./context.ts";
import { type GpuTime, gpuMsOf } from "./store/meter.ts";
import { activeGeneration, adapterOf, type TurnRow } from "./store/rows.ts";

export interface Asking {
  context: SessionContext;
  trace: Trace;
  gpuTime: GpuTime;
}

export interface OneReply {
  reply: string;
  usage: Usage;
}

/** Greedy, under the session's adapter. Null if the model is away or the money is spent: the step goes on without it. */
export async function oneReply(
  { context, trace, gpuTime }: Asking,
  messages: TurnRow["messages"],
  maxTokens: number,
  eventId: string,
): Promise<OneReply | null> {
  const amountNanos = replyCostNanosMax(context.config.prices, messages, maxTokens);
  const adapter = adapterOf(context, activeGeneration(context));
  try {
    return await spend(context.purse, { eventId, amountNanos }, async (keep) => {
      const drawn = await context.gpu.sample(
        {
          tenant: context.tenantId,
          adapter,
          messages,
          count: 1,
          sampling: { max_tokens: maxTokens },
        },
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
