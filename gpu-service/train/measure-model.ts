/**
 * `npm run measure -- [--model DIR]`: what a model of the training language can do, on problems that no training saw.
 *
 * It measures the skills that training logs, and two more things. First, what right examples in the context are worth:
 * the same problems with 0 to 3 of them. Second, how often the meant wording is among eight drawn rewrites: for one
 * operation, two and three, for senses that the training of rewrites holds, for senses left out of it, and for notes.
 */
import { writeFileSync } from "node:fs";
import { fileURLToPath, pathToFileURL } from "node:url";
import { pick, type Random, randomInt, seededRandom } from "@rosa2/shared/random";
import { readFlagsOrExit } from "../../shared/command/flags.ts";
import { families, untaughtFamilies } from "../language/operations.ts";
import type { Question } from "../language/question.ts";
import { type Chain, heldOutPairs, pairs, trainedPairs, triples } from "../language/skills.ts";
import { answer, drawTask, stepwiseAnswer } from "../language/task.ts";
import { canonicalWording, request } from "../language/wording.ts";
import { Model } from "../src/engine/model/model.ts";
import {
  afterExamples,
  answeredRight,
  asPrompts,
  drawRewriting,
  measureSkills,
  type Problem,
  replyTokensMax,
  vagueList,
  vagueNote,
} from "./measure.ts";
import { drawReplies, replyGreedily } from "./replies.ts";

const usage = `npm run measure [-- FLAGS]

Measures what a model of the training language can, and prints it as JSON.

  --model DIR     checkpoint (the bundled rosa2-mini-2)
  --count N       problems a figure (400)
  --seed N        what they are drawn from
  --threads N     threads of the model (1)
  --json FILE     where the figures are written besides
  --help          this text`;

const flags = readFlagsOrExit(usage, {
  model: {
    type: "string",
    default: fileURLToPath(new URL("../models/rosa2-mini-2", import.meta.url)),
  },
  count: { type: "string", default: "400" },
  seed: { type: "string", default: "20261129" },
  threads: { type: "string", default: "1" },
  json: { type: "string" },
});
const count = Number(flags.count);
const seed = Number(flags.seed);
const singles = families.map((family): Chain => [family]);
const exampleCounts = [0, 1, 2, 3];
const rewritesDrawn = 8;

const directory = pathToFileURL(`${flags.model.replace(/\/$/, "")}/`);
const model = await Model.load(flags.model, { threads: Number(flags.threads) });
const figures = {
  count,
  seed,
  skills: await measureSkills(model, directory, { count, seed }),
  steps: await measureSteps(),
  history: {
    single: await measureHistory(aboutLists(singles)),
    trained_pair: await measureHistory(aboutLists(trainedPairs)),
    held_out_pair: await measureHistory(aboutLists(heldOutPairs)),
    note: await measureHistory(vagueNote),
  },
  rewrites: {
    prepared: await measureRewrites(aboutLists(singles)),
    pair: await measureRewrites(aboutLists(pairs)),
    triple: await measureRewrites(aboutLists(triples)),
    untaught: await measureRewrites(aboutLists(untaughtFamilies.map((family): Chain => [family]))),
    note: await measureRewrites(vagueNote),
  },
};
await model.dispose();
const text = `${JSON.stringify(figures, round, 1)}\n`;
if (flags.json !== undefined) writeFileSync(flags.json, text);
console.log(text);

/**
 * On trained pairs whose steps are to be shown: share of replies that are right as a whole, and share right in the last
 * line.
 */
async function measureSteps() {
  const random = seededRandom(`${seed}/steps`);
  const problems = Array.from({ length: count }, () => {
    const task = drawTask(random, pick(random, trainedPairs), {
      stated: "clear",
      readings: "uniform",
    });
    const wording = { ...canonicalWording(task), manner: ", step by step" };
    return { said: request(task, wording), whole: stepwiseAnswer(task), last: answer(task) };
  });
  const asked = problems.map(({ said, whole }) => problem(said, whole));
  const { prompts, decode } = asPrompts(directory, asked);
  const replies = (await replyGreedily(model, prompts, replyTokensMax)).map(decode);
  const share = (isRight: (reply: string, i: number) => boolean) =>
    replies.filter(isRight).length / count;
  return {
    whole: share((reply, i) => reply === problems[i]!.whole),
    answer: share((reply, i) => reply.split("answer: ").at(-1) === problems[i]!.last),
  };
}

/** Accuracy after each number of examples, and the paired gain of the most over none with its 95 % interval. */
async function measureHistory(draw: (random: Random) => Question) {
  const random = seededRandom(`${seed}/history`);
  const drawn = Array.from({ length: count }, () =>
    afterExamples(random, draw(random), exampleCounts),
  );
  const right: boolean[][] = [];
  for (const at of exampleCounts.keys()) {
    right.push(
      await answeredRight(
        model,
        directory,
        drawn.map((problems) => problems[at]!),
      ),
    );
  }
  const differences = right[0]!.map((before, i) => Number(right.at(-1)![i]) - Number(before));
  const mean = differences.reduce((sum, one) => sum + one, 0) / count;
  const variance = differences.reduce((sum, one) => sum + (one - mean) ** 2, 0) / (count - 1);
  const reach = 1.96 * Math.sqrt(variance / count);
  return {
    after: right.map((some) => some.filter(Boolean).length / count),
    gain: { mean, low: mean - reach, high: mean + reach },
  };
}

/** Share of problems whose meant wording is among the drawn rewrites, by the user's remark; and how many rewrites differ. */
async function measureRewrites(draw: (random: Random) => Question) {
  const byRemark: Record<string, { among: number; distinct: number }> = {};
  for (const remark of ["wrong", "hint", "statement"] as const) {
    const random = seededRandom(`${seed}/rewrites/${remark}`);
    const some = Math.ceil(count / 4);
    const problems = Array.from({ length: some }, () =>
      drawRewriting(random, () => draw(random), remark),
    );
    const { prompts, decode } = asPrompts(directory, problems);
    const drawing = { count: rewritesDrawn, seed: randomInt(random, 0, 2 ** 31) };
    const drawn = await drawReplies(model, prompts, replyTokensMax, drawing);
    const replies = problems.map((_, i) =>
      drawn.slice(i * rewritesDrawn, (i + 1) * rewritesDrawn).map(decode),
    );
    byRemark[remark] = {
      among: replies.filter((of, i) => of.includes(problems[i]!.reply)).length / some,
      distinct: replies.reduce((sum, of) => sum + new Set(of).size, 0) / some,
    };
  }
  return byRemark;
}

/** A vague request about a list, on one of the chains. */
function aboutLists(chains: readonly Chain[]) {
  return (random: Random) => vagueList(random, pick(random, chains));
}

function problem(said: string, reply: string): Problem {
  return { messages: [{ role: "user", content: said }], reply };
}

/** Rounded to three digits; the counts support no more. */
function round(_key: string, value: unknown): unknown {
  return typeof value === "number" ? Number(value.toFixed(3)) : value;
}
