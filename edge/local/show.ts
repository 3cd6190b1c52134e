/** Prints the demo's output. It knows the API's answers, not how they were made. */
import { styleText } from "node:util";
import { diffWordsWithSpace } from "diff";
import type { FeedbackResult, Rosa2, Turn } from "../client/src/index.ts";
import type { Step } from "../playground/src/story.ts";
import type { Outcome } from "./story.ts";

export async function printMeeting(client: Rosa2, url: string): Promise<void> {
  const { data } = await client.models();
  console.log(`Model ${data[0]?.id ?? "unknown"} at ${url}`);
}

export function printConversation(seed: number, request: string): void {
  printRequest(`Conversation ${seed}`, request);
}

/** What was said before a reply and what it changed, then the reply. */
export function printStep({ said, change, turn, right, sequel }: Step): void {
  if (sequel) printRequest("Another request of the same kind", turn.content);
  if (said !== null) {
    console.log();
    printLine("you", said);
  }
  if (change !== null) printChange(change);
  printReply(turn, right);
}

function printRequest(title: string, content: string): void {
  console.log(`\n${styleText("bold", title)}`);
  printLine("you", content);
}

function printReply(turn: Turn, right: boolean): void {
  if (turn.prompt !== turn.content) printLine("model reads", turn.prompt);
  const mark = right ? styleText("green", "✓ right") : styleText("red", "✗ wrong");
  const sure = turn.confidence === null ? "" : `, ${(100 * turn.confidence).toFixed(0)} % sure`;
  printLine("model", `${turn.reply}   ${mark}`, `generation ${turn.generation}${sure}`);
}

/** The words before → after, the weights step, and why the schedule chose them. */
function printChange({ words, weights }: FeedbackResult): void {
  if (words.changed) printLine("words", wordDiff(words.before, words.after));
  else printLine("words", "unchanged");
  printLine("", `diagnosis: ${words.diagnosis}`);
  if (weights.decision === "updated") {
    printLine("weights", `${weights.generation}, ${figures(weights)}`);
  } else {
    printLine("weights", weights.decision);
  }
  printLine("why", weights.reason);
}

export function printOutcome(outcome: Outcome): void {
  console.log();
  if (outcome.kind === "held") {
    const { totals, generation, id } = outcome.session;
    const verdict = styleText(
      "green",
      "Words and weights together: learnt once, then right at once.",
    );
    console.log(verdict);
    console.log(
      `Session ${id}: ${totals.turns} replies, generation ${generation}, ${totals.cost.usd.toFixed(6)} US$`,
    );
  } else if (outcome.kind === "uneventful") {
    console.log(`Nothing to show here: ${outcome.why}.`);
  } else {
    console.log(styleText("red", `This conversation failed: ${outcome.why}.`));
  }
}

/** How many conversations were drawn for one that shows everything, and why the others did not. */
export function printTally(tally: {
  first: number;
  told: number | null;
  failed: readonly string[];
}): void {
  const { first, told, failed } = tally;
  const drawn = failed.length + (told === null ? 0 : 1);
  const reasons = Object.entries(Object.groupBy(failed, kindOfFailure))
    .map(([why, some]) => `${some!.length} ${why}`)
    .join(", ");
  const whole = `${told === null ? 0 : 1} of ${drawn} conversations drawn from seed ${first} on`;
  const verdict = told === null ? "None showed it all" : `Conversation ${told} showed it all`;
  console.log(`${verdict}: ${whole}${reasons === "" ? "" : ` (${reasons})`}.`);
}

/** A reason without its details of one conversation. */
function kindOfFailure(why: string): string {
  return why.replace(/ should have been answered .*/u, " was answered wrong");
}

function figures({ shift_norm, kl, ms, objective }: FeedbackResult["weights"]): string {
  const number = (value: number | null) => value?.toFixed(2) ?? "?";
  return [
    `‖Δθ‖ ${number(shift_norm)}`,
    `KL ${kl?.toFixed(4) ?? "?"} nats a token`,
    `objective ${number(objective?.before ?? null)} → ${number(objective?.after ?? null)}`,
    `${ms?.toFixed(0) ?? "?"} ms`,
  ].join(", ");
}

/** Coloured where the terminal has colours, else marked as `git diff --word-diff` does. */
function wordDiff(before: string, after: string): string {
  const coloured = process.stdout.isTTY && process.stdout.hasColors();
  const added = (text: string) => (coloured ? styleText("green", text) : `{+${text}+}`);
  const removed = (text: string) =>
    coloured ? styleText(["red", "strikethrough"], text) : `[-${text}-]`;
  return diffWordsWithSpace(before, after)
    .map(({ value, added: isNew, removed: isOld }) =>
      isNew ? added(value) : isOld ? removed(value) : value,
    )
    .join("");
}

function printLine(label: string, text: string, note = ""): void {
  const aside = note === "" ? "" : `   ${styleText("dim", note)}`;
  console.log(`  ${styleText("dim", label.padEnd(12))}${text}${aside}`);
}
