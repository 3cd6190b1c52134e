/** The values that the words axis passes around; all of them survive JSON. */
import type { WordsReport } from "../contract/index.ts";
import type { Draft } from "./remarks/plain.ts";

/** Soft weights over the joint readings of a set of senses; keys are reading ids joined by "|". */
export interface Ledger {
  senses: string[];
  weights: Record<string, number>;
}

/** A session's knowledge of one sense, whichever combination of senses taught it. */
export interface SenseMemory {
  /** Share of each reading; sums to 1. */
  readings: Record<string, number>;
  /** Replies rejected while this sense was open; above zero, later requests always state the reading. */
  failures: number;
  /** See `skillAfter`; absent before the first right reply. */
  skill?: number;
}

/** One wish of the user, which the words now state. */
export interface Constraint extends Draft {
  id: string;
  turnId: string;
}

/** A stretch of the session's requests, and the proposed other ways of saying it. */
export interface LearntSense {
  id: string;
  /** The stretch as it was said, in lower case; the request, for a `whole` one. */
  said: string;
  place: "instead" | "after" | "whole";
  /** The mark after the stretch, if readings follow it. */
  follows: string;
  /** `prior`: share of the proposals with this phrase; `by`: who proposed it, on which turn. */
  readings: { phrase: string; prior: number; by: string; turnId: string }[];
}

/** The words axis's whole memory of a session. Treat it as opaque, and store it as JSON. */
export interface WordsState {
  version: 1;
  ledgers: Record<string, Ledger>;
  senses: Record<string, SenseMemory>;
  constraints: Constraint[];
  constraintCount: number;
  learnt: LearntSense[];
  /** Number of wordings drawn so far, by the request's stretches. */
  draws: Record<string, number>;
  /** Ids of the revisions that can be taken back, the latest last. */
  undo: string[];
}

/** One reply given to this turn's request, oldest first. */
export interface Attempt {
  /** The request as the model saw it. */
  prompt: string;
  reply: string;
  /** Model's own confidence c = e^S in the reply; 0.5 when unknown. */
  confidence?: number;
}

export interface Feedback {
  /** −1 … 1; above zero the last attempt's reply is accepted. */
  reward: number;
  text?: string;
  correction?: string;
}

export interface GradientInput {
  turnId: string;
  /** The request as the user typed it. */
  request: string;
  /** At least one; the feedback is about the last. */
  attempts: Attempt[];
  feedback: Feedback;
  /** The model's reply to the request with the new remark below it, where it was asked. */
  heard?: string;
}

/** What one step found, in the form in which the API reports it. */
export type Revision = Omit<WordsReport, "plan" | "billed" | "rewriter" | "constraints"> & {
  constraints: Constraint[];
};

/** Log-probs (nats) of a scored reply's tokens, its end token included. */
export type Score = readonly number[];

/**
 * One reply to score under one wording, with the session's adapter: a model that has learnt a skill distinguishes its
 * readings better.
 */
export interface ScoreItem {
  prompt: string;
  reply: string;
  kind: "accepted" | "rejected" | "corrected" | "heard";
  /** Key of the joint reading that the prompt states. */
  reading: string;
}
