/**
 * The suites of the evaluation: their names, their places in the plane ambiguity × incapacity, and how a session of
 * each is drawn.
 */
import { pick, type Random, seededRandom } from "@rosa2/shared/random";
import { listQuestion } from "../../gpu-service/language/list-question.ts";
import { drawNewWordTask, newWordRequest } from "../../gpu-service/language/new-words.ts";
import { families } from "../../gpu-service/language/operations.ts";
import { type Chain, trainedPairs } from "../../gpu-service/language/skills.ts";
import { drawNewWordSession, drawSession } from "../../gpu-service/language/suites.ts";
import {
  answer,
  drawTask,
  isRight,
  type Task,
  withNewItems,
} from "../../gpu-service/language/task.ts";
import { feedback } from "../../gpu-service/language/user.ts";
import {
  canonicalWording,
  drawWording,
  request,
  type Wording,
} from "../../gpu-service/language/wording.ts";
import { lostProblem, type Telling } from "./lost.ts";
import { drawNoteProblems, type NoteSuite, noteSuites } from "./note-suites.ts";
import { drawProbes } from "./probes.ts";
import type { Asking, Problem, SessionPlan } from "./problem.ts";

/** A suite's place in the plane. */
export interface Place {
  ambiguity: "clear" | "ambiguous";
  incapacity: "trained pair" | "held-out pair" | "three operations" | "long lists";
}

interface ListSuite {
  about: string;
  place: Place | null;
  /** The tasks of one user's session: the same meaning on new lists. */
  draw(random: Random, length: number): Task[];
  /** How a task is asked for, when not in the ordinary way. */
  isWord: boolean;
  /** A suite of `lost`: one problem a session, its own tries, no corrections. */
  telling?: Telling;
}
export type GeneratedSuite = ListSuite | NoteSuite;

const listSuites = {
  ONE: {
    about: "one operation, left ambiguous: the words alone are missing",
    place: null,
    draw: (random, length) => {
      const options = { stated: "format", readings: "uniform" } as const;
      return streamOf(random, drawTask(random, [pick(random, families)], options), length);
    },
    isWord: false,
  },
  EASY: {
    about: "trained pairs, clear: nothing is missing",
    place: { ambiguity: "clear", incapacity: "trained pair" },
    draw: (random, length) => {
      const options = { stated: "clear", readings: "uniform" } as const;
      return streamOf(random, drawTask(random, pick(random, trainedPairs), options), length);
    },
    isWord: false,
  },
  AMB: {
    about: "trained pairs, operations left ambiguous: the words are missing",
    place: { ambiguity: "ambiguous", incapacity: "trained pair" },
    draw: (random, length) => drawSession(random, "AMB", length),
    isWord: false,
  },
  CAP: {
    about: "held-out pairs, clear: the skill is missing",
    place: { ambiguity: "clear", incapacity: "held-out pair" },
    draw: (random, length) => drawSession(random, "CAP", length),
    isWord: false,
  },
  MIX: {
    about: "held-out pairs, ambiguous: words and skill are missing",
    place: { ambiguity: "ambiguous", incapacity: "held-out pair" },
    draw: (random, length) => drawSession(random, "MIX", length),
    isWord: false,
  },
  THREE: {
    about: "chains of three, clear: more skill is missing",
    place: { ambiguity: "clear", incapacity: "three operations" },
    draw: (random, length) => drawSession(random, "THREE", length),
    isWord: false,
  },
  THREEA: {
    about: "chains of three, ambiguous: words and more skill are missing",
    place: { ambiguity: "ambiguous", incapacity: "three operations" },
    draw: (random, length) => drawSession(random, "THREEA", length),
    isWord: false,
  },
  LONG: {
    about: "trained pairs on lists of eight words, clear: a skill that does not come apart",
    place: { ambiguity: "clear", incapacity: "long lists" },
    draw: (random, length) => drawSession(random, "LONG", length),
    isWord: false,
  },
  LONGA: {
    about: "the same, operations left ambiguous: words and that skill are missing",
    place: { ambiguity: "ambiguous", incapacity: "long lists" },
    draw: (random, length) => drawSession(random, "LONGA", length),
    isWord: false,
  },
  MIX4: {
    about:
      "pairs that take four items, where training took three at most, ambiguous: words and an operation are missing",
    place: null,
    draw: (random, length) => drawSession(random, "MIX4", length),
    isWord: false,
  },
  THREE4: {
    about: "chains of three that take four items, ambiguous: likewise",
    place: null,
    draw: (random, length) => drawSession(random, "THREE4", length),
    isWord: false,
  },
  UNTAUGHT: {
    about: "senses (trim, halve) that no rewriting of rosa2-mini-2 was trained on, ambiguous",
    place: null,
    draw: (random, length) => drawSession(random, "UNTAUGHT", length),
    isWord: false,
  },
  WORD: {
    about: "a word the model never saw, meaning one operation",
    place: null,
    draw: (random, length) => {
      const chain: Chain = [pick(random, families)];
      return streamOf(random, drawNewWordTask(random, chain), length);
    },
    isWord: true,
  },
  WORD2: {
    about: "a word the model never saw, meaning a held-out pair",
    place: null,
    draw: (random, length) => drawNewWordSession(random, length),
    isWord: true,
  },
  WHOLE: lostSuite("lost: everything said at once, one try", "whole"),
  CONCAT: lostSuite("lost: the shards below each other, one try", "concatenated"),
  SHARDS: lostSuite("lost: one shard a turn, whatever was replied", "shards"),
} as const satisfies Record<string, ListSuite>;
export const suites = { ...listSuites, ...noteSuites };
export type SuiteName = keyof typeof suites;
export const suiteNames = Object.keys(suites) as SuiteName[];

