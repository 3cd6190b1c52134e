/** Problems with their checks, and the sessions they come in. Knows no model and no API. */
import type { Random } from "@rosa2/shared/random";

/** One way of putting a problem to a model. */
export interface Asking {
  request: string;
  /**
   * The same, one operation at a time: each step asks about the reply to the step before. Null where the request has no
   * steps.
   */
  steps: readonly ((reply: string) => string)[] | null;
}

export interface Problem extends Asking {
  /** The same with everything that the user means spelled out; null where only the request is known. */
  clear: Asking | null;
  isRight(reply: string): boolean | Promise<boolean>;
  /** The reply that the user would give as a correction; null when the user has none to give. */
  correction: string | null;
  /** Tries at this problem, where they are not those of the protocol. */
  triesMax?: number;
  /** What the user says about a wrong reply; `tryIndex` counts the problem's tries from 0. */
  comment(random: Random, reply: string, tryIndex: number): string;
}

/** A request that is unrelated to the session, asked at its end to see what was forgotten. */
export interface Probe {
  request: string;
  isRight(reply: string): boolean | Promise<boolean>;
}

/** One user's requests, in order. */
export interface SessionPlan {
  instructions: string | null;
  problems: readonly Problem[];
  probes: readonly Probe[];
}

/** How the user and the model go about one session. */
export interface Protocol {
  name: "A" | "B" | "word";
  /** Tries that the model has at each problem, the first included. */
  triesMax: number;
  /** The user gives the right reply after the last failed try. */
  corrections: boolean;
  /** From this problem on the user gives no feedback at all; null means never. */
  silentFrom: number | null;
}
