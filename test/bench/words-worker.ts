/** The Worker of words.ts: takes steps on the words for conversations of 8 kB and answers with how long each took. */
import { pick, type Random, randomInt, seededRandom } from "@rosa2/shared/random";
import {
  candidatesToScore,
  emptyWords,
  learnWordings,
  reviseRequest,
  textualGradient,
  type WordsState,
} from "../../edge/src/words/index.ts";
import { conversations } from "../edge/words/conversations.ts";

/** One phase's times over many conversations (ms). */
export type Times = Record<"revise" | "candidates" | "gradient", number[]>;

const conversationChars = 8_192;
/** Stretches that the session knows other wordings of: as many as it keeps. */
const learntCount = 32;
/** Steps of one session. */
const sessionSteps = 20;

/** `?seed=<number>&steps=<count>`, the text's vocabulary as the body → `Times`. */
export default {
  async fetch(request: Request): Promise<Response> {
    const query = new URL(request.url).searchParams;
    const steps = Number(query.get("steps"));
    const random = seededRandom(Number(query.get("seed")));
    const density = Number(query.get("learnt") ?? 0);
    const vocabulary = (await request.text()).split(" ");
    const times: Times = { revise: [], candidates: [], gradient: [] };
    const stretches = Array.from({ length: learntCount }, (_, i) =>
      [pick(random, vocabulary), pick(random, vocabulary), `word${i}`].join(" "),
    );
    const taught = stretches.reduce(teach, emptyWords());
    let state = taught;
    for (let i = 0; i < steps; i++) {
      if (i % sessionSteps === 0) state = taught;
      // Every tenth sentence is a stretch that the session has learnt.
      const text = density === 0 ? vocabulary : [...vocabulary, ...repeated(stretches, density)];
      const taken = step(random, text, state);
      state = taken.state;
      times.revise.push(taken.reviseMs);
      times.candidates.push(taken.candidatesMs);
      times.gradient.push(taken.gradientMs);
    }
    return Response.json(times);
  },
};

/** The session's lexicon with one stretch more, which eight wordings say in four ways. */
function teach(state: WordsState, stretch: string, index: number): WordsState {
  const wordings = Array.from({ length: 8 }, (_, i) => `${stretch} in way ${i % 4}`);
  return learnWordings(state, stretch, { by: "gpu", turnId: `turn_${index}`, wordings, drawn: 8 });
}

/** Stretches as sentences of their own, so often that they are a share of all words. */
function repeated(stretches: readonly string[], times: number): string[] {
  return Array.from({ length: times }, () => stretches.map((one) => `. ${one}.`)).flat();
}

/** One feedback on a conversation of 8 kB, which request and reply share. */
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
  const scores = items.map(() => ({ logprob: -2, tokens: 4 }));
  const [{ state: next }, gradientMs] = timed(() => textualGradient(state, input, scores));
  return { state: next, reviseMs, candidatesMs, gradientMs };
}

function prose(random: Random, words: readonly string[], chars: number): string {
  let text = "";
  while (text.length < chars) {
    text += `${pick(random, words)}${random() < 0.08 ? ".\n" : " "}`;
  }
  return text.slice(0, chars);
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
