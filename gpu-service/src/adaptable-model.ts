/**
 * A loaded model as updates see it: its passes, its own samples and its anchors. Samples and anchors are made when
 * first needed and kept on disk under the model's digest.
 */
import { createHash } from "node:crypto";
import { mkdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { adaptPlanDefaults } from "@rosa2/shared/protocol";
import { z } from "zod";
import type { AdaptableModel } from "./adapt/adapt.ts";
import {
  type Anchors,
  anchorMetric,
  anchorsFile,
  encodeAnchors,
  loadAnchors,
  ownDirections,
} from "./adapt/anchors.ts";
import {
  chooseProbes,
  drawSamples,
  neutralOpenings,
  type Sample,
  type SampleOptions,
} from "./adapt/probes.ts";
import type { MeasurableModel, Probes, Samples } from "./adapt/trust-region.ts";
import type { ModelSettings } from "./checkpoint/model-settings.ts";
import { cacheDirectory } from "./disk/cache-directory.ts";
import type { LanguageModel, Slices } from "./language-model.ts";
import type { ChatTokenizer } from "./tokenizer/tokenizer.ts";

/** Samples drawn once for a model. One minute is enough for a model of a few hundred million parameters. */
const sampleOptions: SampleOptions = { count: 192, tokensMax: 24, msMax: 60_000 };
/** Samples on which an update's end is measured. More bring its KL nearer to that of all, and lengthen a pass. */
const probeCount = 36;
/**
 * Samples drawn when a session first goes far from the base model. Many, because a session learns about few requests: a
 * few samples would miss those requests or overstate them.
 */
const witnessOptions: SampleOptions = { count: 128, tokensMax: 24, msMax: 15_000, after: 10_000 };
const anchorOptions = { countMax: 64, directionsMax: 32, countMin: 8, msMax: 60_000 };
/** Anchors' gradients may take this share of the weights' bytes, or in a small model this many bytes. */
const anchorShare = 1 / 32;
const anchorBytesMin = 32 * 1_048_576;

/** Changes with the way samples are drawn, so that older ones are not read. */
const format = "rosa2-own-2";

const keptSchema = z
  .array(z.object({ prompt: z.array(z.int()), reply: z.array(z.int()), doubt: z.number() }))
  .min(1);

type LoadedModel = LanguageModel &
  Omit<MeasurableModel, "witnesses"> &
  Pick<AdaptableModel, "adapterLength">;

/** Called with what is being made, how much of it is done, and the total. */
export type MakingProgress = (what: "samples" | "anchors", done: number, of: number) => void;

export interface AdaptableOptions {
  /** The checkpoint's own anchors; without them they are made. */
  anchors?: Anchors | null;
  threads?: number | undefined;
  /** By how much rounded activations change a token's log-prob, in nats; 0 by default. */
  noise?: number;
  progress?: MakingProgress;
}

export function adaptable(
  model: LoadedModel,
  tokenizer: Pick<ChatTokenizer, "promptIds" | "endIds" | "decode">,
  settings: ModelSettings,
  { anchors: shipped = null, threads, noise = 0, progress }: AdaptableOptions = {},
): AdaptableModel {
  let samples: Sample[] | null = null;
  let probes: Probes | null = null;
  let witnesses: Samples | null = null;
  let anchors: Anchors | null | undefined = shipped ?? undefined;
  const promptsOf = (requests: readonly string[]) =>
    requests.map((content) => tokenizer.promptIds([{ role: "user", content }]));
  const prompts = promptsOf(settings.prompts ?? neutralOpenings);
  const folder = () => {
    const key = createHash("sha256")
      .update(
        JSON.stringify([
          format,
          prompts.map((prompt) => [...prompt]),
          sampleOptions,
          anchorOptions,
        ]),
      )
      .digest("hex")
      .slice(0, 16);
    return join(cacheDirectory(), model.digest, `own-${key}`);
  };

  /**
   * Replies to the openings that the checkpoint names. Without any, a quarter answers neutral openings, and the rest
   * answers what those replies say.
   */
  async function* drawAll(): Slices<Sample[]> {
    const { count, tokensMax, msMax } = sampleOptions;
    const endsAt = performance.now() + msMax;
    const drawn: Sample[] = [];
    const draw = (requests: readonly Int32Array[], wanted: number) => {
      const left = { count: wanted, tokensMax, msMax: endsAt - performance.now() };
      return drawSamples(model, requests, tokenizer.endIds, left, (done) => {
        if (drawn.length + done < count) progress?.("samples", drawn.length + done, count);
      });
    };
    if (settings.prompts !== undefined) return yield* draw(prompts, count);
    drawn.push(...(yield* draw(prompts, count / 4)));
    const own = drawn.map(({ reply }) => tokenizer.decode([...reply]).trim());
    const requests = promptsOf([...new Set(own.filter((text) => text !== ""))]);
    const fitting = requests.filter(
      ({ length }) => length + tokensMax <= model.shape.contextLength,
    );
    const isTimeLeft = performance.now() < endsAt;
    if (fitting.length > 0 && isTimeLeft) {
      drawn.push(...(yield* draw(fitting, count - drawn.length)));
    }
    return drawn;
  }

  /**
   * Further replies to the same openings: requests as users make them, where the samples above are mostly the model's
   * own words.
   */
  async function* drawWitnesses(): Slices<Samples> {
    const rows = yield* drawSamples(model, prompts, tokenizer.endIds, witnessOptions);
    const base = yield* model.hiddenStates(rows, null);
    return { rows, weights: rows.map(() => 1), base };
  }

  async function* ownSamples(): Slices<Sample[]> {
    samples ??= readSamples(folder());
    if (samples === null) {
      samples = yield* drawAll();
      // Where the time was over there are fewer.
      progress?.("samples", samples.length, samples.length);
      const plain = samples.map(({ prompt, reply, doubt }) => ({
        prompt: [...prompt],
        reply: [...reply],
        doubt,
      }));
      keep(folder(), samplesFile, JSON.stringify(plain));
    }
    return samples;
  }

  async function* makeAnchors(): Slices<Anchors | null> {
    const { rank } = { ...adaptPlanDefaults, ...settings.plan };
    const kept = await loadAnchors(folder(), model, threads).catch(() => null);
    if (kept?.rank === rank) return kept;
    const weightBytes = model.parameterCount * Float32Array.BYTES_PER_ELEMENT;
    const bytesMax = Math.max(anchorBytesMin, anchorShare * weightBytes);
    const options = { ...anchorOptions, rank, bytesMax };
    const made = yield* ownDirections(model, yield* ownSamples(), options, (done, of) =>
      progress?.("anchors", done, of),
    );
    if (made === null) return null;
    const { U, directions } = made;
    keep(folder(), anchorsFile, encodeAnchors(U, { directions, rank, model: model.digest }));
    const D = model.adapterLength(rank);
    return { rank, ...(await anchorMetric(U, directions, D, threads)) };
  }

  return {
    noise,
    passRows: (...pass) => model.passRows(...pass),
    hiddenStates: (...pass) => model.hiddenStates(...pass),
    divergence: (...states) => model.divergence(...states),
    adapterLength: (rank) => model.adapterLength(rank),
    probes: async function* () {
      if (probes === null) {
        const chosen = chooseProbes(yield* ownSamples(), probeCount);
        const base = yield* model.hiddenStates(chosen.rows, null);
        probes = { ...chosen, base, known: new WeakMap() };
      }
      return probes;
    },
    witnesses: async function* () {
      witnesses ??= yield* drawWitnesses();
      return witnesses;
    },
    anchors: async function* () {
      if (anchors === undefined) anchors = yield* makeAnchors();
      return anchors;
    },
  };
}

const samplesFile = "samples.json";

/** The samples that were kept, or null: what cannot be read is drawn again. */
function readSamples(folder: string): Sample[] | null {
  try {
    const kept = keptSchema.parse(JSON.parse(readFileSync(join(folder, samplesFile), "utf8")));
    return kept.map(({ prompt, reply, doubt }) => ({
      prompt: Int32Array.from(prompt),
      reply: Int32Array.from(reply),
      doubt,
    }));
  } catch {
    return null;
  }
}

/** Writes a file of the cache whole or not at all. An unwritable disk only costs time at the next start. */
function keep(folder: string, name: string, content: string | Uint8Array): void {
  try {
    mkdirSync(folder, { recursive: true });
    const part = join(folder, `${name}.${process.pid}.part`);
    writeFileSync(part, content);
    renameSync(part, join(folder, name));
  } catch {}
}
