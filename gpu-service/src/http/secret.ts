/** Checks the secret shared with the edge, in a time that tells nothing about it; two hold while it is being changed. */
import { createHash, timingSafeEqual } from "node:crypto";
import { readFileSync } from "node:fs";
import { RosaError } from "@rosa2/shared/errors";
import { secretHeader } from "@rosa2/shared/protocol";
import type { MiddlewareHandler } from "hono";
import type { Logger } from "pino";
import { ConfigError, parseSecrets, type SecretSettings } from "../config.ts";

/** The secrets that hold now. */
export type Secrets = () => readonly string[];

/** A changed file counts after this long at most. */
const fileAgeMs = 1_000;

/** The secrets of GPU_SECRET, or those that GPU_SECRET_FILE holds at the time. Throws `ConfigError`. */
export function secretsOf(
  { GPU_SECRET, GPU_SECRET_FILE }: SecretSettings,
  logger: Logger,
): Secrets {
  if (GPU_SECRET !== undefined) return () => GPU_SECRET;
  if (GPU_SECRET_FILE === undefined) throw new Error("Neither GPU_SECRET nor GPU_SECRET_FILE");
  return secretsInFile(GPU_SECRET_FILE, logger);
}

/** Reads the file again while it is asked for; one that cannot be used leaves the secrets as they were. */
function secretsInFile(path: string, logger: Logger): Secrets {
  const read = () => parseSecrets(readFileSync(path, "utf8"));
  let secrets: string[];
  try {
    secrets = read();
  } catch (error) {
    throw new ConfigError(`GPU_SECRET_FILE="${path}": ${(error as Error).message}`);
  }
  let readAt = performance.now();
  return () => {
    if (performance.now() - readAt < fileAgeMs) return secrets;
    readAt = performance.now();
    try {
      secrets = read();
    } catch (error) {
      logger.error(
        `GPU_SECRET_FILE cannot be used, the old secrets hold: ${(error as Error).message}`,
      );
    }
    return secrets;
  };
}

/** Lets a request pass that carries one of the secrets; throws `missing_key` or `invalid_key`. */
export function requireSecret(secrets: Secrets): MiddlewareHandler {
  return async (c, next) => {
    const given = c.req.header(secretHeader);
    if (given === undefined) {
      throw new RosaError("missing_key", `The header ${secretHeader} is missing`);
    }
    // Digests have one length, and every one is compared, whichever matches.
    const digest = sha256(given);
    const matches = secrets().map((own) => timingSafeEqual(sha256(own), digest));
    if (!matches.includes(true)) {
      throw new RosaError("invalid_key", `The header ${secretHeader} holds another secret`);
    }
    await next();
  };
}

function sha256(text: string): Buffer {
  return createHash("sha256").update(text).digest();
}
