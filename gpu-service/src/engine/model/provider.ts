/** The error for an execution provider that cannot be used on this machine. */
import { RosaError } from "@rosa2/shared/errors";

export type Provider = "cpu" | "webgpu" | "cuda";

/** A `gpu_unavailable` that names the setting and the runtime's reason. */
export function providerError(provider: Provider, cause: unknown): RosaError {
  const reason = cause instanceof Error ? cause.message : String(cause);
  const [line = ""] = reason.split("\n");
  return new RosaError(
    "gpu_unavailable",
    `Cannot use PROVIDER=${provider} on this machine: ${line.slice(0, 300)}`,
    { param: "PROVIDER", cause },
  );
}
