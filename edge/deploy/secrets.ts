/** Secrets of one environment: given ones, those that the Worker has already, and those made here. */
import { randomBytes } from "node:crypto";
import { Failure } from "../../shared/command/failure.ts";
import type { PrivateFolder } from "../local/private-folder.ts";
import type { Names } from "./resources.ts";
import type { DeploySettings } from "./settings.ts";
import { parseJson, type Wrangler } from "./wrangler.ts";

const savedSecret = "gpu-secret";
const tokenSecret = "token-secret";

/** Variables that a hosted model requires. */
const hostedNeeds: Record<string, string[]> = {
  openai: ["INFERENCE_URL", "INFERENCE_KEY", "INFERENCE_MODEL"],
  "workers-ai": ["INFERENCE_MODEL"],
};

export interface Secrets {
  /** The values that the deploy sets; other secrets of the Worker stay unchanged. */
  values: Record<string, string>;
  /** Whether GPU_SECRET was made now, so that the GPU service must be told. */
  made: boolean;
  /** Whether a model of the platform's own was chosen, because nobody named who gives replies. */
  isFirst: boolean;
}

/** The source of replies without a GPU service: a model of the platform, which supports function calls. */
export const firstInference = {
  INFERENCE: "workers-ai",
  INFERENCE_MODEL: "@cf/meta/llama-3.3-70b-instruct-fp8-fast",
};

/** Throws `Failure` if a model's endpoint is incompletely named. */
export async function gatherSecrets(
  wrangler: Wrangler,
  { worker }: Names,
  folder: PrivateFolder,
  { given, environment }: DeploySettings,
): Promise<Secrets> {
  const existing = await listSecrets(wrangler, worker);
  const values: Record<string, string> = { ...given };
  const isThere = (name: string) => values[name] !== undefined || existing.includes(name);
  // A given GPU service should give the replies.
  if (given.GPU_URL !== undefined && existing.includes("INFERENCE")) values.INFERENCE ??= "gpu";
  const isFirst = !isThere("GPU_URL") && !isThere("INFERENCE");
  if (isFirst) Object.assign(values, firstInference);
  const inference = values.INFERENCE;
  const missing = (inference === "gpu" ? ["GPU_URL"] : (hostedNeeds[inference ?? ""] ?? [])).filter(
    (name) => !isThere(name),
  );
  if (missing.length > 0) {
    throw new Failure(
      `INFERENCE=${inference} needs ${missing.join(", ")}: ${missing.map((name) => `${name}=…`).join(" ")} npm run deploy -- --env ${environment}`,
    );
  }
  if (values.CLIENT_TOKEN_SECRET === undefined && !existing.includes("CLIENT_TOKEN_SECRET")) {
    values.CLIENT_TOKEN_SECRET = folder.read(tokenSecret) ?? randomBytes(32).toString("hex");
    folder.write(tokenSecret, values.CLIENT_TOKEN_SECRET);
  }
  // For a hosted model, a GPU service that was set up before stays configured but unused.
  const isHosted = inference !== undefined ? inference !== "gpu" : !isThere("GPU_URL");
  const common = { values, isFirst };
  if (isHosted || values.GPU_SECRET !== undefined) return { ...common, made: false };
  const saved = folder.read(savedSecret);
  if (saved === null && existing.includes("GPU_SECRET")) return { ...common, made: false };
  const made = saved === null;
  values.GPU_SECRET = saved ?? randomBytes(32).toString("hex");
  // Saved before it is set: a deploy that fails afterwards continues with the same one.
  if (made) folder.write(savedSecret, values.GPU_SECRET);
  return { ...common, made };
}

/** Names of the Worker's secrets; none while there is no Worker. */
async function listSecrets(wrangler: Wrangler, worker: string): Promise<string[]> {
  const { code, output, complaint } = await wrangler.try(["secret", "list", "--format", "json"]);
  if (code === 0) {
    return parseJson<{ name: string }[]>(output, "secret list").map(({ name }) => name);
  }
  if (complaint.includes(`"${worker}"`) && complaint.includes("not found")) return [];
  throw new Failure(`wrangler secret list failed (${code}):\n${complaint}`);
}
