import { type AdaptPlan, adaptPlanDefaults } from "@rosa2/shared/protocol";
import { afterAll, describe, expect, it } from "vitest";
import { type AdaptableModel, adapt } from "../../../gpu-service/src/adapt/adapt.ts";
import { readAdapter, writeAdapter } from "../../../gpu-service/src/adapt/adapter-file.ts";
import { Model } from "../../../gpu-service/src/engine/model/model.ts";
import {
  type AdapterWeights,
  finish,
  type ScoreRow,
  type TokenRow,
} from "../../../gpu-service/src/language-model.ts";
import { withProbes } from "../../support/with-probes.ts";
import { fixtureFolder } from "../compiler/golden.ts";

const model = await Model.load(fixtureFolder("llama"), { threads: 1 });
afterAll(() => model.dispose());

const probed = withProbes(model);
// Drawn once, so that no test counts the slices of drawing them.
await finish(probed.probes());

const prompt = Int32Array.of(5, 9, 2, 11, 3);
const corrected: TokenRow = { prompt, reply: Int32Array.of(7, 1), kind: "corrected", weight: 1 };
const other = Int32Array.of(8, 4, 6);

async function update(
  rows: TokenRow[],
  plan: Partial<AdaptPlan> = {},
  {
    parent = null,
    subject = probed,
    isBusy = false,
  }: { parent?: AdapterWeights | null; subject?: AdaptableModel; isBusy?: boolean } = {},
) {
  const steps = adapt(subject, rows, { ...adaptPlanDefaults, ...plan }, parent);
  let slices = 0;
  for (;;) {
    const { done, value } = await steps.next(isBusy);
    if (done) return { ...value, slices };
    slices++;
  }
}

