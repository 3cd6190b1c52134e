/** The calls of a session on its source of inference: replies always; samples, scores and updates if weights can change. */
import type { Health } from "@rosa2/shared/health";
import type {
  AdaptResult,
  adaptRequestSchema,
  GenerateEvent,
  generateRequestSchema,
  SampleResult,
  ScoreResult,
  sampleRequestSchema,
  scoreRequestSchema,
} from "@rosa2/shared/protocol";
import type { z } from "zod";
import type { Region } from "../contract/sets.ts";

/** Loads the bytes of an adapter file by digest. */
export type LoadAdapter = (digest: string) => Promise<Uint8Array<ArrayBuffer>>;

export interface StreamContext {
  requestId?: string;
  traceparent?: string;
  signal?: AbortSignal;
}

export interface CallContext extends StreamContext {
  loadAdapter: LoadAdapter;
  /** Continues work of the call after its last event. */
  background?: (work: Promise<unknown>) => void;
  /** Whether to wait for a cold service, because the caller receives heartbeats. */
  waitsForColdStart?: boolean;
}

/** A sign from `generate` that the wait continues, before any part of the reply. */
export interface Waiting {
  type: "waiting";
}

type Done = Extract<GenerateEvent, { type: "done" }>;
type Delta = Extract<GenerateEvent, { type: "delta" }>;

/** The wire's events of a reply; the log-prob is null if a hosted model does not report it. */
export type ReplyEvent =
  | Exclude<GenerateEvent, Done | Delta>
  /** `json` is text, reasoning and log-probs as they came, where they came as JSON. */
  | (Delta & { json?: string })
  | (Omit<Done, "logprob"> & { logprob: number | null })
  | Waiting;

/** Requests as callers write them: fields with a default may be left out. */
export type GenerateInput = z.input<typeof generateRequestSchema>;
export type AdaptInput = z.input<typeof adaptRequestSchema>;
export type SampleInput = z.input<typeof sampleRequestSchema>;
export type ScoreInput = z.input<typeof scoreRequestSchema>;

/** The part of the model that the edge needs for replies. */
export type ServedModel = Pick<
  NonNullable<Health["model"]>,
  "id" | "context_length" | "context_policy"
>;

export interface InferenceHealth {
  status: Health["status"];
  model: ServedModel | null;
  provider: string;
  queue: Health["queue"] | null;
}

export interface Inference {
  /** The source of replies; knowledge of its model is remembered by this. */
  readonly place: string;
  /** Why weights cannot change here, and what to set up so that they can; null if they can. */
  readonly fixedWeights: string | null;
  /** Whether replies and updates come from two services. */
  readonly isDivided: boolean;
  /**
   * Events of one reply, ending with `done`. Aborting the signal, or leaving the loop, ends the generation.
   *
   * @throws RosaError
   */
  generate(request: GenerateInput, context: CallContext): AsyncGenerator<ReplyEvent>;
  /** One update of an adapter; an accepted one comes with the new file's bytes. */
  adapt(
    request: AdaptInput,
    context: CallContext,
  ): Promise<{ result: AdaptResult; adapter: Uint8Array<ArrayBuffer> | null }>;
  /** Several replies to one prompt. */
  sample(request: SampleInput, context: CallContext): Promise<SampleResult>;
  /** Log-probs of given replies. */
  score(request: ScoreInput, context: CallContext): Promise<ScoreResult>;
  /** A PEFT archive made of an adapter file. */
  export(tenant: string, digest: string, context: CallContext): Promise<Response>;
  /** Health of the service that computes updates, or of the one that gives replies. */
  health(of: "updates" | "replies"): Promise<InferenceHealth>;
  /** Health of each such service, the nearest to the caller first; null for an unreachable one. */
  healthByRegion(
    of: "updates" | "replies",
  ): Promise<{ region: Region | null; health: InferenceHealth | null }[]>;
}
