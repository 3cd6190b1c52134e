/** The log of rounds of kills: one line a seed, so that a stopped run can continue. */
import { appendFileSync, existsSync, mkdirSync, readFileSync } from "node:fs";
import { dirname } from "node:path";
import type { Round } from "./kills.ts";

interface Logged {
  seed: number;
  turns: number;
  kills: number;
  lost: number;
  failed: boolean;
}

export class KillsLog {
  readonly #path: string;
  readonly #rounds: Logged[];

  constructor(path: string) {
    this.#path = path;
    mkdirSync(dirname(path), { recursive: true });
    const lines = existsSync(path) ? readFileSync(path, "utf8").split("\n") : [];
    this.#rounds = lines.filter((line) => line !== "").map((line) => JSON.parse(line) as Logged);
  }

  get turns(): number {
    return this.#rounds.reduce((total, { turns }) => total + turns, 0);
  }

  /** The first seed from `first` on that has not run. */
  nextSeed(first: number): number {
    const seeds = this.#rounds.map(({ seed }) => seed);
    let seed = first;
    while (seeds.includes(seed)) seed++;
    return seed;
  }

  add(seed: number, { turns, kills, lost, failure }: Round): void {
    const round = { seed, turns, kills, lost, failed: failure !== null };
    this.#rounds.push(round);
    appendFileSync(this.#path, `${JSON.stringify(round)}\n`);
  }

  /** `500 turns, 80 kills, 0 failed`, and the seeds that did. */
  summary(): string {
    const kills = this.#rounds.reduce((total, round) => total + round.kills, 0);
    const lost = this.#rounds.reduce((total, round) => total + round.lost, 0);
    const failed = this.#rounds.filter((round) => round.failed).map(({ seed }) => seed);
    const seeds = failed.length === 0 ? "" : `: seeds ${failed.join(", ")}`;
    return `${this.turns} turns, ${kills} kills, ${failed.length} failed${seeds} (${lost} attempts of calls were lost and made again)`;
  }

  get failedCount(): number {
    return this.#rounds.filter(({ failed }) => failed).length;
  }
}
