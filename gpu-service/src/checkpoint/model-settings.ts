/**
 * Reads `rosa2.json` in a checkpoint directory: a team's settings for one model. It knows the file, not what the
 * settings do.
 */
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { RosaError } from "@rosa2/shared/errors";
import { contextPolicies } from "@rosa2/shared/health";
import { adaptPlanSchema } from "@rosa2/shared/protocol";
import { z } from "zod";

const fileName = "rosa2.json";

const settingsSchema = z.strictObject({
  /** What of the dialogue sessions are shown by default; the edge reads it from `/health`. */
  context: z.enum(contextPolicies).optional(),
  /** Differences from the update plan's defaults. A request may differ from these in turn. */
  plan: z.strictObject(adaptPlanSchema.shape).partial().default({}),
  /** Requests whose replies stand for what the model can do. Updates keep those replies as they are. */
  prompts: z.array(z.string().min(1).max(4096)).min(1).max(256).optional(),
});
export type ModelSettings = z.infer<typeof settingsSchema>;

/** The file's settings, or none where there is no file. Throws `checkpoint_invalid` naming the field. */
export function readModelSettings(directory: string): ModelSettings {
  const path = join(directory, fileName);
  if (!existsSync(path)) return { plan: {} };
  let json: unknown;
  try {
    json = JSON.parse(readFileSync(path, "utf8"));
  } catch (cause) {
    throw new RosaError("checkpoint_invalid", `Cannot use ${fileName}: it is not valid JSON`, {
      cause,
    });
  }
  const parsed = settingsSchema.safeParse(json);
  if (!parsed.success) {
    const [issue] = parsed.error.issues;
    const field = issue!.path.join(".") || fileName;
    throw new RosaError(
      "checkpoint_invalid",
      `Cannot use ${fileName}: ${field}: ${issue!.message}`,
    );
  }
  return parsed.data;
}
