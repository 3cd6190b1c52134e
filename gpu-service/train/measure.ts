/** Greedy accuracy of a model on the training language, skill by skill. */
import { pick, type Random, seededRandom } from "@rosa2/shared/random";
import { rewritePrompt } from "@rosa2/shared/rewrite-prompt";
import { drawBaseSkill, type Exchange } from "../language/base-skills.ts";
import { drawBackwards, drawEveryday, drawSum } from "../language/everyday.ts";
import { drawWideLength } from "../language/items.ts";
import { families } from "../language/operations.ts";
import { drawOutside } from "../language/outside.ts";
import {
  type Chain,
  heldOutPairs,
  trainedPairs,
  triples,
  untaughtChains,
} from "../language/skills.ts";
import {
  allReadings,
  answer,
  drawTask,
  isRight,
  type Task,
  type TaskOptions,
  withNewItems,
} from "../language/task.ts";
import { feedback } from "../language/user.ts";
import { clearRequest, request } from "../language/wording.ts";
import type { LanguageModel } from "../src/language-model.ts";
import { conversationEncoder, readTokenizer } from "./conversation.ts";
import { replyGreedily } from "./greedy.ts";

/** Chains whose lists may be of numbers and other words, and those that a list of twelve does not double. */
const listed: readonly Chain[] = families.filter((family) => family !== "shift").map((f) => [f]);
const shortened: readonly Chain[] = families
  .filter((family) => family !== "double")
  .map((f) => [f]);

/** Longest reply measured; the longest right answer is a doubled list in quotes. */
const replyTokensMax = 48;

interface Problem {
  messages: { role: "system" | "user" | "assistant"; content: string }[];
  reply: string;
}

const suites: Record<string, (random: Random) => Problem> = {
  single: (random) => clearTask(random, [pick(random, families)]),
  trained_pair: (random) => clearTask(random, pick(random, trainedPairs)),
  held_out_pair: (random) => clearTask(random, pick(random, heldOutPairs)),
  triple: (random) => clearTask(random, pick(random, triples)),
  all_lengths: (random) => drawClear(random, pick(random, shortened), drawWideLength(random)),
  numbers: (random) => drawClear(random, pick(random, listed), 5, "numbers"),
  nouns: (random) => drawClear(random, pick(random, listed), 5, "nouns"),
  untaught: (random) => clearTask(random, pick(random, untaughtChains)),
  everyday: (random) => asProblem(drawEveryday(random)),
  backwards: (random) => asProblem(drawBackwards(random)),
  sum: (random) => asProblem(drawSum(random)),
  vague_after_0: (random) => inContext(random, 0),
  vague_after_1: (random) => inContext(random, 1),
  vague_after_3: (random) => inContext(random, 3),
  base: (random) => asProblem(drawBaseSkill(random)),
  outside: (random) => asProblem(drawOutside(random)),
  rewrite,
};

/** Share of right replies in each suite, `count` problems each, the same ones for the same seed. */
export async function measureSkills(
  model: LanguageModel,
  directory: URL,
  { count, seed }: { count: number; seed: number },
): Promise<Record<string, number>> {
  const tokenizer = readTokenizer(directory);
  const encode = conversationEncoder(tokenizer);
  const opener = encode([{ role: "assistant", content: "", learn: false }]).ids[0]!;
  const accuracies: Record<string, number> = {};
  for (const [name, draw] of Object.entries(suites)) {
    const random = seededRandom(`${seed}/${name}`);
    const problems = Array.from({ length: count }, () => draw(random));
    const prompts = problems.map(({ messages }) => [
      ...encode(messages.map((message) => ({ ...message, learn: false }))).ids,
      opener,
    ]);
    const replies = await replyGreedily(model, prompts, replyTokensMax);
    const right = replies.filter(
      (ids, i) => tokenizer.decode(ids).trim() === problems[i]!.reply,
    ).length;
    accuracies[name] = right / count;
  }
  return accuracies;
}

function clearTask(random: Random, chain: Chain): Problem {
  return toProblem(drawTask(random, chain, { stated: "clear", readings: "uniform" }));
}

/** One clear operation on a list of a length and kind. */
function drawClear(
  random: Random,
  chain: Chain,
  length: number,
  kind?: TaskOptions["kind"],
): Problem {
  const options = kind === undefined ? { length } : { length, kind };
  return toProblem(drawTask(random, chain, { stated: "clear", readings: "uniform", ...options }));
}

/** A vague request on a held-out pair, after right replies to as many requests of the same user. */
function inContext(random: Random, count: number): Problem {
  const task = drawTask(random, pick(random, heldOutPairs), {
    stated: "format",
    readings: "uniform",
  });
  const earlier = Array.from({ length: count }, () => toProblem(withNewItems(random, task)));
  const { messages, reply } = toProblem(task);
  const before = earlier.flatMap((problem): Problem["messages"] => [
    ...problem.messages,
    { role: "assistant", content: problem.reply },
  ]);
  return { messages: [...before, ...messages], reply };
}

function toProblem(task: Task): Problem {
  return asProblem({ request: request(task), reply: answer(task) });
}

function asProblem({ request: said, reply }: Exchange): Problem {
  return { messages: [{ role: "user", content: said }], reply };
}

/** A vague request, a reply under another reading, the right reading stated: what is the clear request? */
function rewrite(random: Random): Problem {
  const task = drawTask(random, [pick(random, families)], {
    stated: "format",
    readings: "uniform",
  });
  const wrong = allReadings(task)
    .filter((readings) => readings.at(-1) === task.hidden.at(-1))
    .map((readings) => answer(task, readings))
    .find((reply) => !isRight(task, reply));
  if (wrong === undefined) return rewrite(random);
  const said = feedback(random, task, wrong, { hint: 0, statement: 1, varied: false });
  const messages = rewritePrompt(request(task), [{ reply: wrong, feedback: said }]);
  return { messages: [...messages], reply: clearRequest(task) };
}
