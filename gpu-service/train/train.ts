/**
 * `npm run train`: trains rosa2-mini-2 and writes it as a Hugging Face checkpoint.
 *
 * Training is seeded and resumable. The batch and the rates of a step depend on the seed and the step alone, so a
 * stopped run resumes from its last checkpoint and ends with the same weights. `--from DIR` starts from the weights of
 * a finished model of the same shape instead of random ones, with fresh optimiser state and rates; that model's
 * vocabulary may be the beginning of this one. `--peak` then sets the highest rates. `--workers` divides a batch's rows
 * among that many threads: on many cores one thread each is fastest.
 */
import { appendFileSync, cpSync, existsSync, mkdirSync } from "node:fs";
import { availableParallelism } from "node:os";
import { fileURLToPath } from "node:url";
import { seededRandom } from "@rosa2/shared/random";
import { Presets, SingleBar } from "cli-progress";
import { readFlagsOrExit } from "../../shared/command/flags.ts";
import { drawSample } from "../language/samples.ts";
import { readModelConfig } from "../src/checkpoint/model-config.ts";
import { Model } from "../src/engine/model/model.ts";
import { packBatch } from "./batches.ts";
import { loadRun, saveModel, saveRun, type TrainingState } from "./checkpoints.ts";
import { conversationEncoder, readTokenizer } from "./conversation.ts";
import { startFrom } from "./grow.ts";
import { measureSkills } from "./measure.ts";
import { contextLength } from "./tokenizer.ts";
import { initialState, Trainer } from "./trainer.ts";
import { readVocabulary, specialTokens } from "./vocabulary.ts";

const usage = `npm run train [-- FLAGS]

Trains the bundled model from nothing and writes it as a Hugging Face checkpoint. A run that was stopped goes on from its
last checkpoint when it is started again with the same flags.

  --steps N --seed N              how long, and what it is drawn from
  --workers N --threads N         threads that a batch is dealt to, and threads of each
  --run NAME                      folder of the run under gpu-service/train/runs
  --from DIR --out DIR            weights to begin with, and where the model is written
  --peak X --constant X           highest rate, and the share of the run at it
  --measure N                     steps between two measurements of its skills
  --hidden --layers --heads --ff  shape of the model
  --rows --width                  shape of a batch
  --help                          this text`;

const flags = readFlagsOrExit(usage, {
  steps: { type: "string", default: "6000" },
  seed: { type: "string", default: "1" },
  workers: { type: "string", default: "1" },
  threads: { type: "string" },
  run: { type: "string", default: "main" },
  from: { type: "string" },
  out: { type: "string" },
  peak: { type: "string", default: "1" },
  constant: { type: "string", default: "0.3" },
  measure: { type: "string", default: "1000" },
  hidden: { type: "string", default: "192" },
  layers: { type: "string", default: "5" },
  heads: { type: "string", default: "6" },
  ff: { type: "string", default: "512" },
  rows: { type: "string", default: "22" },
  width: { type: "string", default: "208" },
});
const steps = Number(flags.steps);
const seed = Number(flags.seed);
const R = Number(flags.rows);
const T = Number(flags.width);
const workers = Number(flags.workers);
/** Of each worker. */
const threads = Number(flags.threads ?? Math.max(1, Math.floor(availableParallelism() / workers)));

const modelDirectory = new URL("../models/rosa2-mini-2/", import.meta.url);
const runDirectory = fileURLToPath(new URL(`runs/${flags.run}/`, import.meta.url));
const runFile = `${runDirectory}checkpoint.safetensors`;
const logFile = `${runDirectory}train.log`;
const checkpointSteps = 100;
const rates = { muon: 0.02, adam: 3e-3 };
const warmupSteps = 100;
/** Peak of the rates as a share of `rates`, and the share of the run for which they stay there before they fall linearly. */
const peakShare = Number(flags.peak);
const constantShare = Number(flags.constant);
const finalShare = 0.01;

const tokenizer = readTokenizer(modelDirectory);
const vocabulary = readVocabulary(modelDirectory);
const config = readModelConfig({
  model_type: "llama",
  vocab_size: vocabulary.length,
  hidden_size: Number(flags.hidden),
  intermediate_size: Number(flags.ff),
  num_hidden_layers: Number(flags.layers),
  num_attention_heads: Number(flags.heads),
  rms_norm_eps: 1e-5,
  max_position_embeddings: contextLength,
  tie_word_embeddings: true,
  eos_token_id: vocabulary.indexOf(specialTokens.end),
  bos_token_id: null,
});

