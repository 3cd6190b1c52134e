/** What the stand-in for Stripe was told, as tests see it. */

export interface MeterEvent {
  event_name: string;
  identifier: string;
  timestamp: string;
  customer: string;
  value: number;
}

/** What a customer's calls meet: a failure instead of an answer, or an answer that gets lost after the event was taken. */
export type StripeTrouble = "down" | "lost" | "none";
