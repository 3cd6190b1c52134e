/** How long one step on the words takes for a conversation of 8 kB: percentiles over many different ones. */
import { pick, type Random, randomInt, seededRandom } from "@rosa2/shared/random";
import {
  candidatesToScore,
  emptyWords,
  reviseRequest,
  textualGradient,
  type WordsState,
} from "../../edge/src/words/index.ts";
import { conversations } from "../edge/words/conversations.ts";

const conversationChars = 8_192;
const rounds = 2_000;
const limitMs = 5;

/** Ordinary text, and text in which every third word opens an ambiguous span. */
const texts = {
  ordinary:
    "the a of and to in for with report market garden they it was however because people small town river water letter morning work family old new house street children said asked went home again after before 12 1998 money school",
  dense:
    "between 3 and 17 next Friday they sorted by price football average of at 7 it was 20 degrees outside, however: first second; round the total",
};

function prose(random: Random, words: readonly string[], chars: number): string {
  let text = "";
  while (text.length < chars) {
    text += `${pick(random, words)}${random() < 0.08 ? ".\n" : " "}`;
  }
  return text.slice(0, chars);
}

function percentile(sorted: readonly number[], share: number): number {
  return sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] ?? 0;
}

/** Best of three, because the functions are pure and a busy machine is not what is measured (ms). */
function timed<T>(work: () => T): [T, number] {
  let best = Number.POSITIVE_INFINITY;
  let result = work();
  for (let i = 0; i < 3; i++) {
    const start = performance.now();
    result = work();
    best = Math.min(best, performance.now() - start);
  }
  return [result, best];
}

/** One feedback on a conversation of 8 kB, which request and reply share; the phases' times in order. */
function step(random: Random, words: readonly string[], state: WordsState) {
  const { request, feedback } = pick(random, conversations);
  const filler = randomInt(random, 0, conversationChars - 1_000);
  const long = `${request}\n\n${prose(random, words, filler)}`;
  const reply = prose(random, words, Math.max(200, conversationChars - long.length));
  const input = {
    turnId: `turn_${randomInt(random, 0, 1e9)}`,
    request: long,
    attempts: [{ prompt: long, reply, confidence: random() }],
    feedback: { reward: -1, text: feedback },
  };
  const [, reviseMs] = timed(() => reviseRequest(state, long));
  const [items, candidatesMs] = timed(() => candidatesToScore(state, input));
  const scores = items.map(() => -2);
  const [{ state: next }, gradientMs] = timed(() => textualGradient(state, input, scores));
  return { state: next, times: [reviseMs, candidatesMs, gradientMs] };
}

console.log("words, conversation of 8 kB: ms, p50 / p99");
const phases = ["revise", "candidates", "gradient"];
for (const [name, text] of Object.entries(texts)) {
  const random = seededRandom(1);
  const vocabulary = text.split(" ");
  let state = emptyWords();
  const times: number[][] = phases.map(() => []);
  for (let i = 0; i < rounds; i++) {
    if (i % 20 === 0) state = emptyWords();
    const result = step(random, vocabulary, state);
    state = result.state;
    if (i < 100) continue;
    for (const [phase, ms] of result.times.entries()) times[phase]?.push(ms);
  }
  const cells = times.map((ms, phase) => {
    ms.sort((a, b) => a - b);
    const p99 = percentile(ms, 0.99);
    if (name === "ordinary" && p99 >= limitMs) process.exitCode = 1;
    return `${phases[phase]} ${percentile(ms, 0.5).toFixed(2)} / ${p99.toFixed(2)}`;
  });
  console.log(`${name.padEnd(9)} ${cells.join("   ")}`);
}
