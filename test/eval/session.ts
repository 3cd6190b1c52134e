/** One session from its first request to its last probe: the flat function to read first. Knows no HTTP. */
import { type Random, seededRandom } from "@rosa2/shared/random";
import type { Problem, Protocol, SessionPlan } from "./problem.ts";
import type { Spent, Student } from "./students/student.ts";

interface ProblemOutcome {
  solved: boolean;
  /** Tries used. */
  tries: number;
  /** ‖Δθ‖ at the last try; null where no weights move. */
  shift: number | null;
}

export interface SessionOutcome {
  problems: ProblemOutcome[];
  /** Probes answered right at the end; null when none were asked. */
  probesRight: number | null;
  spent: Spent;
}

/**
 * Runs a session and leaves the student open.
 *
 * The user's remarks depend only on `userSeed`, the problem and the try, so that two conditions with equal replies get
 * equal remarks.
 */
export async function runSession(
  student: Student,
  plan: SessionPlan,
  protocol: Protocol,
  options: { userSeed: string; probes: boolean },
): Promise<SessionOutcome> {
  const problems: ProblemOutcome[] = [];
  for (const [index, problem] of plan.problems.entries()) {
    const isSilent = protocol.silentFrom !== null && index >= protocol.silentFrom;
    const randomOf = (tryIndex: number) => seededRandom(`${options.userSeed}/${index}/${tryIndex}`);
    problems.push(
      isSilent
        ? await listen(student, problem)
        : await workOn(student, problem, protocol, randomOf),
    );
  }
  let probesRight: number | null = null;
  if (options.probes && plan.probes.length > 0) {
    probesRight = 0;
    for (const { request, isRight } of plan.probes) {
      if (await isRight(await student.probe(request))) probesRight++;
    }
  }
  return { problems, probesRight, spent: student.spent };
}

async function workOn(
  student: Student,
  problem: Problem,
  protocol: Protocol,
  randomOf: (tryIndex: number) => Random,
): Promise<ProblemOutcome> {
  let reply = await student.ask(problem);
  for (let tries = 1; ; tries++) {
    const { shift } = reply;
    if (await problem.isRight(reply.text)) {
      await student.accept();
      return { solved: true, tries, shift };
    }
    const comment = problem.comment(randomOf(tries - 1), reply.text, tries - 1);
    if (tries >= (problem.triesMax ?? protocol.triesMax)) {
      await student.giveUp(comment, protocol.corrections ? problem.correction : null);
      return { solved: false, tries, shift };
    }
    reply = await student.retry(comment);
  }
}

/** One try, and the user says nothing about it. */
async function listen(student: Student, problem: Problem): Promise<ProblemOutcome> {
  const { text, shift } = await student.ask(problem);
  return { solved: await problem.isRight(text), tries: 1, shift };
}
