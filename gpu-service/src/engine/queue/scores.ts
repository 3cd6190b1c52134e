/** The answer for a scored reply: its log-probs and, on request, whether an update could teach it. */
import { askedShift } from "@rosa2/shared/objective";
import type { AdaptPlan, ScoreResult } from "@rosa2/shared/protocol";
import type { AdapterWeights, ScoreRow, Slices } from "../../language-model.ts";
import type { Foreign } from "../../tokenizer/foreign-text.ts";

export interface UpdateBounds {
  plan: AdaptPlan;
  /** Tokens that prompt and reply may have together. */
  contextLength: number;
}

/** `logprobs`: [tokens of the reply, end token included], in nats. */
export function scoreOf(
  { prompt }: ScoreRow,
  logprobs: Float32Array,
  reach?: UpdateBounds & { foreign: Foreign },
): ScoreResult["scores"][number] {
  return {
    logprob: logprobs.reduce((sum, logprob) => sum + logprob, 0),
    token_logprobs: [...logprobs],
    prompt_tokens: prompt.length,
    ...(reach && {
      reach: {
        ...reach.foreign,
        ...owed(logprobs, reach.plan),
        context_length: reach.contextLength,
      },
    }),
  };
}

/** Nats owed without the bounds of one iteration, and the bound on all iterations together. */
function owed(logprobs: Float32Array, plan: AdaptPlan) {
  const unbounded = { ...plan, token_clip: Infinity, clip: Infinity };
  return {
    owed_nats: askedShift("corrected", logprobs, unbounded),
    owed_nats_max: Math.min(plan.clip_total, plan.clip * plan.iterations),
  };
}

/** The same slices, with the time at which the first began. */
export async function* timed<T>(slices: Slices<T>): Slices<{ value: T; startedAt: number }> {
  const startedAt = performance.now();
  return { value: yield* slices, startedAt };
}

const recentMax = 128;

/** Recent log-probs of a tenant's rows: a retry rules out the same replies under the same wording. */
export class RecentScores {
  readonly #scores = new Map<string, Float32Array>();

  add(tenant: string, adapter: AdapterWeights | null, row: ScoreRow, logprobs: Float32Array): void {
    const name = nameOf(tenant, adapter, row);
    this.#scores.delete(name);
    this.#scores.set(name, logprobs);
    for (const oldest of this.#scores.keys()) {
      if (this.#scores.size <= recentMax) return;
      this.#scores.delete(oldest);
    }
  }

  /** Log-probs of all these rows, or null. */
  find(
    tenant: string,
    adapter: AdapterWeights | null,
    rows: readonly ScoreRow[],
  ): Float32Array[] | null {
    const found = rows.flatMap((row) => this.#scores.get(nameOf(tenant, adapter, row)) ?? []);
    return found.length === rows.length ? found : null;
  }
}

function nameOf(tenant: string, adapter: AdapterWeights | null, { prompt, reply }: ScoreRow) {
  return JSON.stringify([tenant, adapter?.digest ?? null, prompt.join(), reply.join()]);
}
