/** Checks the secret shared with the edge in constant time; two are valid while it is being changed. */
import { createHash, timingSafeEqual } from "node:crypto";
import { readFileSync } from "node:fs";
import { RosaError } from "@rosa2/shared/errors";
import { secretHeader } from "@rosa2/shared/protocol";
import type { MiddlewareHandler } from "hono";
import type { Logger } from "pino";
import { ConfigError, parseSecrets, type SecretSettings } from "../config.ts";

/** The secrets that are valid now. */
export type Secrets = () => readonly string[];

/** A changed file takes effect after this time at most. */
const fileAgeMs = 1_000;

/** The secrets of GPU_SECRET, or the current ones of GPU_SECRET_FILE. Throws `ConfigError`. */
export function secretsOf(
  { GPU_SECRET, GPU_SECRET_FILE }: SecretSettings,
  logger: Logger,
): Secrets {
  if (GPU_SECRET !== undefined) return () => GPU_SECRET;
  if (GPU_SECRET_FILE === undefined) throw new Error("Neither GPU_SECRET nor GPU_SECRET_FILE");
  return secretsInFile(GPU_SECRET_FILE, logger);
}

/** Reads the file again when secrets are needed. An unusable file leaves the secrets unchanged. */
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

/** Accepts requests with one of the secrets; otherwise throws `missing_key` or `invalid_key`. */
export function requireSecret(secrets: Secrets): MiddlewareHandler {
  return async (c, next) => {
    const given = c.req.header(secretHeader);
    if (given === undefined) {
      throw new RosaError("missing_key", `The header ${secretHeader} is missing`);
    }
    // Digests have equal length, and all are compared, whichever matches.
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
