/** Settings of the deploy commands, read once from arguments and environment; knows names and allowed values, not their use. */
import { join, resolve } from "node:path";
import { z } from "zod";
import { Failure } from "../../shared/command/failure.ts";
import { readFlags } from "../../shared/command/flags.ts";
import { rootPath } from "../local/settings.ts";
import { variableNames } from "../src/config.ts";

/** Variables that go to the Worker as secrets when they are set here; wrangler.toml has LOG. */
const secretNames = variableNames.filter((name) => name !== "LOG");

const usage = `[GPU_URL=https://…] npm run deploy [-- --env staging] [--wait SECONDS] [--rotate-secret]

Puts the edge on Cloudflare: database, bucket, tables, Worker and secrets, an admin key, and a test of what runs there.
Every step looks before it acts, so running it again changes what has changed and nothing else.

  --env NAME         production or staging (production)
  --wait SECONDS     how long the new address and the GPU service are waited for (180)
  --rotate-secret    with a new GPU_SECRET
  --config FILE      another wrangler.toml
  --help             this text

Needs a login (npx wrangler login, or CLOUDFLARE_API_TOKEN). Replies come from the GPU service at GPU_URL, whose weights
adapt; without one from a model that somebody else hosts, and words alone adapt: one of Workers AI unless
INFERENCE=openai INFERENCE_URL=… INFERENCE_KEY=… INFERENCE_MODEL=… name another.`;

const settingsSchema = z.object({
  env: z.enum(["staging", "production"]).default("production"),
  config: z.string().min(1).default("wrangler.toml"),
  /** How long the smoke test waits for the new address and for the GPU service. */
  wait: z.coerce.number("must be seconds").int().min(1).max(3600).default(180),
  "rotate-secret": z.boolean().default(false),
});

export interface DeploySettings {
  environment: "staging" | "production";
  /** Absolute path of wrangler.toml. */
  configPath: string;
  /** Where the environment's key and secret are kept on this machine. */
  statePath: string;
  waitMs: number;
  /** Whether GPU_SECRET is to be changed. */
  rotate: boolean;
  /** Values given for `secretNames`. */
  given: Record<string, string>;
}

/** Reads `--env`, `--config`, `--wait` and the secrets. An empty value counts as absent. Throws `Failure`. */
export function readDeploySettings(
  args: readonly string[],
  environment: Record<string, string | undefined>,
): DeploySettings {
  const option = { type: "string" } as const;
  const rotate = { type: "boolean" } as const;
  const options = { env: option, config: option, wait: option, "rotate-secret": rotate };
  const values: Record<string, unknown> = readFlags(usage, options, args);
  const parsed = settingsSchema.safeParse(values);
  if (!parsed.success) {
    const problems = parsed.error.issues.map((issue) => {
      const name = String(issue.path[0]);
      return `--${name} ${String(values[name])}: ${issue.message}`;
    });
    throw new Failure(problems.join("\n"));
  }
  const { env, config, wait, "rotate-secret": rotates } = parsed.data;
  const given = Object.fromEntries(
    secretNames.flatMap((name) => {
      const value = environment[name];
      return value === undefined || value === "" ? [] : [[name, value]];
    }),
  );
  return {
    environment: env,
    configPath: resolve(rootPath, config),
    statePath: join(resolve(rootPath, environment.ROSA2_STATE || ".rosa2"), "deploy", env),
    waitMs: wait * 1000,
    rotate: rotates,
    given,
  };
}
