/** One update whose rows fit the model's window: those that exceed it lose their dialogue, or are left out. */
import { RosaError } from "@rosa2/shared/errors";
import type { AdaptRow } from "@rosa2/shared/protocol";
import type { AdaptInput } from "../inference/index.ts";
import type { Trace } from "../rpc.ts";
import { callContext, type SessionContext } from "./context.ts";
import { cutLongest } from "./policy/update-plan.ts";

interface Adaptation extends Omit<AdaptInput, "watch"> {
  rows: AdaptRow[];
  /** Replies to the last row's request. */
  watch: string[];
}

/** The update, and the rows that it learned from. */
export async function adaptWithin(context: SessionContext, trace: Trace, input: Adaptation) {
  for (let { rows } = input; ; ) {
    const { messages } = rows.at(-1)!;
    const watch = input.watch.map((reply) => ({ messages, reply }));
    try {
      const call = callContext(context, trace);
      return { rows, ...(await context.gpu.adapt({ ...input, rows, watch }, call)) };
    } catch (error) {
      const isTooLong = error instanceof RosaError && error.code === "context_length_exceeded";
      const cut = isTooLong ? cutLongest(rows) : null;
      if (cut === null) throw error;
      rows = cut;
    }
  }
}
