/** A loaded model as updates see it: its passes, its anchors, and its own samples, drawn when first needed. */
import type { ModelSettings } from "../checkpoint/model-settings.ts";
import type { LanguageModel, Slices } from "../language-model.ts";
import type { ChatTokenizer } from "../tokenizer/tokenizer.ts";
import type { AdaptableModel } from "./adapt.ts";
import type { Anchors } from "./anchors.ts";
import { drawSamples, keptSamples, neutralOpenings, type ProbeOptions } from "./probes.ts";
import type { MeasurableModel, Probes } from "./trust-region.ts";

/** Enough tokens that their mean KL is within a factor of two of that of a thousand others, and a short pass. */
export const probeOptions: ProbeOptions = { count: 10, tokensMax: 16, msMax: 60_000 };

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
