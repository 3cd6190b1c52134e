/** The conditions that are compared, all with the same tries, decoding and user, and what each of them needs from the API. */
import type { Adaptation, Api, Sampling } from "./api.ts";
import { bestOf, composed, oracle, oraclePlan, plan } from "./students/approaches.ts";
import { DialogueStudent } from "./students/dialogue-student.ts";
import { type Approach, PlainStudent } from "./students/plain-student.ts";
import { SessionStudent } from "./students/session-student.ts";
import type { Student } from "./students/student.ts";
import { type BeginWording, WordingStudent } from "./students/wording-student.ts";
import { appended, asSaid, proposed, SessionWording } from "./students/wordings.ts";

interface StudentOptions {
  model: string;
  sampling: Sampling;
  /** What a session's model sees besides the instructions. */
  context: Adaptation["context"];
  instructions: string | null;
  title: string;
  /** Replies drawn by `best_of` for each of its own. */
  bestOf: number;
}

export interface Condition {
  about: string;
  /**
   * Whether probes are asked at the session's end, to see what it forgot. Also for conditions that learn nothing, so
   * that memory can be compared.
   */
  isProbed: boolean;
  /** A key of a session's `adaptation` that not every deployment takes. */
  needs: string | null;
  open(api: Api, options: StudentOptions): Promise<Student>;
}

/** In the order in which they run: conditions that adapt come after all that do not. */
export const conditions = {
  none: {
    about: "the base model in a dialogue about each problem",
    isProbed: false,
    needs: null,
    open: async (api, options) => new DialogueStudent(api, { ...options, keepsHistory: false }),
  },
  history: {
    about: "the base model in one dialogue over the whole session, corrections in place",
    isProbed: false,
    needs: null,
    open: async (api, options) => new DialogueStudent(api, { ...options, keepsHistory: true }),
  },
  said: {
    about: "the request as said, again and again",
    isProbed: false,
    needs: null,
    open: inWords(async (request) => asSaid(request)),
  },
  appended: {
    about: "the request with the user's remarks below it",
    isProbed: false,
    needs: null,
    open: inWords(async (request) => appended(request)),
  },
  composed: {
    about: "the request with each remark below it, never the rejected reply again",
    isProbed: false,
    needs: null,
    open: inPlain(() => composed),
  },
  plan: {
    about: "the request one operation at a time",
    isProbed: false,
    needs: null,
    open: inPlain(() => plan),
  },
  best_of: {
    about: "the reply that comes most often among --best-of draws",
    isProbed: false,
    needs: null,
    open: inPlain((options) => bestOf(options.bestOf)),
  },
  oracle: {
    about: "the request with what the user means spelled out: perfect words",
    isProbed: false,
    needs: null,
    open: inPlain(() => oracle),
  },
  oracle_plan: {
    about: "perfect words, one operation at a time",
    isProbed: false,
    needs: null,
    open: inPlain(() => oraclePlan),
  },
  never: {
    about: "adaptation off; a retry never repeats a rejected reply",
    isProbed: true,
    needs: null,
    open: inSession({ mode: "off" }),
  },
  proposed: {
    about: "the request as the model rewrites it, unchecked",
    isProbed: false,
    needs: null,
    open: inWords(async (request, _, complete) => proposed(request, complete)),
  },
  compose: {
    about: "the request as a session's words say it, without a model",
    isProbed: false,
    needs: "rewriter",
    open: inWords((request, options, _, api) =>
      SessionWording.open(api, request, options, "compose"),
    ),
  },
  gpu: {
    about: "the same with the model's wordings, judged by likelihood",
    isProbed: false,
    needs: "rewriter",
    open: inWords((request, options, _, api) => SessionWording.open(api, request, options, "gpu")),
  },
  words: {
    about: "words adapt",
    isProbed: true,
    needs: null,
    open: inSession({ mode: "words" }),
  },
  weights: {
    about: "weights adapt",
    isProbed: true,
    needs: null,
    open: inSession({ mode: "weights" }),
  },
  oracle_weights: {
    about: "weights adapt on perfect words: the same corrections, clearly asked",
    isProbed: true,
    needs: null,
    open: inSession({ mode: "weights" }, true),
  },
  adam: {
    about: "weights adapt by Adam steps on the same rows",
    isProbed: true,
    needs: null,
    open: inSession({ mode: "weights" }),
  },
  both: {
    about: "words, then weights on the reworded request",
    isProbed: true,
    needs: null,
    open: inSession({ mode: "both" }),
  },
} as const satisfies Record<string, Condition>;
export type ConditionName = keyof typeof conditions;
export const conditionNames = Object.keys(conditions) as ConditionName[];

function inSession(
  adaptation: Omit<Adaptation, "context">,
  isSpelledOut = false,
): Condition["open"] {
  return (api, { context, ...options }) =>
    SessionStudent.open(api, {
      ...options,
      adaptation: { ...adaptation, context },
      isSpelledOut,
    });
}

function inPlain(approach: (options: StudentOptions) => Approach): Condition["open"] {
  return async (api, options) => new PlainStudent(api, options, approach(options));
}

function inWords(begin: BeginWording): Condition["open"] {
  return async (api, options) => new WordingStudent(api, options, begin);
}
