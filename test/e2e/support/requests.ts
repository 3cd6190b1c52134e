/** Requests of the bundled model's domain, with the answers that their readings have. */
import { seededRandom } from "@rosa2/shared/random";
import {
  allReadings,
  answer,
  drawTask,
  type Task,
} from "../../../gpu-service/train/language/task.ts";
import { request } from "../../../gpu-service/train/language/wording.ts";

/** A request with the format said and everything else left open. */
export function drawRequest(seed: number): { content: string; answers: string[] } {
  const task: Task = drawTask(seededRandom(`e2e ${seed}`), ["sort", "take"], {
    stated: "format",
    readings: "uniform",
    kind: "digits",
    length: 5,
  });
  const format = task.hidden.at(-1);
  const readings = allReadings(task).filter((reading) => reading.at(-1) === format);
  return {
    content: request(task),
    answers: [...new Set(readings.map((reading) => answer(task, reading)))],
  };
}
