/** Requests that are unrelated to a session: the base model's earlier skills must still be there after it. */
import { pick, type Random } from "@rosa2/shared/random";
import { drawBaseSkill } from "../../gpu-service/language/base-skills.ts";
import { type Family, families } from "../../gpu-service/language/operations.ts";
import { type Chain, trainedPairs } from "../../gpu-service/language/skills.ts";
import { answer, drawTask } from "../../gpu-service/language/task.ts";
import { request } from "../../gpu-service/language/wording.ts";
import { makeCheck } from "./checks/index.ts";
import type { Probe } from "./problem.ts";

/**
 * Base skills, single operations and trained pairs in turn. All are clearly worded, and none has an operation of the
 * session's own task.
 */
export function drawProbes(random: Random, operations: readonly Family[], count: number): Probe[] {
  const used = new Set(operations);
  const isUnrelated = (chain: Chain) => chain.every((family) => !used.has(family));
  const singles = families.map((family): Chain => [family]).filter(isUnrelated);
  const pairs = trainedPairs.filter(isUnrelated);
  const kinds = [
    () => drawBaseSkill(random),
    () => clearExchange(random, pick(random, singles)),
    () => clearExchange(random, pick(random, pairs.length > 0 ? pairs : singles)),
  ];
  return Array.from({ length: count }, (_, i) => {
    const exchange = kinds[i % kinds.length]!();
    return { request: exchange.request, isRight: makeCheck("exact", exchange.reply) };
  });
}

function clearExchange(random: Random, chain: Chain) {
  const task = drawTask(random, chain, { stated: "clear", readings: "uniform" });
  return { request: request(task), reply: answer(task) };
}
