/**
 * `--suite words-shards --data FILE`: the effect of composing alone on questions that are told sentence by sentence. It
 * uses no model and no deployment: every remark goes through the words axis as the edge calls it.
 *
 * The file holds one problem a line: `request`, and under `follow_ups` the sentences that follow one by one. It gives
 * three figures: problems whose sentences all stand word for word in the last request; sentences that were taken for an
 * order about the reply; problems after which an unrelated request goes out changed.
 */
import { readFileSync } from "node:fs";
import { parseArgs } from "node:util";
import { z } from "zod";
import { emptyWords, reviseRequest, textualGradient } from "../../edge/src/words/index.ts";
import { Failure } from "../../shared/command/failure.ts";

const suite = "words-shards";
const problemSchema = z.object({ request: z.string(), follow_ups: z.array(z.string()) });
type ShardedProblem = z.infer<typeof problemSchema>;

const unrelated = ["What is the capital of France?", "Write a short poem about the sea."];

export interface ShardFigures {
  problems: number;
  sentences: number;
  /** Problems all of whose sentences are kept. */
  kept: number;
  /** Sentences taken for an order about the reply. */
  misread: string[];
  /** Problems after which an unrelated request is changed. */
  changed: string[];
}

/** The table for a command line that asks for this suite, null for any other. */
export function shardsReport(args: readonly string[]): string | null {
  const { values } = parseArgs({
    args: [...args],
    options: { suite: { type: "string" }, data: { type: "string" } },
    strict: false,
  });
  if (values.suite !== suite) return null;
  if (typeof values.data !== "string") throw new Failure(`--suite ${suite} needs --data FILE`);
  return renderShards(measureShards(readProblems(values.data)));
}

/** @throws Failure that names the line. */
function readProblems(path: string): ShardedProblem[] {
  let text: string;
  try {
    text = readFileSync(path, "utf8");
  } catch {
    throw new Failure(`Cannot read ${path}`);
  }
  return text
    .split("\n")
    .map((line, index) => ({ line, index }))
    .filter(({ line }) => line.trim() !== "")
    .map(({ line, index }) => {
      try {
        return problemSchema.parse(JSON.parse(line));
      } catch {
        throw new Failure(`${path}, line ${index + 1}: not {"request", "follow_ups": […]}`);
      }
    });
}

export function measureShards(problems: readonly ShardedProblem[]): ShardFigures {
  const figures: ShardFigures = {
    problems: problems.length,
    sentences: 0,
    kept: 0,
    misread: [],
    changed: [],
  };
  for (const { request, follow_ups } of problems) {
    let state = emptyWords();
    let prompt = reviseRequest(state, request).prompt;
    for (const text of follow_ups) {
      figures.sentences++;
      const step = textualGradient(state, {
        turnId: "turn_1",
        request,
        attempts: [{ prompt, reply: "I need to know more than that.", confidence: 0.5 }],
        feedback: { reward: -1, text },
      });
      state = step.state;
      prompt = step.revision.after;
      const isQuoted = step.revision.constraints.some((one) => isSaid(text, one.text));
      if (!isQuoted) figures.misread.push(text);
    }
    if (follow_ups.every((text) => isSaid(text, prompt))) figures.kept++;
    const isChanged = unrelated.some((other) => reviseRequest(state, other).changed);
    if (isChanged) figures.changed.push(request);
  }
  return figures;
}

/** Whether a sentence stands in a text word for word; line breaks count as spaces. */
function isSaid(sentence: string, text: string): boolean {
  const oneLine = (said: string) => said.normalize("NFC").replace(/\s+/gu, " ").trim();
  return oneLine(text).includes(oneLine(sentence));
}

function renderShards(figures: ShardFigures): string {
  const { problems, sentences, kept, misread, changed } = figures;
  const examples = [...misread.map((text) => `misread: ${text}`), ...changed].slice(0, 10);
  return [
    `${problems} problems, ${sentences} sentences said one by one, composing alone`,
    `problems whose sentences are all kept word for word  ${(kept / problems).toFixed(3)}`,
    `sentences taken for an order about the reply         ${misread.length}`,
    `problems after which an unrelated request is changed ${changed.length}`,
    ...examples.map((text) => `  ${text}`),
  ].join("\n");
}
