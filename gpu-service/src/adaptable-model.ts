/**
 * A loaded model as updates see it: its passes, its anchors, and its own samples, drawn when first needed and kept on
 * disk under the model's digest.
 */
import { createHash } from "node:crypto";
import { mkdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { z } from "zod";
import type { AdaptableModel } from "./adapt/adapt.ts";
import type { Anchors } from "./adapt/anchors.ts";
import { drawSamples, neutralOpenings, type ProbeOptions } from "./adapt/probes.ts";
import type { MeasurableModel, Probes } from "./adapt/trust-region.ts";
import type { ModelSettings } from "./checkpoint/model-settings.ts";
import { cacheDirectory } from "./disk/cache-directory.ts";
import type { LanguageModel, ScoreRow, Slices } from "./language-model.ts";
import type { ChatTokenizer } from "./tokenizer/tokenizer.ts";

const keptSchema = z.array(z.object({ prompt: z.array(z.int()), reply: z.array(z.int()) })).min(1);

/** Enough tokens that their mean KL is within a factor of two of that of a thousand others, and a short pass. */
const probeOptions: ProbeOptions = { count: 12, tokensMax: 12, msMax: 60_000 };

type LoadedModel = LanguageModel & MeasurableModel & Pick<AdaptableModel, "adapterLength">;

export function adaptable(
  model: LoadedModel,
  tokenizer: Pick<ChatTokenizer, "promptIds" | "endIds">,
  settings: ModelSettings,
  {
    anchors = null,
    progress,
  }: { anchors?: Anchors | null; progress?: (done: number, of: number) => void } = {},
): AdaptableModel {
  let probes: Probes | null = null;
  async function* draw(): Slices<Probes> {
    const openings = settings.prompts ?? neutralOpenings;
    const prompts = openings.map((content) => tokenizer.promptIds([{ role: "user", content }]));
    const rows = yield* keptSamples({ digest: model.digest, prompts, options: probeOptions }, () =>
      drawSamples(model, prompts, tokenizer.endIds, probeOptions, (done) =>
        progress?.(done, probeOptions.count),
      ),
    );
    return { rows, base: yield* model.hiddenStates(rows, null) };
  }
  return {
    anchors,
    passRows: (...pass) => model.passRows(...pass),
    hiddenStates: (...pass) => model.hiddenStates(...pass),
    divergence: (...states) => model.divergence(...states),
    adapterLength: (rank) => model.adapterLength(rank),
    probes: async function* () {
      probes ??= yield* draw();
      return probes;
    },
  };
}

/** The samples of a model and its openings: from disk, or drawn now and kept. An unwritable disk only costs time. */
async function* keptSamples(
  {
    digest,
    prompts,
    options,
  }: { digest: string; prompts: readonly Int32Array[]; options: ProbeOptions },
  drawn: () => Slices<ScoreRow[]>,
): Slices<ScoreRow[]> {
  const key = createHash("sha256")
    .update(JSON.stringify([prompts.map((prompt) => [...prompt]), options]))
    .digest("hex")
    .slice(0, 16);
  const path = join(cacheDirectory(), digest, `samples-${key}.json`);
  try {
    return keptSchema.parse(JSON.parse(readFileSync(path, "utf8"))).map(({ prompt, reply }) => ({
      prompt: Int32Array.from(prompt),
      reply: Int32Array.from(reply),
    }));
  } catch {
    const rows = yield* drawn();
    try {
      mkdirSync(dirname(path), { recursive: true });
      const part = `${path}.${process.pid}.part`;
      const plain = rows.map(({ prompt, reply }) => ({ prompt: [...prompt], reply: [...reply] }));
      writeFileSync(part, JSON.stringify(plain));
      renameSync(part, path);
    } catch {}
    return rows;
  }
}
