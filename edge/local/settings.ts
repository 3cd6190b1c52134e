/** Settings of the local start, read once from the environment; knows names and allowed values, not their use. */
import { resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { z } from "zod";
import { Failure } from "../../shared/command/failure.ts";

/** Folder of package.json and wrangler.toml, with a slash at its end. */
export const rootPath = fileURLToPath(new URL("../../", import.meta.url));

const portSchema = z.coerce.number("must be a port").int().min(0).max(65_535);

const environmentSchema = z
  .object({
    /** Port of the edge; 0 takes any free one. */
    PORT: portSchema.default(8787),
    /** Port of the GPU service; 0 takes any free one. */
    GPU_PORT: portSchema.default(8790),
    /** GPU services behind that port; `npm start -- --replicas 3` sets it. */
    REPLICAS: z.coerce.number("must be a count").int().min(1).max(32).default(1),
    /** Folder of databases, adapters, key, secret and logs; relative to the repository. */
    ROSA2_STATE: z.string().min(1).default(".rosa2"),
    /** Id of the process that started this one and set this variable. The start ends when that process does. */
    PARENT_PID: z.coerce.number("must be a process id").int().min(1).optional(),
    /** Set by npm, which may end without telling its scripts. */
    npm_lifecycle_event: z.string().optional(),
  })
  .refine(({ PORT, GPU_PORT }) => PORT === 0 || PORT !== GPU_PORT, {
    path: ["PORT"],
    message: "is the GPU service's port (GPU_PORT) as well",
  });

export interface Settings {
  port: number;
  gpuPort: number;
  replicas: number;
  statePath: string;
  /** Whether the start ends when the process that started it does. */
  endsWithParent: boolean;
}

/** Reads and checks the settings. An empty value counts as absent. Throws `Failure`. */
export function readSettings(environment: Record<string, string | undefined>): Settings {
  const given = Object.fromEntries(Object.entries(environment).filter(([, value]) => value !== ""));
  const parsed = environmentSchema.safeParse(given);
  if (!parsed.success) {
    const problems = parsed.error.issues.map(({ path: [name], message }) => {
      const value = given[String(name)];
      return `${String(name)}${value === undefined ? "" : `="${value}"`}: ${message}`;
    });
    throw new Failure(`Cannot start with these settings:\n  ${problems.join("\n  ")}`);
  }
  const { PORT, GPU_PORT, REPLICAS, ROSA2_STATE, PARENT_PID, npm_lifecycle_event } = parsed.data;
  return {
    port: PORT,
    gpuPort: GPU_PORT,
    replicas: REPLICAS,
    statePath: resolve(rootPath, ROSA2_STATE),
    endsWithParent: PARENT_PID !== undefined || npm_lifecycle_event !== undefined,
  };
}
