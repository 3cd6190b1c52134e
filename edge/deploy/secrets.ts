/** Secrets of one environment: what was given, what the Worker has already, and what is made here. */
import { randomBytes } from "node:crypto";
import { Failure } from "../local/failure.ts";
import type { PrivateFolder } from "../local/private-folder.ts";
import type { Names } from "./resources.ts";
import type { DeploySettings } from "./settings.ts";
import { parseJson, type Wrangler } from "./wrangler.ts";

const savedSecret = "gpu-secret";
const tokenSecret = "token-secret";

export interface Secrets {
  /** What the deploy sets; what the Worker has and nobody gave anew stays as it is. */
  values: Record<string, string>;
  /** Whether GPU_SECRET was made now, so that the GPU service must be told. */
  made: boolean;
}

/** Throws `Failure` when GPU_URL is neither given nor set by an earlier deploy. */
export async function gatherSecrets(
  wrangler: Wrangler,
  { worker }: Names,
  folder: PrivateFolder,
  { given, environment }: DeploySettings,
): Promise<Secrets> {
  const existing = await listSecrets(wrangler, worker);
  const values: Record<string, string> = { ...given };
  if (values.GPU_URL === undefined && !existing.includes("GPU_URL")) {
    throw new Failure(
      `Where is the GPU service? GPU_URL=https://… npm run deploy -- --env ${environment}`,
    );
  }
  if (values.CLIENT_TOKEN_SECRET === undefined && !existing.includes("CLIENT_TOKEN_SECRET")) {
    values.CLIENT_TOKEN_SECRET = folder.read(tokenSecret) ?? randomBytes(32).toString("hex");
    folder.write(tokenSecret, values.CLIENT_TOKEN_SECRET);
  }
  if (values.GPU_SECRET !== undefined) return { values, made: false };
  const saved = folder.read(savedSecret);
  if (saved === null && existing.includes("GPU_SECRET")) return { values, made: false };
  const made = saved === null;
  values.GPU_SECRET = saved ?? randomBytes(32).toString("hex");
  // Saved before it is set: a deploy that fails afterwards goes on with the same one.
  if (made) folder.write(savedSecret, values.GPU_SECRET);
  return { values, made };
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