await train();

async function train(): Promise<void> {
  mkdirSync(runDirectory, { recursive: true });
  // The number of steps is not among them: a run may be made longer or shorter while its rate is still constant.
  const settings = JSON.stringify({ config, R, T, seed, from: flags.from });
  const resumed = existsSync(runFile);
  const start = resumed ? loadRun(runFile) : { state: startingState(), step: 0, settings };
  if (start.settings !== settings) {
    throw new Error(
      `Cannot resume ${runFile}: it was started with ${start.settings}, asked for ${settings}; ` +
        "give --run another name",
    );
  }
  const trainer = await Trainer.create(config, { R, T }, start, { workers, threads });
  log(`${resumed ? `resumed at step ${trainer.step}` : "started"}, ${steps} steps: ${settings}`);
  const encode = conversationEncoder(tokenizer);
  const bar = new SingleBar(
    { format: "{bar} {value}/{total} steps  loss {loss}  {speed} tokens/s  eta {eta_formatted}" },
    Presets.shades_classic,
  );
  bar.start(steps, trainer.step, { loss: "–", speed: "–" });

  const batchOf = (step: number) => {
    const random = seededRandom(`${seed}/${step}`);
    return packBatch(() => encode(drawSample(random)), R, T);
  };
  let losses: number[] = [];
  let tokens = 0;
  let since = performance.now();
  let batch = batchOf(trainer.step);
  while (trainer.step < steps) {
    const share = rateShare(trainer.step);
    const loss = trainer.run(batch, { muon: rates.muon * share, adam: rates.adam * share });
    tokens += batch.tokenCount;
    // The next batch is drawn while the workers are busy.
    batch = batchOf(trainer.step);
    losses.push(await loss);
    bar.update(trainer.step);
    if (trainer.step % 50 === 0) {
      const mean = (losses.reduce((sum, value) => sum + value, 0) / losses.length).toFixed(4);
      const speed = Math.round(tokens / ((performance.now() - since) / 1000));
      bar.update({ loss: mean, speed });
      log(`step ${trainer.step} loss ${mean} ${speed} tokens/s`);
      losses = [];
      tokens = 0;
      since = performance.now();
    }
    if (trainer.step % checkpointSteps === 0) {
      saveRun(runFile, { state: trainer.state, step: trainer.step, settings });
    }
    if (trainer.step % Number(flags.measure) === 0 || trainer.step === steps) {
      await measure(trainer, trainer.step === steps ? 400 : 100);
      since = performance.now();
      tokens = 0;
    }
  }
  bar.stop();
  await trainer.dispose();
}

/** Random weights, or those of `--from`. */
function startingState(): TrainingState {
  const state = initialState(config, seed);
  return flags.from === undefined ? state : startFrom(flags.from, state, { config, vocabulary });
}

/** Saves the weights as a model and logs its skills; at the end this is the result. */
async function measure(trainer: Trainer, count: number): Promise<void> {
  const done = trainer.step === steps;
  const directory = done
    ? (flags.out ?? fileURLToPath(modelDirectory))
    : `${runDirectory}step-${trainer.step}`;
  saveModel(directory, config, trainer.state);
  if (directory !== fileURLToPath(modelDirectory)) {
    for (const name of ["tokenizer.json", "tokenizer_config.json", "chat_template.jinja"]) {
      cpSync(fileURLToPath(new URL(name, modelDirectory)), `${directory}/${name}`);
    }
  }
  const model = await Model.load(directory, { threads: workers * threads });
  const accuracies = await measureSkills(model, modelDirectory, { count, seed: 0 });
  await model.dispose();
  const text = Object.entries(accuracies).map(([name, value]) => `${name} ${value.toFixed(3)}`);
  log(`step ${trainer.step} greedy accuracy: ${text.join(", ")}`);
}

function rateShare(step: number): number {
  const progress = step / steps;
  const fall =
    progress < constantShare ? 1 : Math.max(finalShare, (1 - progress) / (1 - constantShare));
  return Math.min(1, (step + 1) / warmupSteps) * peakShare * fall;
}

function log(line: string): void {
  appendFileSync(logFile, `${new Date().toISOString()} ${line}\n`);
}
