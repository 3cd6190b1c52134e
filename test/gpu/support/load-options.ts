/** How tests load a checkpoint: on the CPU, unquantised, with one thread, and with no hub. */
import type { LoadOptions } from "../../../gpu-service/src/load.ts";

export function loadOptions(model: string, other: Partial<LoadOptions> = {}): LoadOptions {
  return {
    model,
    hub: { endpoint: "http://127.0.0.1:9" },
    provider: "cpu",
    quantize: "none",
    threads: 1,
    contextTokensMax: 256,
    ...other,
  };
}
