/** What the stand-in for Stripe received, as tests see it. */

export interface MeterEvent {
  event_name: string;
  identifier: string;
  timestamp: string;
  customer: string;
  value: number;
}

/** Trouble for a customer's calls: a failure instead of an answer, or an answer that is lost after the event was taken. */
export type StripeTrouble = "down" | "lost" | "none";
