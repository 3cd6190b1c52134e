/** The model that gives replies: its service reports it, and this isolate remembers it, so that no reply waits for it. */
import { RosaError } from "@rosa2/shared/errors";
import { configOf } from "../config.ts";
import { type Inference, inferenceOf, type ServedModel } from "./index.ts";

/** For this long the answer is not requested again; after that it is used while it is refreshed in the background. */
const freshMs = 60_000;
/** A refusal needs an answer younger than this: the deployment may just have changed its model. */
const certainMs = 2_000;

const remembered = new Map<string, { model: ServedModel; askedAt: number }>();

/** The model that gives replies, or null while its service cannot say. */
export async function servedModel(
  env: object,
  background: (work: Promise<unknown>) => void,
  { now = Date.now(), ageMsMax = Number.POSITIVE_INFINITY } = {},
): Promise<ServedModel | null> {
  const inference = inferenceOf(env, null);
  const known = remembered.get(inference.place);
  const ageMs = known === undefined ? Number.POSITIVE_INFINITY : now - known.askedAt;
  if (known === undefined || ageMs > ageMsMax)
    return (await ask(inference, now)) ?? known?.model ?? null;
  if (ageMs > freshMs) background(ask(inference, now));
  return known.model;
}

/**
 * The model that a request's name means; null while it is unknown.
 *
 * @throws RosaError `model_not_found`, naming the served model.
 */
export async function namedModel(
  env: object,
  name: string,
  background: (work: Promise<unknown>) => void,
): Promise<ServedModel | null> {
  const { modelAliases } = configOf(env);
  const isAlias = modelAliases.some((alias) => alias === name || alias === "*");
  const model = await servedModel(env, background);
  if (model === null || isAlias || model.id === name) return model;
  const certain = await servedModel(env, background, { ageMsMax: certainMs });
  if (certain === null || certain.id === name) return certain;
  const names = [certain.id, ...modelAliases].map((one) => `"${one}"`).join(", ");
  throw new RosaError("model_not_found", `The model "${name}" is not served here; ${names} is`, {
    param: "model",
  });
}

async function ask(inference: Inference, now: number): Promise<ServedModel | null> {
  const health = await inference.health("replies").catch(() => null);
  if (health === null || health.model === null) return null;
  remembered.set(inference.place, { model: health.model, askedAt: now });
  return health.model;
}
