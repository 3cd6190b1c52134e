/**
 * Suites in a file: one JSON object a line, described in README.md beside this file.
 *
 * Lines with the same `session` are one user's requests in their order; a line without one is a session of its own.
 */
import { readFileSync } from "node:fs";
import { pick, type Random } from "@rosa2/shared/random";
import { z } from "zod";
import { vagueFeedback } from "../../gpu-service/language/phrasings.ts";
import { type Check, checkNames, makeCheck } from "./checkers.ts";
import { Failure } from "./failure.ts";
import type { Problem, SessionPlan } from "./problem.ts";

const lineSchema = z.strictObject({
  id: z.string().min(1),
  request: z.string().min(1),
  answer: z.string().min(1),
  check: z.enum(checkNames).default("exact"),
  tolerance: z.number().positive().optional(),
  session: z.string().min(1).optional(),
  instructions: z.string().min(1).optional(),
  follow_ups: z.array(z.string().min(1)).default([]),
  correction: z.string().min(1).nullable().optional(),
});
type Line = z.infer<typeof lineSchema>;

/**
 * The sessions of a file, in the order of their first lines, without probes.
 *
 * @throws Failure that names file, line and field.
 */
export function readJsonlSuite(path: string): SessionPlan[] {
  let text: string;
  try {
    text = readFileSync(path, "utf8");
  } catch (error) {
    throw new Failure(`Cannot read the suite ${path}: ${(error as Error).message}`);
  }
  const sessions = new Map<string, { instructions: string | null; problems: Problem[] }>();
  const ids = new Set<string>();
  for (const [index, raw] of text.split("\n").entries()) {
    if (raw.trim() === "") continue;
    const where = `${path}:${index + 1}`;
    const line = parseLine(raw, where);
    if (ids.has(line.id)) throw new Failure(`${where}: id "${line.id}" is used twice`);
    ids.add(line.id);
    // A session's name and a lone line's id must not meet.
    const key = line.session === undefined ? `id ${line.id}` : `session ${line.session}`;
    const session = sessions.get(key) ?? { instructions: null, problems: [] };
    session.instructions ??= line.instructions ?? null;
    session.problems.push(problemOf(line, where));
    sessions.set(key, session);
  }
  if (sessions.size === 0) throw new Failure(`The suite ${path} holds no lines`);
  return [...sessions.values()].map((session) => ({ ...session, probes: [] }));
}

function parseLine(raw: string, where: string): Line {
  let value: unknown;
  try {
    value = JSON.parse(raw);
  } catch (error) {
    throw new Failure(`${where}: not JSON (${(error as Error).message})`);
  }
  const parsed = lineSchema.safeParse(value);
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  throw new Failure(`${where}: ${issue!.path.join(".") || "the line"}: ${issue!.message}`);
}

function problemOf(line: Line, where: string): Problem {
  let isRight: Check;
  try {
    isRight = makeCheck(line.check, line.answer, { tolerance: line.tolerance });
  } catch (error) {
    throw new Failure(`${where}: answer: ${(error as Error).message}`);
  }
  // A pattern is nothing that a user would say.
  const known = line.check === "regex" ? null : line.answer;
  return {
    request: line.request,
    steps: null,
    clear: null,
    isRight,
    correction: line.correction === undefined ? known : line.correction,
    comment: (random: Random, _reply, tryIndex) =>
      line.follow_ups[tryIndex] ?? pick(random, vagueFeedback),
  };
}
