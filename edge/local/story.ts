/**
 * One conversation of the demo, told in order: a request with more than one reading and a skill that the
 * model was never trained on → feedback, retry by retry → the same request about another list.
 *
 * The user is simulated: the seed draws what is asked and what is meant, the task module computes the
 * right answers, and everything else comes from the running services.
 */
import { pick, seededRandom } from "@rosa2/shared/random";
import { heldOutPairs } from "../../gpu-service/language/skills.ts";
import { answer, drawTask, isRight, withNewItems } from "../../gpu-service/language/task.ts";
import { feedback as userFeedback } from "../../gpu-service/language/user.ts";
import { request } from "../../gpu-service/language/wording.ts";
import type { FeedbackResult, SessionDetail, TurnBody } from "../src/contract/index.ts";
import type { Api } from "./api.ts";
import { printChange, printReply, printRequest, printSaid } from "./show.ts";

export type Outcome =
  | { kind: "held"; session: SessionDetail }
  /** The conversation is no example of what is to be shown, or the promise was not kept. */
  | { kind: "uneventful" | "broken"; why: string };

/** Hints whenever one misreading explains the reply. */
const hintingUser = { hint: 1, statement: 0, varied: false };

export async function tellStory(api: Api, seed: number): Promise<Outcome> {
  const random = seededRandom(`demo ${seed}`);
  // The format is said; how to do either operation is left open.
  const task = drawTask(random, pick(random, heldOutPairs), {
    stated: "format",
    readings: "uniform",
  });
  const session = await api.post<SessionDetail>("/v1/sessions", { title: `Demo ${seed}` });
  const turnsPath = `/v1/sessions/${session.id}/turns`;
  const ask = (content: string) => api.post<TurnBody>(turnsPath, { content });
  const judge = (turn: TurnBody, body: object) =>
    api.post<FeedbackResult & { turn: TurnBody }>(`${turnsPath}/${turn.id}/feedback`, {
      reward: -1,
      retry: true,
      ...body,
    });

  printRequest(seed, request(task));
  const first = await ask(request(task));
  printReply(first, isRight(task, first.reply));
  if (isRight(task, first.reply)) return uneventful("right at the first try");

  const hint = userFeedback(random, task, first.reply, hintingUser);
  printSaid(hint);
  const reworded = await judge(first, { text: hint });
  printChange(reworded);
  printReply(reworded.turn, isRight(task, reworded.turn.reply));
  if (isRight(task, reworded.turn.reply)) return uneventful("the words alone were enough");

  const correction = answer(task);
  printSaid(`It should be ${correction}`);
  const corrected = await judge(reworded.turn, { correction });
  printChange(corrected);
  printReply(corrected.turn, isRight(task, corrected.turn.reply));
  if (!isRight(task, corrected.turn.reply)) return broken("the corrected reply did not come back");
  if (!reworded.words.changed && !corrected.words.changed) return uneventful("no word changed");
  if (corrected.weights.decision !== "updated") return uneventful("no weight changed");

  const similar = withNewItems(random, task);
  printRequest(null, request(similar));
  const second = await ask(request(similar));
  printReply(second, isRight(similar, second.reply));
  if (!isRight(similar, second.reply)) {
    return broken(`the second request should have been answered ${answer(similar)}`);
  }
  return { kind: "held", session: await api.get<SessionDetail>(`/v1/sessions/${session.id}`) };
}

function uneventful(why: string): Outcome {
  return { kind: "uneventful", why };
}

function broken(why: string): Outcome {
  return { kind: "broken", why };
}
