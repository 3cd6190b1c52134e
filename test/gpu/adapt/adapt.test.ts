import { type AdaptPlan, adaptPlanSchema } from "@rosa2/shared/protocol";
import { afterAll, describe, expect, it } from "vitest";
import { type AdaptableModel, adapt, type TokenRow } from "../../../gpu-service/src/adapt/adapt.ts";
import { readAdapter, writeAdapter } from "../../../gpu-service/src/adapt/adapter-file.ts";
import { Model } from "../../../gpu-service/src/engine/model/model.ts";
import type { AdapterWeights } from "../../../gpu-service/src/language-model.ts";
import { fixtureFolder } from "../compiler/golden.ts";

const model = await Model.load(fixtureFolder("llama"), { threads: 1 });
afterAll(() => model.dispose());

const prompt = Int32Array.of(5, 9, 2, 11, 3);
const corrected: TokenRow = { prompt, reply: Int32Array.of(7, 1), kind: "corrected", weight: 1 };
const other = Int32Array.of(8, 4, 6);

async function update(
  rows: TokenRow[],
  plan: Partial<AdaptPlan> = {},
  {
    parent = null,
    subject = model,
    isBusy = false,
  }: { parent?: AdapterWeights | null; subject?: AdaptableModel; isBusy?: boolean } = {},
) {
  const steps = adapt(subject, rows, adaptPlanSchema.parse(plan), parent);
  let slices = 0;
  for (;;) {
    const { done, value } = await steps.next(isBusy);
    if (done) return { ...value, slices };
    slices++;
  }
}

const total = (values: Float32Array) => values.reduce((sum, value) => sum + value, 0);

/** The row's most likely single token, so that there is something to reject. */
async function likeliest(): Promise<Int32Array> {
  const cache = model.allocateCache(1, 16);
  const step = { ids: prompt, rows: 1, length: prompt.length, past: Int32Array.of(0) };
  const [next] = await model.step({ ...step, cache, firstSlot: 0, adapters: [null] }, false);
  return Int32Array.of(next!.best);
}

