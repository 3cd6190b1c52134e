/** The Worker of words.ts: runs steps on the words for long conversations and answers with the time of each. */
import { pick, type Random, randomInt, seededRandom } from "@rosa2/shared/random";
import {
  candidatesToScore,
  emptyWords,
  learnWordings,
  reviseRequest,
  textualGradient,
  type WordsState,
} from "../../edge/src/words/index.ts";
import { checkWordings } from "../../edge/src/words/providers/check.ts";
import { rewritableCharsMax } from "../../edge/src/words/providers/index.ts";
import { conversations } from "../edge/words/conversations.ts";
import { worstInputs } from "../edge/words/worst-inputs.ts";

/** One phase's times over many conversations (ms). */
export type Times = Record<"revise" | "candidates" | "gradient" | "learn", number[]>;

const conversationChars = 8_192;
/** The API's limits for a request and for a remark. */
const requestChars = 16_384;
const remarkChars = 4_096;
/** Wordings that a model is asked for at once. */
const wordingsCount = 8;
/** Stretches for which the session knows other wordings: as many as it keeps. */
const learntCount = 32;
/** Steps of one session. */
const sessionSteps = 20;

/**
 * `?seed=<number>&steps=<count>&learnt=<times>`, with the text's vocabulary as the body → `Times`. With `worst=1` the
 * steps use the worst inputs instead.
 */
export default {
  async fetch(request: Request): Promise<Response> {
    const query = new URL(request.url).searchParams;
    const steps = Number(query.get("steps"));
    const random = seededRandom(Number(query.get("seed")));
    const density = Number(query.get("learnt") ?? 0);
    const vocabulary = (await request.text()).split(" ");
    const times: Times = { revise: [], candidates: [], gradient: [], learn: [] };
    const stretches = Array.from({ length: learntCount }, (_, i) =>
      [pick(random, vocabulary), pick(random, vocabulary), `word${i}`].join(" "),
    );
    const taught = stretches.reduce(teach, emptyWords());
    // Every tenth sentence is a stretch that the session has learnt.
    const text = density === 0 ? vocabulary : [...vocabulary, ...repeated(stretches, density)];
    const next = query.has("worst") ? () => worst(random) : () => long(random, text);
    let state = taught;
    for (let i = 0; i < steps; i++) {
      if (i % sessionSteps === 0) state = taught;
      const taken = step(next(), state, random);
      state = taken.state;
      for (const phase of ["revise", "candidates", "gradient", "learn"] as const)
        times[phase].push(taken.ms[phase]);
    }
    return Response.json(times);
  },
};

/** Adds one stretch to the session's lexicon; eight wordings say it in four ways. */
function teach(state: WordsState, stretch: string, index: number): WordsState {
  const wordings = Array.from({ length: 8 }, (_, i) => `${stretch} in way ${i % 4}`);
  return learnWordings(state, stretch, { by: "gpu", turnId: `turn_${index}`, wordings, drawn: 8 });
}

/** Stretches as sentences of their own, repeated until they are a share of all words. */
function repeated(stretches: readonly string[], times: number): string[] {
  return Array.from({ length: times }, () => stretches.map((one) => `. ${one}.`)).flat();
}

/** The input of a step. */
interface Said {
  request: string;
  reply: string;
  remark: string;
}

/** A conversation of 8 kB, which request and reply share. */
function long(random: Random, words: readonly string[]): Said {
  const { request, feedback } = pick(random, conversations);
  const filler = randomInt(random, 0, conversationChars - 1_000);
  const said = `${request}\n\n${prose(random, words, filler)}`;
  const reply = prose(random, words, Math.max(200, conversationChars - said.length));
  return { request: said, reply, remark: feedback };
}

const worstRequests = [...worstInputs(requestChars), ...worstInputs(rewritableCharsMax)];
const worstRemarks = worstInputs(remarkChars);

/** The longest conversation that the API takes, made of the slowest input. */
function worst(random: Random): Said {
  return {
    request: pick(random, worstRequests),
    reply: pick(random, worstRequests),
    remark: pick(random, worstRemarks),
  };
}

/** One feedback, with wordings that a model proposes for the request. */
function step({ request, reply, remark }: Said, state: WordsState, random: Random) {
  const turnId = `turn_${randomInt(random, 0, 1e9)}`;
  const input = {
    turnId,
    request,
    attempts: [{ prompt: request, reply, confidence: random() }],
    feedback: { reward: -1, text: remark },
  };
  const [, revise] = timed(() => reviseRequest(state, request));
  const [items, candidates] = timed(() => candidatesToScore(state, input));
  const scores = items.map(() => [-0.5, -0.5, -0.5, -0.5]);
  const [{ state: next }, gradient] = timed(() => textualGradient(state, input, scores));
  const isAsked = request.length <= rewritableCharsMax;
  const proposed = Array.from({ length: isAsked ? wordingsCount : 0 }, (_, i) =>
    reworded(request, i),
  );
  const [, learn] = timed(() => {
    const task = { request, attempts: [{ reply, feedback: remark }] };
    const wordings = checkWordings(proposed, task).filter(({ ok }) => ok);
    // Comparing the proposals takes the time, whether they are sound or not.
    learnWordings(state, request, {
      by: "gpu",
      turnId,
      wordings: proposed,
      drawn: wordings.length,
    });
  });
  return { state: next, ms: { revise, candidates, gradient, learn } };
}

/** The request with one more word after every few; each wording has it at other places. */
function reworded(request: string, way: number): string {
  const parts = request.split(" ");
  return parts.map((part, i) => (i % 40 === way ? `${part} way${way}` : part)).join(" ");
}

function prose(random: Random, words: readonly string[], chars: number): string {
  let text = "";
  while (text.length < chars) {
    text += `${pick(random, words)}${random() < 0.08 ? ".\n" : " "}`;
  }
  return text.slice(0, chars);
}

/** Best of three (ms): the functions are pure, and the load of a busy machine should not count. */
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