async function countSlices(rows: readonly ScoreRow[], isBusy: boolean): Promise<number> {
  const pass = model.hiddenStates(rows, null);
  for (let slices = 0; ; slices++) if ((await pass.next(isBusy)).done) return slices;
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
    // A step short enough that this model is nearly linear along it.
    const { decision, rows } = await update([corrected], { iterations: 1, kl_max: 0.02 });
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

  it("takes no step that rounding of the log-probs alone might explain", async () => {
    const once = { iterations: 1, kl_max: 0.02 };
    const exact = await update([corrected], once);
    expect(exact.decision).toBe("updated");
    const { realised_shift } = exact.rows[0]!;
    // Two tokens; the log-prob of each is rounded at the step's start and at its end.
    const noise = realised_shift / 2;
    const rounded = await update([corrected], once, { subject: { ...probed, noise } });
    expect(rounded).toMatchObject({ decision: "rejected", stopped_by: "no_progress" });
    const quieter = await update([corrected], once, { subject: { ...probed, noise: noise / 20 } });
    expect(quieter.decision).toBe("updated");
  });

  it("returns the numbers that will be served: its file gives the log-probs that it reports", async () => {
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
    expect(second.rows[0]!.logprob_after).toBeGreaterThan(second.rows[0]!.logprob_before);
  });

  it("keeps the bound on one step's norm and costs KL", async () => {
    const result = await update([corrected], { iterations: 1, rho: 0.05 });
    expect(result.step_norm).toBeLessThanOrEqual(0.05 + 1e-4);
    expect(result.kl).toBeGreaterThan(0);
  });

  it("reports an objective that rises where confidence is worth its KL, and falls where it is not", async () => {
    const rising = await update([corrected], { beta: 0.05 });
    expect(rising.objective.after).toBeGreaterThan(rising.objective.before);
    const falling = await update([corrected], { iterations: 1, rho: 0.05, beta: 10 });
    expect(falling.objective.after).toBeLessThan(falling.objective.before);
  });

  it("keeps an update's KL within its bound, and goes on from there the next time", async () => {
    const far: TokenRow = { ...corrected, reply: Int32Array.of(7, 12, 9, 14, 6, 20, 11, 1) };
    const bound = { kl_max: 0.01, kl_base_max: 1 };
    const first = await update([far], bound);
    expect(first).toMatchObject({ decision: "updated", stopped_by: "kl" });
    expect(first.kl).toBeLessThan(1.15 * 0.01);
    expect(first.reason).toContain("goes on from there");
    const parent = { digest: "first", rank: first.rank, B: first.B! };
    const second = await update([far], bound, { parent });
    expect(second.decision).toBe("updated");
    expect(second.rows[0]!.logprob_after).toBeGreaterThan(first.rows[0]!.logprob_after);
    expect(second.kl_base).toBeGreaterThan(first.kl_base);
  });

  it("says so when a reply rose as far as one update raises it, and goes on the next time", async () => {
    const far: TokenRow = { ...corrected, reply: Int32Array.of(7, 12, 9, 14, 6, 20, 11, 1) };
    const plan = { clip_total: 4, kl_max: 1, kl_base_max: 1 };
    const first = await update([far], plan);
    expect(first).toMatchObject({ decision: "updated", stopped_by: "reached" });
    expect(first.reason).toContain("one update raises a reply by 4 nats at most");
    const parent = { digest: "first", rank: first.rank, B: first.B! };
    const second = await update([far], plan, { parent });
    expect(second.rows[0]!.logprob_after).toBeGreaterThan(first.rows[0]!.logprob_after + 1);
    const whole = await update([corrected], { ...plan, clip_total: 64, iterations: 64 });
    expect(whole.reason).toContain("nothing more is owed");
  });

  it("projects a step at the session's bound from the base model instead of refusing it", async () => {
    const bound = { kl_max: 0.05, kl_base_max: 0.02 };
    const replies = [
      [7, 12, 9, 1],
      [20, 6, 14, 1],
      [11, 3, 8, 1],
      [15, 4, 19, 1],
    ];
    let parent: AdapterWeights | null = null;
    for (const [i, reply] of replies.entries()) {
      const row: TokenRow = { ...corrected, reply: Int32Array.from(reply) };
      const result = await update([row], bound, { parent });
      expect(result.decision).toBe("updated");
      expect(result.kl_base).toBeLessThanOrEqual(0.02);
      expect(result.rows[0]!.logprob_after).toBeGreaterThan(result.rows[0]!.logprob_before);
      parent = { digest: String(i), rank: result.rank, B: result.B! };
    }
  });

  it("asks nothing of a held reply, and restores what another example took from it", async () => {
    const held: TokenRow = { ...corrected, reply: await likeliest(), kind: "held" };
    const rival: TokenRow = { ...corrected, reply: Int32Array.of(7) };
    const alone = await update([rival], { kl_max: 1, kl_base_max: 1 });
    expect(alone.decision).toBe("updated");
    const { rows } = await update([held, rival], { kl_max: 1, kl_base_max: 1 });
    expect(rows[0]!.target_shift).toBe(0);
    expect(rows[1]!.realised_shift).toBeGreaterThan(0);
    const without = await model.score([held], { digest: "", rank: alone.rank, B: alone.B! });
    expect(rows[0]!.logprob_after).toBeGreaterThan(total(without[0]!));
  });

  it("never moves a model for a reply whose every token is likely enough", async () => {
    const sure: TokenRow = { ...corrected, reply: await likeliest() };
    const result = await update([sure], { token_settled: 1e-6 });
    expect(result).toMatchObject({ decision: "skipped", kl: 0, step_norm: 0 });
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
      ...probed,
      passRows: async function* (rows, adapter, sink) {
        const made: Float32Array[] = [];
        const logprobs = yield* model.passRows(
          rows,
          adapter,
          sink &&
            ((row, found) => {
              const to = sink(row, found);
              if (to) made.push(to.into);
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
    expect(result.stopped_by).toBe("no_progress");
    expect(result.shift_norm).toBe(0);
  });

  it("yields before each run of a block, and runs fewer rows at a time while others wait", async () => {
    // Rows that begin alike would be one row.
    const long = [4, 5, 6].map((id) => ({ ...corrected, prompt: new Int32Array(60).fill(id) }));
    const once = { iterations: 1, kl_max: 10, kl_base_max: 10 };
    const alone = await update(long, once, { isBusy: false });
    const busy = await update(long, once, { isBusy: true });
    const blocks = 2 * model.config.layerCount;
    // One pass forward, one back, and one forward to see where the step led; embedding and head count as runs too. The
    // probes are passed once, after the step; the check at the end has no further samples. The distance from the base
    // model, which is the start here, is one run of the head. The last MLP is run for the replies alone, which fit one run.
    const lastMlp = (tiles: number) => 3 * (tiles - 1);
    const runs = (tiles: number) =>
      2 * (tiles + blocks * tiles + 1) + blocks * tiles - lastMlp(tiles);
    const { rows } = await finish(probed.probes());
    const measured = async (isBusy: boolean) => (await countSlices(rows, isBusy)) + 1;
    expect(alone.slices).toBe(runs(1) + (await measured(false)));
    expect(busy.slices).toBe(runs(3) + (await measured(true)));
  });

  it("leaves out rows that owe nothing: their gradients are never made", async () => {
    const asked: number[][] = [];
    const watched: AdaptableModel = {
      ...probed,
      passRows: (rows, adapter, sink) => {
        const chosen: number[] = [];
        if (sink) asked.push(chosen);
        return model.passRows(
          rows,
          adapter,
          sink &&
            ((row, found) => {
              const to = sink(row, found);
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
});

describe("an adapter file", () => {
  const B = new Float32Array(model.adapterLength(2)).fill(0.25);
  const { bytes, digest } = writeAdapter(model, { rank: 2, B, parent: null });

  it("comes back as it was written, under the digest of its bytes", () => {
    const adapter = readAdapter(model, bytes);
    expect(adapter).toEqual({ digest, rank: 2, B });
  });

  it("names its parent", () => {
    const child = writeAdapter(model, { rank: 2, B, parent: digest });
    expect(child.digest).not.toBe(digest);
  });

  it("is refused by another base model", () => {
    const base = { config: model.config, digest: "0".repeat(64) };
    expect(() => readAdapter(base, bytes)).toThrow(/Cannot use adapter: its model is/);
  });

  it("is refused when it is cut off, holds no numbers, or has another shape", () => {
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
