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

const words =
  "the a of and to in for with report market garden between 3 and 17 next Friday they sorted by price football average at 7 it was 20 degrees outside, however: first second; round the total".split(
    " ",
  );

function prose(random: Random, chars: number): string {
  let text = "";
  while (text.length < chars) {
    text += `${pick(random, words)}${random() < 0.08 ? ".\n" : " "}`;
  }
  return text.slice(0, chars);
}

function percentile(sorted: readonly number[], share: number): number {
  return sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] ?? 0;
}

/** One feedback on a conversation of 8 kB: request and replies share the characters. */
function step(random: Random, state: WordsState): { state: WordsState; ms: number } {
  const { request, feedback } = pick(random, conversations);
  const filler = randomInt(random, 0, conversationChars - 1_000);
  const long = `${request}\n\n${prose(random, filler)}`;
  const reply = prose(random, Math.max(200, conversationChars - long.length));
  const input = {
    turnId: `turn_${randomInt(random, 0, 1e9)}`,
    request: long,
    attempts: [{ prompt: long, reply, confidence: random() }],
    feedback: { reward: -1, text: feedback },
  };
  const start = performance.now();
  reviseRequest(state, long);
  const items = candidatesToScore(state, input, { scoreItemsMax: 48 });
  const scores = items.map(() => -2);
  const after = textualGradient(state, input, scores, { scoreItemsMax: 48 }).state;
  return { state: after, ms: performance.now() - start };
}

const random = seededRandom(1);
let state = emptyWords();
const times: number[] = [];
for (let i = 0; i < rounds; i++) {
  if (i % 20 === 0) state = emptyWords();
  const result = step(random, state);
  state = result.state;
  if (i >= 100) times.push(result.ms);
}
times.sort((a, b) => a - b);
const [p50, p95, p99] = [0.5, 0.95, 0.99].map((share) => percentile(times, share)) as [
  number,
  number,
  number,
];
console.log("words: revise + candidates + gradient, conversation of 8 kB");
console.log(
  `p50 ${p50.toFixed(2)} ms   p95 ${p95.toFixed(2)} ms   p99 ${p99.toFixed(2)} ms   max ${(times.at(-1) ?? 0).toFixed(2)} ms   (${times.length} steps, wanted: p99 < ${limitMs} ms)`,
);
process.exitCode = p99 < limitMs ? 0 : 1;
