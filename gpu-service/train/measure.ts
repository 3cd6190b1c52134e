/** Greedy accuracy of a model on the training language, skill by skill. */
import { pick, type Random, seededRandom } from "@rosa2/shared/random";
import { rewritePrompt } from "@rosa2/shared/rewrite-prompt";
import { drawBaseSkill, type Exchange } from "../language/base-skills.ts";
import { drawBackwards, drawEveryday, drawSum } from "../language/everyday.ts";
import { drawWideLength } from "../language/items.ts";
import { listQuestion } from "../language/list-question.ts";
import { type Addition, additionNames } from "../language/notes/additions.ts";
import { drawEverydayNote } from "../language/notes/everyday.ts";
import { drawNote } from "../language/notes/note.ts";
import { noteQuestion } from "../language/notes/question.ts";
import { families } from "../language/operations.ts";
import { drawOutside } from "../language/outside.ts";
import { asExchange, isAnswered, type Question } from "../language/question.ts";
import {
  type Chain,
  heldOutPairs,
  trainedPairs,
  triples,
  untaughtChains,
} from "../language/skills.ts";
import { drawTask, type Task, type TaskOptions } from "../language/task.ts";
import { feedback } from "../language/user.ts";
import type { LanguageModel } from "../src/language-model.ts";
import { conversationEncoder, readTokenizer } from "./conversation.ts";
import { replyGreedily } from "./replies.ts";

/**
 * `listed`: chains whose lists may hold numbers and other words. `shortened`: chains that do not make a list of twelve
 * longer.
 */
const listed: readonly Chain[] = families.filter((family) => family !== "shift").map((f) => [f]);
const shortened: readonly Chain[] = families
  .filter((family) => family !== "double")
  .map((f) => [f]);

/** Longest reply measured; the longest right answer is a doubled list in quotes. */
export const replyTokensMax = 96;

export interface Problem {
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
  note: (random) => clearNote(random, null),
  note_added: (random) => clearNote(random, pick(random, additionNames)),
  note_everyday: (random) => ofQuestion(drawEverydayNote(random, { disputed: false })),
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
  const accuracies: Record<string, number> = {};
  for (const [name, draw] of Object.entries(suites)) {
    const random = seededRandom(`${seed}/${name}`);
    const problems = Array.from({ length: count }, () => draw(random));
    const right = await answeredRight(model, directory, problems);
    accuracies[name] = right.filter(Boolean).length / count;
  }
  return accuracies;
}

/** Which of the problems the model's greedy reply answers right. */
export async function answeredRight(
  model: LanguageModel,
  directory: URL,
  problems: readonly Problem[],
): Promise<boolean[]> {
  const { prompts, decode } = asPrompts(directory, problems);
  const replies = await replyGreedily(model, prompts, replyTokensMax);
  return replies.map((ids, i) => decode(ids) === problems[i]!.reply);
}

/** The problems as prompts for the tokenizer in a directory, and a function that turns a reply into text. */
export function asPrompts(directory: URL, problems: readonly Problem[]) {
  const tokenizer = readTokenizer(directory);
  const encode = conversationEncoder(tokenizer);
  const opener = encode([{ role: "assistant", content: "", learn: false }]).ids[0]!;
  const prompts = problems.map(({ messages }) => [
    ...encode(messages.map((message) => ({ ...message, learn: false }))).ids,
    opener,
  ]);
  // The tokenizer decodes no empty reply.
  const decode = (ids: number[]) => (ids.length === 0 ? "" : tokenizer.decode(ids).trim());
  return { prompts, decode };
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
  return afterExamples(random, vagueList(random, pick(random, heldOutPairs)), [count])[0]!;
}

/** A request about a list that leaves every operation open. */
export function vagueList(random: Random, chain: Chain): Question {
  return listQuestion(drawTask(random, chain, { stated: "format", readings: "uniform" }));
}

/** A request for a note that leaves two things open. */
export function vagueNote(random: Random): Question {
  return noteQuestion(drawNote(random, { stated: "two open", readings: "uniform" }));
}

/** The same vague request after each number of right replies to requests of the same user. */
export function afterExamples(
  random: Random,
  question: Question,
  counts: readonly number[],
): Problem[] {
  const earlier = Array.from({ length: Math.max(...counts) }, () =>
    ofQuestion(question.next(random)),
  );
  const { messages, reply } = ofQuestion(question);
  return counts.map((count) => {
    const before = earlier
      .slice(0, count)
      .flatMap((problem): Problem["messages"] => [
        ...problem.messages,
        { role: "assistant", content: problem.reply },
      ]);
    return { messages: [...before, ...messages], reply };
  });
}

function ofQuestion(question: Question): Problem {
  return asProblem(asExchange(question));
}

function clearNote(random: Random, addition: Addition | null): Problem {
  return ofQuestion(
    noteQuestion(drawNote(random, { stated: "clear", readings: "uniform", addition })),
  );
}

function toProblem(task: Task): Problem {
  return ofQuestion(listQuestion(task));
}

function asProblem({ request: said, reply }: Exchange): Problem {
  return { messages: [{ role: "user", content: said }], reply };
}

/** A vague request, a reply under another reading, the right reading stated: what is the clear request? */
function rewrite(random: Random): Problem {
  return drawRewriting(random, () => vagueList(random, [pick(random, families)]), "statement");
}

/** The same, after a remark that states the reading, hints at the sense, or says no more than "wrong". */
export function drawRewriting(
  random: Random,
  draw: () => Question,
  remark: "statement" | "hint" | "wrong",
): Problem {
  const question = draw();
  const wrong = question
    .consistent()
    .map((readings) => question.answer(readings))
    .find((reply) => !isAnswered(question, reply));
  if (wrong === undefined) return drawRewriting(random, draw, remark);
  const manner = { hint: Number(remark === "hint"), statement: Number(remark === "statement") };
  const said = feedback(random, question, wrong, { ...manner, varied: false });
  const messages = rewritePrompt(question.request, [{ reply: wrong, feedback: said }]);
  return { messages: [...messages], reply: question.clearRequest() };
}
