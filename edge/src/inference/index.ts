/** Who infers, as the configuration says. */
import { configOf } from "../config.ts";
import type { Region } from "../contract/sets.ts";
import { GpuClient } from "../gpu-client/index.ts";
import type { Inference } from "./inference.ts";

export type { CallContext, Inference, ServedModel } from "./inference.ts";

/** `region` is where the caller is, null where nobody knows. */
export function inferenceOf(env: object, region: Region | null): Inference {
  return new GpuClient(configOf(env).gpu, region);
}
