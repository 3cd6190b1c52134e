/** Checks the secret shared with the edge, in a time that tells nothing about it. */
import { createHash, timingSafeEqual } from "node:crypto";
import { RosaError } from "@rosa2/shared/errors";
import { secretHeader } from "@rosa2/shared/protocol";
import type { MiddlewareHandler } from "hono";

/** Lets a request pass that carries one of the secrets; throws `missing_key` or `invalid_key`. */
export function requireSecret(secrets: readonly string[]): MiddlewareHandler {
  const digests = secrets.map(sha256);
  return async (c, next) => {
    const given = c.req.header(secretHeader);
    if (given === undefined) {
      throw new RosaError("missing_key", `The header ${secretHeader} is missing`);
    }
    // Digests have one length, and every one is compared, whichever matches.
    const digest = sha256(given);
    const matches = digests.map((own) => timingSafeEqual(own, digest));
    if (!matches.includes(true)) {
      throw new RosaError("invalid_key", `The header ${secretHeader} holds another secret`);
    }
    await next();
  };
}

function sha256(text: string): Buffer {
  return createHash("sha256").update(text).digest();
}
