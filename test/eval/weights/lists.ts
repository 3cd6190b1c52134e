/** Figures on a model of the drawn language: corrections of twenty to eighty tokens, and what it could teach itself. */
import type { Message } from "@rosa2/shared/protocol";
import { pick, seededRandom } from "@rosa2/shared/random";
import { families } from "../../../gpu-service/language/operations.ts";
import { heldOutPairs } from "../../../gpu-service/language/skills.ts";
import { answer, drawTask, type Task } from "../../../gpu-service/language/task.ts";
import { feedback } from "../../../gpu-service/language/user.ts";
import { request } from "../../../gpu-service/language/wording.ts";
import type { AdapterWeights, TokenRow } from "../../../gpu-service/src/language-model.ts";
import type { Lab } from "./lab.ts";

const tokens = { min: 20, max: 80 };
const requestsPerSession = 5;
/** Items of one list, so that the reply is long enough. */
const listLength = 12;
const user = { hint: 0.5, statement: 0, varied: false };

export interface LongOutcome {
  sessions: number;
  /** Requests after at least one correction of the same kind, and the share that is right at once. */
  asked: number;
  none: number;
  history: number;
  weights: number;
  /** Mean tokens of a correction. */
  tokens: number;
  /** Share right before minus after, of requests that the sessions do not use. */
  forgotten: number;
  msMedian: number;
  msP95: number;
}

/**
 * Sessions of one user who asks the same about several long lists and corrects what is wrong. Each request after the
 * first correction is asked of the base model, of the base model with the corrections in view, and of the adapter.
 */
export async function longCorrections(lab: Lab, sessions: number): Promise<LongOutcome> {
  const right = { none: 0, history: 0, weights: 0 };
  let asked = 0;
  const lengths: number[] = [];
  const times: number[] = [];
  let forgotten = 0;
  for (let session = 0; session < sessions; session++) {
    const random = seededRandom(`long corrections ${session}`);
    const first = drawLong(lab, random);
    let adapter: AdapterWeights | null = null;
    const view: Message[] = [];
    const examples: TokenRow[] = [];
    for (let at = 0; at < requestsPerSession; at++) {
      const task = at === 0 ? first : drawLong(lab, random, first);
      const [said, wanted] = [request(task), answer(task)];
      const own: Message[] = [{ role: "user", content: said }];
      const isRight = async (messages: Message[], under: AdapterWeights | null) =>
        (await lab.reply(messages, under, tokens.max)) === wanted;
      if (at > 0) {
        asked++;
        if (await isRight(own, null)) right.none++;
        if (await isRight([...view, ...own], null)) right.history++;
      }
      const isLearned = await isRight(own, adapter);
      if (at > 0 && isLearned) right.weights++;
      view.push(...own, { role: "assistant", content: wanted });
      const example = lab.row(said, wanted, isLearned ? "held" : "corrected");
      examples.push(example);
      if (isLearned) continue;
      lengths.push(example.reply.length);
      const { adapter: next, ms } = await lab.update(examples, adapter);
      adapter = next;
      times.push(ms);
    }
    forgotten += (await shareRight(lab, session, null)) - (await shareRight(lab, session, adapter));
  }
  times.sort((a, b) => a - b);
  return {
    sessions,
    asked,
    none: right.none / asked,
    history: right.history / asked,
    weights: right.weights / asked,
    tokens: mean(lengths),
    forgotten: forgotten / sessions,
    msMedian: times[times.length >> 1] ?? Number.NaN,
    msP95: times[Math.floor(0.95 * times.length)] ?? Number.NaN,
  };
}

/**
 * What feedback without a right reply could teach: how much likelier the right reply is to the model once it sees its own
 * wrong one and the remark. Where that is nothing, the model has nothing to teach itself.
 */
export async function selfDistillationGap(lab: Lab, count: number) {
  const random = seededRandom("self-distillation gap");
  const gaps: number[] = [];
  let repaired = 0;
  while (gaps.length < count) {
    const task = drawTask(random, pick(random, heldOutPairs), {
      stated: "format",
      readings: "uniform",
    });
    const asked: Message[] = [{ role: "user", content: request(task) }];
    const reply = await lab.reply(asked, null, 40);
    const wanted = answer(task);
    if (reply === wanted) continue;
    const seen: Message[] = [
      ...asked,
      { role: "assistant", content: reply },
      { role: "user", content: feedback(random, task, reply, user) },
    ];
    const rows = [asked, seen].map((messages) => lab.tokenizer.exampleIds(messages, wanted));
    const [student, teacher] = (await lab.model.score(rows, null)).map(sum);
    gaps.push((teacher! - student!) / rows[0]!.reply.length);
    if ((await lab.reply(seen, null, 40)) === wanted) repaired++;
  }
  const average = mean(gaps);
  const spread = Math.sqrt(mean(gaps.map((gap) => (gap - average) ** 2)) / (gaps.length - 1));
  return { count, natsAToken: average, standardError: spread, repaired: repaired / count };
}

/** A task whose right reply has the wanted length; of the same user and kind as another one. */
function drawLong(lab: Lab, random: ReturnType<typeof seededRandom>, like?: Task): Task {
  for (;;) {
    const chain = like?.operations.map(({ family }) => family) ?? pick(random, heldOutPairs);
    const options = { stated: "format", readings: "uniform", length: listLength } as const;
    const drawn = drawTask(random, chain, like ? { ...options, kind: like.kind } : options);
    const task = like ? { ...like, items: drawn.items } : drawn;
    const { length } = lab.tokenizer.replyIds(answer(task));
    if (length >= tokens.min && length <= tokens.max) return task;
  }
}

/** Of clear single operations. */
async function shareRight(lab: Lab, session: number, adapter: AdapterWeights | null) {
  const random = seededRandom(`kept ${session}`);
  let right = 0;
  for (let at = 0; at < 8; at++) {
    const task = drawTask(random, [pick(random, families)], {
      stated: "clear",
      readings: "uniform",
    });
    const messages: Message[] = [{ role: "user", content: request(task) }];
    if ((await lab.reply(messages, adapter, 40)) === answer(task)) right++;
  }
  return right / 8;
}

function sum(values: Float32Array): number {
  return values.reduce((total, value) => total + value, 0);
}

function mean(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0) / Math.max(1, values.length);
}
