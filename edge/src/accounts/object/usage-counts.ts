/** The figures of usage, in the order of rows and archive files. */
import type { UsageReport } from "../../contract/index.ts";
import { costBody } from "../usage.ts";

/** The columns of a usage row that are added up. */
export const countNames = [
  "replies",
  "promptTokens",
  "cachedTokens",
  "completionTokens",
  "adaptationsAccepted",
  "adaptationsRejected",
  "rewriterCalls",
  "gpuMs",
  "costNanos",
] as const;

type CountName = (typeof countNames)[number];

/** One number for each figure. */
export type Counts = number[];

/** One value for each figure, by name. */
export function countsOf<T>(make: (name: CountName) => T): Record<CountName, T> {
  return Object.fromEntries(countNames.map((name) => [name, make(name)])) as Record<CountName, T>;
}

/** Usage of a day, session, key and owner. Empty text means none, or all of them where they are not distinguished. */
export interface UsageRow {
  day: string;
  session: string;
  key: string;
  owner: string;
  counts: Counts;
}

export function reportRow(group: string, counts: Counts): UsageReport["data"][number] {
  const [replies, prompt, cached, completion, accepted, rejected, rewriter, gpuMs, nanos] = counts;
  return {
    group: group === "" ? null : group,
    prompt_tokens: prompt ?? 0,
    cached_tokens: cached ?? 0,
    completion_tokens: completion ?? 0,
    replies: replies ?? 0,
    adaptations_accepted: accepted ?? 0,
    adaptations_rejected: rejected ?? 0,
    rewriter_calls: rewriter ?? 0,
    gpu_ms: gpuMs ?? 0,
    cost: costBody(nanos ?? 0),
  };
}

/** Totals by group, of which only the greatest few are kept. */
export class Totals {
  readonly #byGroup = new Map<string, Counts>();
  readonly #wanted: number;

  constructor(wanted: number) {
    this.#wanted = wanted;
  }

  add(group: string, counts: Counts): void {
    const before = this.#byGroup.get(group);
    this.#byGroup.set(
      group,
      before === undefined ? counts : before.map((n, i) => n + (counts[i] ?? 0)),
    );
    if (this.#byGroup.size > 4 * this.#wanted) this.#drop();
  }

  /** The kept groups, greatest first. */
  greatest(): [string, Counts][] {
    return [...this.#byGroup].sort(([a], [b]) => (a < b ? 1 : -1)).slice(0, this.#wanted);
  }

  /** Dropped groups never return: later additions only put more groups before them. */
  #drop(): void {
    for (const [group] of [...this.#byGroup]
      .sort(([a], [b]) => (a < b ? 1 : -1))
      .slice(this.#wanted)) {
      this.#byGroup.delete(group);
    }
  }
}