describe("an update", () => {
  it("raises a corrected reply by what it predicted within a factor of two", async () => {
    const { decision, rows } = await update([corrected], { iterations: 1 });
    expect(decision).toBe("updated");
    const { predicted_shift, realised_shift } = rows[0]!;
    expect(predicted_shift).toBeGreaterThan(0.5);
    expect(realised_shift / predicted_shift).toBeGreaterThan(0.5);
    expect(realised_shift / predicted_shift).toBeLessThan(2);
  });

  it("lowers a rejected reply by what it predicted within a factor of two", async () => {
    const row: TokenRow = { prompt, reply: await likeliest(), kind: "rejected", weight: 1 };
    const { decision, rows } = await update([row], { iterations: 1, gate: 0 });
    expect(decision).toBe("updated");
    const { predicted_shift, realised_shift } = rows[0]!;
    expect(predicted_shift).toBeLessThan(-0.5);
    expect(realised_shift / predicted_shift).toBeGreaterThan(0.5);
    expect(realised_shift / predicted_shift).toBeLessThan(2);
  });

  it("returns the numbers that will be served: its file gives the log-probs it reports", async () => {
    const { B, rank, rows, shift_norm } = await update([corrected]);
    const file = writeAdapter(model, { rank, B: B!, parent: null });
    const adapter = readAdapter(model, file.bytes);
    const [logprobs] = await model.score([corrected], adapter);
    const { logprob_before, realised_shift } = rows[0]!;
    expect(total(logprobs!)).toBeCloseTo(logprob_before + realised_shift, 5);
    expect(shift_norm).toBeCloseTo(Math.hypot(...adapter.B), 5);
  });

  it("builds on its parent: the second update starts where the first ended", async () => {
    const first = await update([corrected], { iterations: 1 });
    const parent = { digest: "first", rank: first.rank, B: first.B! };
    const second = await update([corrected], { iterations: 1 }, { parent });
    const { logprob_before, realised_shift } = first.rows[0]!;
    expect(second.rows[0]!.logprob_before).toBeCloseTo(logprob_before + realised_shift, 5);
    expect(second.objective.after).toBeGreaterThan(second.objective.before);
  });

  it("raises the objective, costs KL and stays in the trust region", async () => {
    const result = await update([corrected], { iterations: 1, rho: 0.05 });
    expect(result.step_norm).toBeLessThanOrEqual(0.05 + 1e-4);
    expect(result.objective.after).toBeGreaterThan(result.objective.before);
    expect(result.kl).toBeGreaterThan(0);
  });

  it("skips when every row is below the gate or already there", async () => {
    const unlikely: TokenRow = { prompt, reply: other, kind: "rejected", weight: 1 };
    const result = await update([unlikely], { gate: 0.5 });
    expect(result.decision).toBe("skipped");
    expect(result.B).toBeUndefined();
    expect(result.shift_norm).toBe(0);
  });

  it("rejects a step that does not do what was predicted, and says so", async () => {
    // A model whose gradients point the wrong way: every step must make things worse.
    const wrong: AdaptableModel = {
      adapterLength: (rank) => model.adapterLength(rank),
      passRows: async function* (rows, adapter, sink) {
        const made: Float32Array[] = [];
        const logprobs = yield* model.passRows(
          rows,
          adapter,
          sink &&
            ((row, S) => {
              const to = sink(row, S);
              if (to) made.push(to);
              return to;
            }),
        );
        for (const gradient of made) {
          gradient.forEach((value, i) => {
            gradient[i] = -value;
          });
        }
        return logprobs;
      },
    };
    const result = await update([corrected], {}, { subject: wrong });
    expect(result.decision).toBe("rejected");
    expect(result.B).toBeUndefined();
    expect(result.reason).toContain("of the predicted shift");
    expect(result.shift_norm).toBe(0);
  });

  it("yields before each run of a block, and runs fewer rows at a time while others wait", async () => {
    const long = { ...corrected, prompt: new Int32Array(60).fill(5) };
    const alone = await update([long, long, long], { iterations: 1 }, { isBusy: false });
    const busy = await update([long, long, long], { iterations: 1 }, { isBusy: true });
    const blocks = 2 * model.config.layerCount;
    // A pass forward, one back, and one forward to see where the step led; embedding and head are runs too.
    const runs = (tiles: number) => 2 * (tiles + blocks * tiles + 1) + blocks * tiles;
    expect(alone.slices).toBe(runs(1));
    expect(busy.slices).toBe(runs(3));
  });

  it("leaves rows out that owe nothing: their gradients are never made", async () => {
    const asked: number[][] = [];
    const watched: AdaptableModel = {
      adapterLength: (rank) => model.adapterLength(rank),
      passRows: (rows, adapter, sink) => {
        const chosen: number[] = [];
        if (sink) asked.push(chosen);
        return model.passRows(
          rows,
          adapter,
          sink &&
            ((row, S) => {
              const to = sink(row, S);
              if (to) chosen.push(row);
              return to;
            }),
        );
      },
    };
    const dropped: TokenRow = { ...corrected, reply: other, weight: 0 };
    const { rows } = await update([dropped, corrected], { iterations: 2 }, { subject: watched });
    expect(asked[0]).toEqual([1]);
    expect(rows[0]!.target_shift).toBe(0);
    expect(rows[0]!.realised_shift).not.toBe(0);
  });

  it("by Adam replay also raises a corrected reply", async () => {
    const { decision, rows } = await update([corrected], { method: "adam" });
    expect(decision).toBe("updated");
    expect(rows[0]!.realised_shift).toBeGreaterThan(0.1);
  });
});

describe("an adapter file", () => {
  const B = new Float32Array(model.adapterLength(2)).fill(0.25);
  const { bytes, digest } = writeAdapter(model, { rank: 2, B, parent: null });

  it("comes back as it was written, under the digest of its bytes", () => {
    const adapter = readAdapter(model, bytes);
    expect(adapter).toEqual({ digest, rank: 2, B });
  });

  it("has a name for its parent", () => {
    const child = writeAdapter(model, { rank: 2, B, parent: digest });
    expect(child.digest).not.toBe(digest);
  });

  it("is refused by another base model", () => {
    const base = { config: model.config, digest: "0".repeat(64) };
    expect(() => readAdapter(base, bytes)).toThrow(/Cannot use adapter: its model is/);
  });

  it("is refused when it is cut, not a number, or of another shape", () => {
    expect(() => readAdapter(model, bytes.subarray(0, bytes.length - 2))).toThrow(
      expect.objectContaining({ code: "adapter_invalid" }),
    );
    const broken = writeAdapter(model, { rank: 2, B: B.map(() => Number.NaN), parent: null });
    expect(() => readAdapter(model, broken.bytes)).toThrow("not finite");
    const config = { ...model.config, intermediateSize: model.config.intermediateSize + 8 };
    expect(() => readAdapter({ config, digest: model.digest }, bytes)).toThrow(
      /tensor ".*gate_proj.lora_B" is F16/,
    );
  });
});
