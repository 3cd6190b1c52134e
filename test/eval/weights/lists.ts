/** Figures on a model of the drawn language: what it could teach itself, and whether the reported KL is right. */
import type { Message } from "@rosa2/shared/protocol";
import { pick, seededRandom } from "@rosa2/shared/random";
import { listQuestion } from "../../../gpu-service/language/list-question.ts";
import { heldOutPairs } from "../../../gpu-service/language/skills.ts";
import { answer, drawTask, withNewItems } from "../../../gpu-service/language/task.ts";
import { feedback } from "../../../gpu-service/language/user.ts";
import { request } from "../../../gpu-service/language/wording.ts";
import type {
  AdapterWeights,
  ScoreRow,
  TokenRow,
} from "../../../gpu-service/src/language-model.ts";
import { mean } from "../statistics.ts";
import type { Lab } from "./lab.ts";

const user = { hint: 0.5, statement: 0, varied: false };

/**
 * What feedback without a right reply could teach: how much likelier the right reply becomes once the model sees its
 * own wrong one and the remark. Where that is zero, the model cannot teach itself.
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
      { role: "user", content: feedback(random, listQuestion(task), reply, user) },
    ];
    const rows = [asked, seen].map((messages) => lab.tokenizer.exampleIds(messages, wanted));
    const [student, teacher] = (await lab.model.score(rows, null)).map(sum);
    gaps.push((teacher! - student!) / rows[0]!.reply.length);
    if ((await lab.reply(seen, null, 40)) === wanted) repaired++;
  }
  const average = mean(gaps)!;
  const spread = Math.sqrt(mean(gaps.map((gap) => (gap - average) ** 2))! / (gaps.length - 1));
  return { count, natsAToken: average, standardError: spread, repaired: repaired / count };
}

/** For each update in sessions that correct a vague pair three times: KL from the base model as reported and as measured. */
export async function* reportedAndMeasured(
  lab: Lab,
  sessions: number,
  samples: readonly ScoreRow[],
) {
  const random = seededRandom("reported and measured");
  for (let session = 0; session < sessions; session++) {
    const options = { stated: "format", readings: "uniform" } as const;
    const first = drawTask(random, pick(random, heldOutPairs), options);
    const examples: TokenRow[] = [];
    let adapter: AdapterWeights | null = null;
    for (let at = 0; at < 3; at++) {
      const task = withNewItems(random, first);
      examples.push(lab.row(request(task), answer(task)));
      const { outcome, adapter: next } = await lab.update(examples, adapter);
      adapter = next;
      yield { reported: outcome.kl_base, measured: await lab.kl(samples, adapter), ...outcome };
    }
  }
}

function sum(values: Float32Array): number {
  return values.reduce((total, value) => total + value, 0);
}
