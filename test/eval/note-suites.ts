/** The suites of notes: short texts from a few facts. What a user means is fixed through a session, the facts change. */
import { pick, type Random } from "@rosa2/shared/random";
import { additionNames } from "../../gpu-service/language/notes/additions.ts";
import { drawNote, type NoteOptions } from "../../gpu-service/language/notes/note.ts";
import { drawNoteWording, noteQuestion } from "../../gpu-service/language/notes/question.ts";
import { isAnswered, type Question } from "../../gpu-service/language/question.ts";
import { feedback } from "../../gpu-service/language/user.ts";
import type { Problem } from "./problem.ts";

export interface NoteSuite {
  about: string;
  place: null;
  isWord: false;
  stated: NoteOptions["stated"];
  /** Whether the user wants an addition, which training never carried out. */
  isAdded: boolean;
}

const suite = (about: string, stated: NoteOptions["stated"], isAdded: boolean): NoteSuite => ({
  about,
  place: null,
  isWord: false,
  stated,
  isAdded,
});

export const noteSuites = {
  NOTEAMB: suite("notes, two things left open: the words are missing", "two open", false),
  NOTECAP: suite("notes with an addition, clear: the skill is missing", "clear", true),
  NOTEMIX: suite(
    "notes with an addition, two things left open: both are missing",
    "two open",
    true,
  ),
} as const satisfies Record<string, NoteSuite>;

export function drawNoteProblems(
  random: Random,
  { stated, isAdded }: NoteSuite,
  { length, wording }: { length: number; wording: "canonical" | "varied" },
): Problem[] {
  const note = drawNote(random, {
    stated,
    readings: "uniform",
    addition: isAdded ? pick(random, additionNames) : null,
  });
  const first = noteQuestion(note, wording === "varied" ? drawNoteWording(random) : undefined);
  return Array.from({ length }, (_, i) => problemOf(i === 0 ? first : first.next(random)));
}

function problemOf(question: Question): Problem {
  return {
    request: question.request,
    steps: null,
    clear: { request: question.clearRequest(), steps: null },
    isRight: (reply) => isAnswered(question, reply),
    correction: question.answer(),
    comment: (random, reply) => feedback(random, question, reply),
  };
}
