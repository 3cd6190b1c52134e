/**
 * `--preset paper`: GSM8K revealed sentence by sentence, MATH and IFEval, from the user's own copies of the data. Nothing
 * of the data is in this repository.
 */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { z } from "zod";
import { Failure } from "../../shared/command/failure.ts";
import { constraintNames } from "./checks/constraints.ts";
import { finalAnswer } from "./checks/math.ts";
import { type Line, parseJson, readText, sessionsOf } from "./jsonl-suite.ts";
import type { SessionPlan } from "./problem.ts";

interface DataSet {
  /** Name that the file must have, within the folder. */
  file: string;
  /** Where its authors publish it. */
  source: string;
  /** A line of the suite; null where no check can tell a right reply. */
  toLine(value: unknown, number: number): Line | null;
}

const gsm8kSchema = z.object({ question: z.string(), answer: z.string() });
const mathSchema = z.object({
  problem: z.string(),
  solution: z.string(),
  answer: z.string().optional(),
});
const ifevalSchema = z.object({
  key: z.union([z.string(), z.number()]),
  prompt: z.string(),
  instruction_id_list: z.array(z.string()),
  kwargs: z.array(z.record(z.string(), z.unknown())),
});

export const dataSets: Record<string, DataSet> = {
  "gsm8k-shards": {
    file: "gsm8k/test.jsonl",
    source: "github.com/openai/grade-school-math, grade_school_math/data/test.jsonl",
    toLine: (value, number) => {
      const { question, answer } = gsm8kSchema.parse(value);
      const answered = /####\s*(.+?)\s*$/u.exec(answer)?.[1];
      if (answered === undefined) throw new Error("the answer has no ####");
      const [request, ...shards] = shardsOf(question);
      return {
        id: `gsm8k-${number}`,
        request: request!,
        follow_ups: shards,
        tries: shards.length + 1,
        answer: answered,
        check: "numeric",
        correction: answer.replace(/<<[^>]*>>/gu, ""),
      };
    },
  },
  math: {
    file: "math/test.jsonl",
    source: "github.com/openai/prm800k, prm800k/math_splits/test.jsonl",
    toLine: (value, number) => {
      const { problem, solution, answer } = mathSchema.parse(value);
      return {
        id: `math-${number}`,
        request: `${problem}\nPut the final answer in \\boxed{}.`,
        answer: answer ?? finalAnswer(solution),
        check: "math",
        correction: solution,
      };
    },
  },
  ifeval: {
    file: "ifeval/input_data.jsonl",
    source:
      "github.com/google-research/google-research, instruction_following_eval/data/input_data.jsonl",
    toLine: (value) => {
      const { key, prompt, instruction_id_list: ids, kwargs } = ifevalSchema.parse(value);
      if (!ids.every((id) => constraintNames.includes(id))) return null;
      const constraints = ids.map((id, i) => ({ id, ...withoutNulls(kwargs[i] ?? {}) }));
      return { id: `ifeval-${key}`, request: prompt, check: "ifeval", constraints };
    },
  },
};

export interface PresetSuite {
  name: string;
  sessions: SessionPlan[];
  /** Problems that no check here can judge. */
  leftOut: number;
}

/**
 * The suites of a folder: every data set of the preset whose file is there.
 *
 * @throws Failure that says what each file must be called when none is there, or names the bad line.
 */
export function openPreset(folder: string): PresetSuite[] {
  const found = Object.entries(dataSets).filter(([, { file }]) => existsSync(join(folder, file)));
  if (found.length === 0) throw new Failure(`${folder} holds none of the files\n${presetHelp()}`);
  return found.map(([name, { file, toLine }]) => {
    const path = join(folder, file);
    let leftOut = 0;
    const lines = readText(path)
      .split("\n")
      .flatMap((raw, index) => {
        if (raw.trim() === "") return [];
        const where = `${path}:${index + 1}`;
        const value = convert(() => toLine(parseJson(raw, where), index + 1), where);
        if (value === null) leftOut++;
        return value === null ? [] : { value, line: index + 1 };
      });
    return { name, sessions: sessionsOf(lines, path), leftOut };
  });
}

/** Name and source of each file. */
export function presetHelp(): string {
  return Object.entries(dataSets)
    .map(([name, { file, source }]) => `  ${name.padEnd(13)} DIR/${file.padEnd(24)} ${source}`)
    .join("\n");
}

/** The question first, then the other sentences in their order. */
function shardsOf(question: string): string[] {
  const segmenter = new Intl.Segmenter("en", { granularity: "sentence" });
  const sentences = [...segmenter.segment(question)]
    .map(({ segment }) => segment.trim())
    .filter((sentence) => sentence !== "");
  const asked = sentences.findLastIndex((sentence) => sentence.endsWith("?"));
  const first = asked < 0 ? sentences.length - 1 : asked;
  return [sentences[first]!, ...sentences.toSpliced(first, 1)];
}

function convert(read: () => Line | null, where: string): Line | null {
  try {
    return read();
  } catch (error) {
    if (error instanceof Failure) throw error;
    const issue = error instanceof z.ZodError ? error.issues[0] : undefined;
    const what = issue && `${issue.path.join(".")}: ${issue.message}`;
    throw new Failure(`${where}: ${what ?? (error as Error).message}`);
  }
}

function withoutNulls(record: Record<string, unknown>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(record).filter(([, value]) => value != null));
}
