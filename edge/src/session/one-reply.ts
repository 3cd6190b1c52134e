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

/** Errors after which the step goes on without the reply: the money is spent, or the prompt fills the model's window. */
const dispensable: ReadonlySet<string> = new Set(["budget_exceeded", "context_length_exceeded"]);

/** Greedy, under the session's adapter. Null if the model is away or `dispensable` says so. */
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
    if (isTransient(error)) return null;
    if (error instanceof RosaError && dispensable.has(error.code)) return null;
    throw error;
  }
}
