/** Which model gives replies: asked of its service, and remembered in this isolate so that no reply waits for it. */
import { RosaError } from "@rosa2/shared/errors";
import type { Health } from "@rosa2/shared/health";
import type { Config } from "../config.ts";
import { GpuClient } from "./index.ts";

type Model = NonNullable<Health["model"]>;

/** So long the answer is not asked for again; after that it still counts while it is asked for behind the caller. */
const freshMs = 60_000;
/** A refusal is not founded on an answer older than this: the deployment may just have changed its model. */
const certainMs = 2_000;

const remembered = new Map<string, { model: Model; askedAt: number }>();

/** The model that replies come from, or null while its service cannot say. */
export async function servedModel(
  config: Config,
  background: (work: Promise<unknown>) => void,
  { now = Date.now(), ageMsMax = Number.POSITIVE_INFINITY } = {},
): Promise<Model | null> {
  const known = remembered.get(nameOf(config));
  const ageMs = known === undefined ? Number.POSITIVE_INFINITY : now - known.askedAt;
  if (known === undefined || ageMs > ageMsMax)
    return (await ask(config, now)) ?? known?.model ?? null;
  if (ageMs > freshMs) background(ask(config, now));
  return known.model;
}

/**
 * The model that a request's name stands for; null while nobody can say.
 *
 * @throws RosaError `model_not_found`, naming what is served.
 */
export async function namedModel(
  config: Config,
  name: string,
  background: (work: Promise<unknown>) => void,
): Promise<Model | null> {
  const isAlias = config.modelAliases.some((alias) => alias === name || alias === "*");
  const model = await servedModel(config, background);
  if (model === null || isAlias || model.id === name) return model;
  const certain = await servedModel(config, background, { ageMsMax: certainMs });
  if (certain === null || certain.id === name) return certain;
  const names = [certain.id, ...config.modelAliases].map((one) => `"${one}"`).join(", ");
  throw new RosaError("model_not_found", `The model "${name}" is not served here; ${names} is`, {
    param: "model",
  });
}

async function ask(config: Config, now: number): Promise<Model | null> {
  const health = await new GpuClient(config.gpu, null).health("replies").catch(() => null);
  if (health === null || health.model === null) return null;
  remembered.set(nameOf(config), { model: health.model, askedAt: now });
  return health.model;
}

/** All services of a deployment serve the same model. */
function nameOf({ gpu }: Config): string {
  return gpu.replyPools.map(({ url }) => url).join();
}
