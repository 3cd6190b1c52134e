/** The two models that are measured, in the precisions that are measured. */
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { Provider } from "../../../gpu-service/src/engine/model/provider.ts";
import type { EngineMethods } from "../contenders/engine.ts";
import type { Context } from "../figure.ts";
import { Contender } from "./contender.ts";
import { randomCheckpoint05b } from "./random-checkpoint.ts";

export const modelNames = ["mini", "05b"] as const;
export type ModelName = (typeof modelNames)[number];

/** Bits of the weights; null is fp32. */
export const precisions = { f32: null, q8: 8, q4: 4 } as const;
export type Precision = keyof typeof precisions;

const mini = fileURLToPath(new URL("../../../gpu-service/models/rosa2-mini", import.meta.url));

/** Directory of a model's checkpoint. */
export function checkpointOf(model: ModelName, { cache, say }: Context): string {
  if (model === "mini") return mini;
  say("random checkpoint of Qwen2.5-0.5B's shapes: made once, 2 GB");
  return randomCheckpoint05b(cache);
}

/** Where the engine keeps what it converts during benchmarks (`ROSA2_CACHE`). */
export function weightCache({ cache }: Context): string {
  return join(cache, "weights");
}

interface EngineOptions {
  provider?: Provider;
  sessions?: number;
  /** Flags of its Node. */
  nodeOptions?: string;
}

/** The engine with a model loaded, in a process of its own. */
export async function startEngine(
  model: ModelName,
  precision: Precision,
  context: Context,
  { provider = "cpu", sessions = 16, nodeOptions = "" }: EngineOptions = {},
): Promise<Contender<EngineMethods>> {
  const engine = new Contender<EngineMethods>(new URL("../contenders/engine.ts", import.meta.url), {
    ROSA2_CACHE: weightCache(context),
    NODE_OPTIONS: `${process.env.NODE_OPTIONS ?? ""} ${nodeOptions}`.trim(),
  });
  const load = { directory: checkpointOf(model, context), threads: context.threads };
  try {
    await engine.call("load", { ...load, bits: precisions[precision], provider, sessions });
  } catch (error) {
    await engine.stop();
    throw error;
  }
  return engine;
}
