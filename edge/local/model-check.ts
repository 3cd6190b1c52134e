/** Checks settings and model of the GPU service before any process is started. */
import { ConfigError, readConfig } from "../../gpu-service/src/config.ts";
import { Failure } from "../../shared/command/failure.ts";

/** Stands in for the secret, which the start makes later. */
const anySecret = "0".repeat(32);

/**
 * The longest context (tokens) in which the service will serve a named model; null for the bundled one.
 *
 * Throws `Failure` that names every bad setting, or says why the model cannot run and how to find out more.
 */
export async function checkedContext(
  environment: Record<string, string | undefined>,
): Promise<number | null> {
  const config = readGpuConfig(environment);
  // The bundled model is in the repository, and the tests run it.
  if ((environment.MODEL ?? "") === "") return null;
  const { checkNamedModel } = await import("../../gpu-service/src/check/check-command.ts");
  const report = await checkNamedModel(config.MODEL, config, {
    endpoint: config.HF_ENDPOINT,
    token: config.HF_TOKEN,
  });
  if (report.runs) return report.memory?.context_tokens ?? null;
  const problems = report.problems.map(({ message }) => `  ${message}`);
  throw new Failure(
    `Cannot start with MODEL="${config.MODEL}":\n${problems.join("\n")}\nnpm run model -- check ${config.MODEL} says more.`,
  );
}

function readGpuConfig(environment: Record<string, string | undefined>) {
  try {
    return readConfig({ ...environment, GPU_SECRET: anySecret, GPU_SECRET_FILE: undefined });
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    throw new Failure(error.message);
  }
}
