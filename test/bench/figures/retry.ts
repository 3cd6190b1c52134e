/**
 * How soon a retry's first token comes, after wordings were drawn and scored, relative to the whole time of a plain
 * reply. Measured on the engine alone with replies of a few sentences, and with the bundled model on the whole service,
 * asked ambiguously, where replies are lists of some five tokens.
 */
import type { FeedbackResult } from "../../../edge/src/contract/index.ts";
import { makeStateFolder, Rosa } from "../../e2e/support/rosa.ts";
import { drawSuiteSession } from "../../eval/suites.ts";
import type { Context, Family, Figure } from "../figure.ts";
import { type ModelName, modelNames, startEngine } from "../support/models.ts";
import { medianOf } from "../support/statistics.ts";

const figureOf = (id: string, replies: string): Figure => ({
  id,
  what: `a retry's first token, wordings drawn and judged, against a plain reply's whole time, ${replies}`,
  unit: "×",
  target: 3,
  bound: "at most",
});
const lists = figureOf("retry_mini", "lists of five tokens through the edge");
const sentences = (model: ModelName) =>
  figureOf(`retry_${model}_sentences`, "replies of 64 tokens");

/**
 * A request and a reply of a few sentences; wordings are about as long as the request. Of a first rejected reply the edge
 * weighs six readings, the request as said and the wording that was sent.
 */
const size = {
  promptTokens: 64,
  replyTokens: 64,
  rewritePromptTokens: 160,
  wordingTokens: 48,
  draws: 8,
  candidates: 8,
};
const suites = ["AMB", "MIX", "THREEA"] as const;

export const retry: Family = {
  figures: [lists, ...modelNames.map(sentences)],

  async *measure(wanted, context) {
    const isWanted = ({ id }: Figure) => wanted.some((figure) => figure.id === id);
    if (isWanted(lists)) {
      context.say(lists.id);
      yield { figure: lists, peer: null, ...(await onService(context)) };
    }
    for (const model of modelNames) {
      const figure = sentences(model);
      if (!isWanted(figure)) continue;
      context.say(figure.id);
      yield { figure, peer: null, ...(await onEngine(model, context)) };
    }
  },
};

/** Sessions of one problem whose first reply is wrong, so that wordings are drawn from the model. */
async function onService({ isQuick }: Context) {
  const state = makeStateFolder();
  const rosa = await Rosa.start(state.path, { RATE_LIMIT: "off" });
  const times = { reply: [] as number[], retry: [] as number[] };
  try {
    for (let index = 0; times.retry.length < (isQuick ? 9 : 90); index++) {
      const suite = suites[index % suites.length]!;
      const options = { seed: 1, index, length: 1, wording: "canonical", probeCount: 0 } as const;
      const [problem] = drawSuiteSession(suite, options).problems;
      const { id } = await rosa.openSession({ adaptation: { mode: "words", context: "request" } });
      const startedAt = performance.now();
      const turn = await rosa.ask(id, problem!.request);
      const replied = performance.now() - startedAt;
      if (await problem!.isRight(turn.reply)) continue;
      const said = { reward: -1, text: "wrong", retry: true, stream: true };
      const { firstMs, drawn } = await firstToken(rosa, `${id}/turns/${turn.id}`, said);
      // The first conversations warm the service up.
      if (drawn === 0 || index < 3) continue;
      times.reply.push(replied);
      times.retry.push(firstMs);
    }
  } finally {
    await rosa.process.stop();
    state.remove();
  }
  return {
    value: medianOf(times.retry.map((ms, i) => ms / times.reply[i]!)),
    note:
      `${medianOf(times.retry).toFixed(0)} against ${medianOf(times.reply).toFixed(0)} ms, medians of ${times.retry.length} ` +
      `wrong replies (${suites.join(", ")}), through the edge, rosa2-mini-2`,
  };
}

/** Milliseconds from feedback to the first piece of the new reply, and how many wordings were drawn for it. */
async function firstToken(rosa: Rosa, turn: string, body: object) {
  const startedAt = performance.now();
  const response = await fetch(`${rosa.url}/v1/sessions/${turn}/feedback`, {
    method: "POST",
    headers: { authorization: `Bearer ${rosa.key}`, "content-type": "application/json" },
    body: JSON.stringify(body),
  });
  let firstMs = 0;
  let text = "";
  for await (const piece of response.body!.pipeThrough(new TextDecoderStream())) {
    text += piece;
    if (firstMs === 0 && /^event: delta$/mu.test(text)) firstMs = performance.now() - startedAt;
  }
  const words = /^event: words\ndata: (.*)$/mu.exec(text)?.[1];
  if (firstMs === 0 || words === undefined) throw new Error(`No new reply in ${text}`);
  const { rewriter } = JSON.parse(words) as FeedbackResult["words"];
  return { firstMs, drawn: rewriter?.drawn ?? 0 };
}

async function onEngine(model: ModelName, context: Context) {
  const engine = await startEngine(model, "f32", context);
  const rounds = context.isQuick ? 1 : model === "mini" ? 15 : 3;
  const times = { reply: [] as number[], retry: [] as number[] };
  try {
    for (let round = 0; round <= rounds; round++) {
      const { reply, retry } = await engine.call("retry", { ...size, seed: `round ${round}` });
      if (round === 0) continue;
      times.reply.push(reply);
      times.retry.push(retry);
    }
  } finally {
    await engine.stop();
  }
  const ms = (values: number[]) => medianOf(values).toFixed(0);
  return {
    value: medianOf(times.retry.map((ms, round) => ms / times.reply[round]!)),
    note:
      `${ms(times.retry)} against ${ms(times.reply)} ms, medians of ${rounds}, fp32, the engine alone: ` +
      `${size.draws} wordings of ${size.wordingTokens} tokens, ${size.candidates} of them weighed, then a reply of ` +
      `${size.replyTokens}, shown as soon as it cannot be a copy`,
  };
}
