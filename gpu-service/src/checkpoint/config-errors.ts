/** Checks and refuses a checkpoint's JSON: every error names the field and, where there is one, its value. */
import { RosaError } from "@rosa2/shared/errors";
import type { z } from "zod";

/** Parses or throws `checkpoint_invalid` naming the file and the field. */
export function parse<T>(file: string, schema: z.ZodType<T>, json: unknown, prefix = ""): T {
  const result = schema.safeParse(json);
  if (result.success) return result.data;
  const issue = result.error.issues[0];
  const field = prefix + (issue?.path.join(".") ?? "");
  throw new RosaError(
    "checkpoint_invalid",
    `Cannot read ${file}: ${field || "content"}: ${issue?.message}`,
    field ? { param: field } : {},
  );
}

export function unsupported(
  field: string,
  value: unknown,
  supported: readonly string[],
): RosaError {
  const shown = JSON.stringify(value).slice(0, 200);
  return new RosaError(
    "checkpoint_unsupported",
    `Cannot run checkpoint: ${field} ${shown} is not supported (supported: ${supported.join(", ")})`,
    { param: field },
  );
}

export function invalid(field: string, reason: string): RosaError {
  return new RosaError("checkpoint_invalid", `Cannot read config.json: ${field} ${reason}`, {
    param: field,
  });
}
