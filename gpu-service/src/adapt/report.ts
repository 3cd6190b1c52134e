/** Reports an update: its figures for the caller, and its end in words. */
import { askedShift, confidenceOf, jointObjective } from "@rosa2/shared/objective";
import type { AdaptPlan, AdaptResult } from "@rosa2/shared/protocol";
import type { AdapterWeights, TokenRow } from "../language-model.ts";
import type { Targets } from "./targets.ts";
import type { Distance } from "./trust-region.ts";

export type Stop = AdaptResult["stopped_by"];

interface End {
  B: Float32Array;
  logprobs: readonly Float32Array[];
  distance: Distance;
}

interface Course {
  start: AdapterWeights;
  before: End;
  end: End;
  targets: Targets;
  predicted: readonly number[];
  stop: Stop;
  steps: number;
}

export function reportUpdate(rows: readonly TokenRow[], plan: AdaptPlan, course: Course) {
  const { start, before, end, targets, predicted, stop, steps } = course;
  const objectiveAt = ({ logprobs }: End, kl: number) =>
    jointObjective(
      rows.map(({ kind, weight, reply }, row) => ({
        reward: kind === "rejected" ? -weight : weight,
        confidence: confidenceOf(sum(logprobs[row]!), reply.length),
      })),
      kl,
      plan.beta,
    );
  return {
    rank: start.rank,
    stopped_by: stop,
    steps,
    step_norm: distance(end.B, start.B),
    shift_norm: norm(end.B),
    kl: end.distance.fromStart,
    kl_base: end.distance.fromBase,
    objective: { before: objectiveAt(before, 0), after: objectiveAt(end, end.distance.fromStart) },
    rows: rows.map(({ kind, reply }, row) => ({
      kind,
      logprob_before: sum(before.logprobs[row]!),
      logprob_after: sum(end.logprobs[row]!),
      target_shift: targets.owes(row, before.logprobs[row]!),
      predicted_shift: predicted[row]!,
      realised_shift: targets.gained(row, before.logprobs[row]!, end.logprobs[row]!),
      reply_tokens: reply.length,
      owed_tokens: targets.masks[row]!.reduce((count, isOwed) => count + isOwed, 0),
    })),
  };
}

/** Nats. An example that lacks more is worth the same feedback again. */
const moreNats = 0.5;

/** Says how far the newest asking example came, what ended the path, and what another try would bring. */
export function describeEnd(
  rows: readonly TokenRow[],
  plan: AdaptPlan,
  { before, end, targets, stop }: Pick<Course, "before" | "end" | "targets" | "stop">,
): string {
  const asked = rows.map((_, row) => targets.owes(row, before.logprobs[row]!) !== 0);
  const row = asked.lastIndexOf(true);
  const { kind, reply } = rows[row]!;
  const S = (place: End) => sum(place.logprobs[row]!).toFixed(1);
  const came = `the ${kind} reply's log-prob went from ${S(before)} to ${S(end)} nats (${reply.length} tokens)`;
  const left = targets.owes(row, end.logprobs[row]!);
  const hasMore = Math.abs(left) > moreNats;
  const again = hasMore ? "; the same feedback again goes on from there" : "";
  switch (stop) {
    case "reached": {
      const isWhole = kind === "rejected" || askedShift(kind, end.logprobs[row]!, plan) <= moreNats;
      if (isWhole) return `${came}; nothing more is owed`;
      return `${came}; one update raises a reply by ${plan.clip_total} nats at most; the same feedback again goes on from there`;
    }
    case "kl":
      return `${came}; the bound on one update's KL (${plan.kl_max} nats a token) ended it${again}`;
    case "kl_base":
      return `${came}; the bound on the session's KL from the base model (${plan.kl_base_max} nats a token) held it, so that what is new displaces what is older${again}`;
    case "iterations":
      return `${came} in ${plan.iterations} steps${again}`;
    case "no_progress":
      return `${came}; a further step would not bring it nearer`;
  }
}

function norm(values: Float32Array): number {
  let total = 0;
  for (const value of values) total += value * value;
  return Math.sqrt(total);
}

function distance(a: Float32Array, b: Float32Array): number {
  let total = 0;
  for (let i = 0; i < a.length; i++) total += (a[i]! - b[i]!) ** 2;
  return Math.sqrt(total);
}

function sum(values: Float32Array): number {
  let total = 0;
  for (const value of values) total += value;
  return total;
}