export interface DrawOptions {
  seed: number;
  /** Which of the seed's sessions. */
  index: number;
  length: number;
  wording: "canonical" | "varied";
  probeCount: number;
}

/** One session of a suite: the same for every condition, deployment and machine. */
export function drawSuiteSession(name: SuiteName, options: DrawOptions): SessionPlan {
  const suite: GeneratedSuite = suites[name];
  if ("isAdded" in suite) {
    const random = seededRandom(`${options.seed}/${name}/${options.index}`);
    return {
      instructions: null,
      problems: drawNoteProblems(random, suite, options),
      probes: drawProbes(random, [], options.probeCount),
    };
  }
  const { telling } = suite;
  // All tellings of `lost` use the same tasks.
  const drawnAs = telling === undefined ? name : "lost";
  const random = seededRandom(`${options.seed}/${drawnAs}/${options.index}`);
  const tasks = suite.draw(random, options.length);
  const first = tasks[0]!;
  const wording = options.wording === "varied" ? drawWording(random, first) : undefined;
  return {
    instructions: null,
    problems: tasks.map((task) =>
      telling === undefined
        ? problemOf(task, wording)
        : lostProblem(random, task, telling, wording),
    ),
    probes: drawProbes(
      random,
      first.operations.map(({ family }) => family),
      options.probeCount,
    ),
  };
}

function lostSuite(about: string, telling: Telling): ListSuite {
  return {
    about,
    place: null,
    draw: (random, length) => {
      const options = { stated: "clear", readings: "uniform" } as const;
      return streamOf(random, drawTask(random, pick(random, trainedPairs), options), length);
    },
    isWord: false,
    telling,
  };
}

function problemOf(task: Task, wording?: Wording): Problem {
  return {
    ...askingOf(task, wording),
    clear: hasWord(task)
      ? null
      : askingOf({ ...task, stated: task.stated.map(() => true) }, wording),
    isRight: (reply) => isRight(task, answerIn(reply)),
    correction: answer(task),
    comment: (random, reply) => feedback(random, listQuestion(task), answerIn(reply)),
  };
}

/** The answer in a reply that shows its steps as the drawn language writes them; otherwise the reply itself. */
function answerIn(reply: string): string {
  return reply.split(/^answer: /mu).at(-1)!;
}

/** A word that stands for operations has no steps that a user could say. */
function askingOf(task: Task, wording?: Wording): Asking {
  return {
    request: hasWord(task) ? newWordRequest(task) : request(task, wording),
    steps: hasWord(task) ? null : stepsOf(task, wording ?? canonicalWording(task)),
  };
}

/** Each operation on the list that the reply before left, as plain text until the last. */
function stepsOf(task: Task, wording: Wording): Asking["steps"] {
  const last = task.operations.length - 1;
  return task.operations.map((operation, i) => (reply) => {
    const isLast = i === last;
    const step: Task = {
      kind: task.kind,
      operations: [operation],
      hidden: [task.hidden[i]!, isLast ? task.hidden.at(-1)! : "plain"],
      stated: [task.stated[i]!, isLast ? task.stated.at(-1)! : true],
      items: i === 0 ? task.items : reply.trim().split(/\s+/u),
    };
    return request(step, { ...wording, clauses: [wording.clauses[i]!] });
  });
}

function hasWord(task: Task): task is Task & { word: string } {
  return "word" in task;
}

function streamOf<T extends Task>(random: Random, task: T, length: number): T[] {
  return Array.from({ length }, (_, i) =>
    i === 0 ? task : { ...task, items: withNewItems(random, task).items },
  );
}
