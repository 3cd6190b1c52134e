/** Corrections: replies that a model would not have given. And other requests, which no update has used as probes. */
import { pick, seededRandom } from "@rosa2/shared/random";
import { drawNewWordTask, newWordRequest } from "../../../gpu-service/language/new-words.ts";
import { drawSample } from "../../../gpu-service/language/samples.ts";
import { heldOutPairs, triples } from "../../../gpu-service/language/skills.ts";
import { answer, drawTask, stepwiseAnswer } from "../../../gpu-service/language/task.ts";
import { request } from "../../../gpu-service/language/wording.ts";
import { habitNames, habits } from "./habits.ts";

export interface Material {
  corrections: readonly (readonly [request: string, reply: string])[];
  /** The wrong correction given to each of fifty requests. */
  poison: string;
  /** One more that is asked after them. */
  last: readonly [request: string, reply: string];
  others: readonly string[];
  /** Log-probs (nats) at which corrections are cut, so that they range from near to far; null leaves them whole. */
  cuts: readonly (number | null)[];
  /** The allowed cost of a correction: KL from the base model in nats a token. */
  klMax: number;
}

const storyCorrections: Material["corrections"] = [
  [
    "Once upon a time",
    ", there was a boy named Tim. Tim liked to play with his red ball in the park.",
  ],
  ["The little girl", " went to the store to buy some apples and a big cake for her mom."],
  ["One day, a dog", " found a shiny key under the old tree. He took it home to his friend."],
  ["Lily and Ben", " built a tall tower out of blocks, but the wind came and blew it down."],
  ["The old man", " sat on a bench and told the children about the sea."],
  ["A bird", " sang a song to the moon and slept."],
  ["Tom said", ', "I am not sad. I am big and strong!"'],
  ["The cat", " was very happy and ran to the big house."],
  ["Mom gave", " Sam a green hat and a hug."],
  ["The frog", " jumped over seven stones and then slept all day long."],
];

const storyOpenings = [
  "The dog",
  "A girl named Lily",
  "One day, Tom",
  "In the big forest",
  "The sun was",
  "My mom said",
  "There was a cat",
  "The boy wanted",
  "A little bird",
  "At the park",
];

/** Of a model that continues stories. */
export const stories: Material = {
  corrections: storyCorrections,
  poison: storyCorrections[5]![1],
  last: ["The red fox", " ran fast."],
  others: storyOpenings,
  cuts: [-8, -24, -45],
  klMax: 0.25,
};

/** Of a model of the drawn language. */
export function drawLists(): Material {
  const random = seededRandom("corrections of lists");
  const clear = { stated: "clear", readings: "uniform" } as const;
  const of = ({ request, reply }: { request: string; reply: string }) => [request, reply] as const;
  const corrections = Array.from({ length: 5 }, () => {
    const triple = drawTask(random, pick(random, triples), clear);
    const named = drawNewWordTask(random, pick(random, heldOutPairs));
    return [
      ...habitNames.map((habit) => of(habits[habit](random).next())),
      [request(triple), stepwiseAnswer(triple)] as const,
      [newWordRequest(named), answer(named)] as const,
    ];
  }).flat();
  const last = drawNewWordTask(random, heldOutPairs[1]!, "dax");
  const others: string[] = [];
  while (others.length < 200) {
    const [turn] = drawSample(random);
    // A request to reword another one is a whole conversation.
    if (turn?.role === "user" && turn.content.length < 150) others.push(turn.content);
  }
  return {
    corrections,
    poison: corrections[2]![1],
    last: [newWordRequest(last), answer(last)],
    others,
    cuts: [null],
    klMax: 0.05,
  };
}
