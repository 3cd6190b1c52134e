/**
 * Suites in a file: one JSON object a line, described in README.md beside this file.
 *
 * Lines with the same `session` are one user's requests in their order. A line without `session` is a session of its
 * own.
 */
import { readFileSync } from "node:fs";
import { pick, type Random } from "@rosa2/shared/random";
import { z } from "zod";
import { vagueFeedback } from "../../gpu-service/language/phrasings.ts";
import { Failure } from "../../shared/command/failure.ts";
import { constraintSchema } from "./checks/constraints.ts";
import { type Check, checkNames, codeLanguages, makeCheck } from "./checks/index.ts";
import type { Probe, Problem, SessionPlan } from "./problem.ts";

const lineSchema = z.strictObject({
  id: z.string().min(1),
  request: z.string().min(1),
  /** Not needed where constraints say what is right. */
  answer: z.string().default(""),
  check: z.enum(checkNames).default("exact"),
  tolerance: z.number().positive().optional(),
  language: z.enum(codeLanguages).optional(),
  constraints: z.array(constraintSchema).optional(),
  /** Tries at this problem, where they are not those of the run. */
  tries: z.int().min(1).optional(),
  /** Asked at the end of every session, to see what was forgotten; it belongs to no session. */
  probe: z.boolean().default(false),
  session: z.string().min(1).optional(),
  instructions: z.string().min(1).optional(),
  follow_ups: z.array(z.string().min(1)).default([]),
  correction: z.string().min(1).nullable().optional(),
});
export type Line = z.input<typeof lineSchema>;
type ReadLine = z.infer<typeof lineSchema>;

/**
 * The sessions of a file, in the order of their first lines; its probes stand at the end of each.
 *
 * @throws Failure that names file, line and field.
 */
export function readJsonlSuite(path: string): SessionPlan[] {
  const lines = readText(path)
    .split("\n")
    .flatMap((raw, index) =>
      raw.trim() === "" ? [] : { value: parseJson(raw, `${path}:${index + 1}`), line: index + 1 },
    );
  return sessionsOf(lines, path);
}

/**
 * The sessions of lines, each with its number in the file.
 *
 * @throws Failure that names file, line and field.
 */
export function sessionsOf(
  lines: readonly { value: unknown; line: number }[],
  path: string,
): SessionPlan[] {
  const sessions = new Map<string, { instructions: string | null; problems: Problem[] }>();
  const probes: Probe[] = [];
  const ids = new Set<string>();
  for (const { value, line: number } of lines) {
    const where = `${path}:${number}`;
    const line = checkLine(value, where);
    if (ids.has(line.id)) throw new Failure(`${where}: id "${line.id}" is used twice`);
    ids.add(line.id);
    const problem = problemOf(line, where);
    if (line.probe) {
      probes.push(problem);
      continue;
    }
    // A session's name and a lone line's id must not meet.
    const key = line.session === undefined ? `id ${line.id}` : `session ${line.session}`;
    const session = sessions.get(key) ?? { instructions: null, problems: [] };
    session.instructions ??= line.instructions ?? null;
    session.problems.push(problem);
    sessions.set(key, session);
  }
  if (sessions.size === 0) throw new Failure(`The suite ${path} holds no lines`);
  return [...sessions.values()].map((session) => ({ ...session, probes }));
}

/** @throws Failure when the file cannot be read. */
export function readText(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch (error) {
    throw new Failure(`Cannot read the suite ${path}: ${(error as Error).message}`);
  }
}

/** @throws Failure that names the place. */
export function parseJson(raw: string, where: string): unknown {
  try {
    return JSON.parse(raw);
  } catch (error) {
    throw new Failure(`${where}: not JSON (${(error as Error).message})`);
  }
}

function checkLine(value: unknown, where: string): ReadLine {
  const parsed = lineSchema.safeParse(value);
  if (!parsed.success) {
    const [issue] = parsed.error.issues;
    throw new Failure(`${where}: ${issue!.path.join(".") || "the line"}: ${issue!.message}`);
  }
  const line = parsed.data;
  if (line.check !== "ifeval" && line.answer === "") throw new Failure(`${where}: answer: missing`);
  if (line.probe && line.session !== undefined) {
    throw new Failure(`${where}: a probe belongs to every session, not to "${line.session}"`);
  }
  return line;
}

function problemOf(line: ReadLine, where: string): Problem {
  let isRight: Check;
  try {
    isRight = makeCheck(line.check, line.answer, line);
  } catch (error) {
    const field = line.check === "ifeval" ? "constraints" : "answer";
    throw new Failure(`${where}: ${field}: ${(error as Error).message}`);
  }
  // A user would not give a pattern, tests or constraints as the right reply.
  const isSaid = !["regex", "code", "ifeval"].includes(line.check);
  const known = isSaid ? line.answer : null;
  return {
    request: line.request,
    steps: null,
    clear: null,
    isRight,
    ...(line.tries === undefined ? {} : { triesMax: line.tries }),
    correction: line.correction === undefined ? known : line.correction,
    comment: (random: Random, _reply, tryIndex) =>
      line.follow_ups[tryIndex] ?? pick(random, vagueFeedback),
  };
}
