/**
 * `npm run anchors`: makes the bundled model's anchors, the base skills that every update protects.
 *
 * The prompts are base skills, trained compositions and clearly worded requests without a dialogue. Only answers that
 * are right but not certain serve, because a certain answer has no gradient. With `--prompts` the command instead
 * writes the requests on whose replies an update's KL is measured. These are requests as users make them, vague ones
 * included: KL on other requests says nothing about theirs.
 */
import { readFileSync, writeFileSync } from "node:fs";
import { fileURLToPath, pathToFileURL } from "node:url";
import { pick, type Random, seededRandom } from "@rosa2/shared/random";
import { Presets, SingleBar } from "cli-progress";
import { readFlagsOrExit } from "../../shared/command/flags.ts";
import { drawBaseSkill } from "../language/base-skills.ts";
import { families } from "../language/operations.ts";
import { drawOutside } from "../language/outside.ts";
import { drawSample } from "../language/samples.ts";
import { trainedPairs } from "../language/skills.ts";
import { answer, drawTask } from "../language/task.ts";
import { request } from "../language/wording.ts";
import { encodeAnchors, strongestDirections } from "../src/adapt/anchors.ts";
import { Model } from "../src/engine/model/model.ts";
import type { ScoreRow } from "../src/language-model.ts";
import { conversationEncoder, readTokenizer } from "./conversation.ts";

const usage = `npm run anchors [-- --model DIR] [--count N] [--directions N] [--rank N] [--prompts N]

Makes a model's anchors, the base skills that every update protects, and writes them beside its weights.

  --model DIR       checkpoint (the bundled rosa2-mini)
  --prompts N       writes N requests of the training mix to its rosa2.json instead, on which KL is measured
  --count N         prompts (256)
  --directions N    directions kept of them (32)
  --rank N          rank of the adapters that they are for (8)
  --help            this text`;

const flags = readFlagsOrExit(usage, {
  model: {
    type: "string",
    default: fileURLToPath(new URL("../models/rosa2-mini", import.meta.url)),
  },
  count: { type: "string", default: "256" },
  directions: { type: "string", default: "32" },
  rank: { type: "string", default: "8" },
  prompts: { type: "string" },
});
const count = Number(flags.count);
const directions = Number(flags.directions);
const rank = Number(flags.rank);
/** Log-probs (nats) of the answers that become anchors: neither certain nor out of the model's reach. */
const unsure = { min: -1.6, max: -0.03 };
/** The metric's price: a direction with λ = c is taken at half. */
const c = 1;

/** Longer requests contain whole conversations. */
const promptCharsMax = 150;

const directory = pathToFileURL(`${flags.model.replace(/\/$/, "")}/`);
if (flags.prompts !== undefined) {
  writePrompts(Number(flags.prompts));
  process.exit(0);
}
const model = await Model.load(flags.model);
const encode = conversationEncoder(readTokenizer(directory));
const random = seededRandom("anchors");
const bar = new SingleBar({ format: "{bar} {value}/{total} anchors" }, Presets.shades_classic);
bar.start(count, 0);
const rows: ScoreRow[] = [];
while (rows.length < count) {
  const drawn = Array.from({ length: 32 }, () => toRow(drawExchange(random)));
  const logprobs = await model.score(drawn, null);
  const chosen = drawn.filter((_, i) => {
    const total = logprobs[i]!.reduce((sum, value) => sum + value, 0);
    return total > unsure.min && total < unsure.max;
  });
  rows.push(...chosen.slice(0, count - rows.length));
  bar.update(rows.length);
}
bar.stop();
const D = model.adapterLength(rank);
const { gradients } = await model.gradients(rows, { digest: "", rank, B: new Float32Array(D) });
const U = strongestDirections(gradients, count, { directions, c });
const bytes = encodeAnchors(U, { directions, rank, model: model.digest });
writeFileSync(new URL("anchors.safetensors", directory), bytes);
await model.dispose();
console.log(`${directions} directions of ${count} anchors, ${bytes.length} bytes`);

/**
 * First requests of conversations of the mix, each once. Requests to reword another request are left out, because they
 * contain a dialogue.
 */
function writePrompts(count: number): void {
  const random = seededRandom("prompts");
  const prompts = new Set<string>();
  while (prompts.size < count) {
    const [first] = drawSample(random);
    if (first?.role === "user" && first.content.length < promptCharsMax) prompts.add(first.content);
  }
  const file = new URL("rosa2.json", directory);
  const settings = { ...JSON.parse(readFileSync(file, "utf8")), prompts: [...prompts] };
  writeFileSync(file, `${JSON.stringify(settings, null, 2)}\n`);
  console.log(`${count} prompts`);
}

function drawExchange(random: Random): { request: string; reply: string } {
  const u = random();
  if (u < 0.15) return drawBaseSkill(random);
  if (u < 0.2) return drawOutside(random);
  const chain = u < 0.55 ? [pick(random, families)] : pick(random, trainedPairs);
  const task = drawTask(random, chain, { stated: "clear", readings: "uniform" });
  return { request: request(task), reply: answer(task) };
}

function toRow({ request: said, reply }: { request: string; reply: string }): ScoreRow {
  const { ids, learn } = encode([
    { role: "user", content: said, learn: false },
    { role: "assistant", content: reply, learn: true },
  ]);
  const start = learn.indexOf(true);
  return { prompt: Int32Array.from(ids.slice(0, start)), reply: Int32Array.from(ids.slice(start)) };
}
