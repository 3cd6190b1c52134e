/** What a session asks of whoever infers: replies always; samples, scores and updates where the weights can change. */
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

export interface CallContext {
  loadAdapter: LoadAdapter;
  requestId?: string;
  traceparent?: string;
  signal?: AbortSignal;
  /** Goes on with work of the call after the last event was told. */
  background?: (work: Promise<unknown>) => void;
  /** Whether a cold service is waited for, because whoever waits is shown heartbeats. */
  waitsForColdStart?: boolean;
}

/** What `generate` tells beside the reply's own events: nothing of it yet, but the wait goes on. */
export interface Waiting {
  type: "waiting";
}

type Done = Extract<GenerateEvent, { type: "done" }>;
type Delta = Extract<GenerateEvent, { type: "delta" }>;

/** The wire's events of a reply; its log-prob is null where a hosted model does not say. */
export type ReplyEvent =
  | Exclude<GenerateEvent, Done | Delta>
  /** `json` is text, reasoning and log-probs as they came, where they came as JSON. */
  | (Delta & { json?: string })
  | (Omit<Done, "logprob"> & { logprob: number | null })
  | Waiting;

/** Requests as callers write them: what the schema has a default for may be left out. */
export type GenerateInput = z.input<typeof generateRequestSchema>;
export type AdaptInput = z.input<typeof adaptRequestSchema>;
export type SampleInput = z.input<typeof sampleRequestSchema>;
export type ScoreInput = z.input<typeof scoreRequestSchema>;

/** The model that gives replies, as far as the edge asks. */
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
  /** Where replies come from; what is known of its model is remembered under this. */
  readonly place: string;
  /** Why weights cannot change here, and what to set up so that they can; null where they can. */
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
  /** Of the service that computes updates, or of whoever gives replies. */
  health(of: "updates" | "replies"): Promise<InferenceHealth>;
  /** Of each such service, the nearest to the caller first; null for one that cannot be reached. */
  healthByRegion(
    of: "updates" | "replies",
  ): Promise<{ region: Region | null; health: InferenceHealth | null }[]>;
}
