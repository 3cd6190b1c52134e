/** Who infers, as the configuration says. */
import { configOf } from "../config.ts";
import { GpuClient } from "../gpu-client/index.ts";
import type { Inference } from "./inference.ts";

export type { CallContext, Inference, ServedModel } from "./inference.ts";

export function inferenceOf(env: object): Inference {
  return new GpuClient(configOf(env).gpu);
}
