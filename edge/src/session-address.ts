/**
 * The address of a session's object: the session's id contains the platform's own id of the object.
 *
 * The platform makes such an id without any look-up, whereas the first access to an object by name searches the whole
 * world. An id that it never made leads nowhere, so guessing creates no object.
 */
import { RosaError } from "@rosa2/shared/errors";
import type { Region } from "./contract/sets.ts";
import type { Env } from "./env.ts";

const shape = /^ses_([\w-]{43})$/;

export function newSessionId(env: Env): string {
  const bytes = env.SESSIONS.newUniqueId()
    .toString()
    .replace(/../g, (pair) => String.fromCharCode(Number.parseInt(pair, 16)));
  return `ses_${btoa(bytes).replaceAll("=", "").replaceAll("+", "-").replaceAll("/", "_")}`;
}

/**
 * @param placeIn where the platform is asked to place the object; it matters only at the first call. @throws RosaError
 * `not_found` for text that is no session's id.
 */
export function sessionStub(
  env: Env,
  sessionId: string,
  placeIn: Region | null = null,
): DurableObjectStub {
  const text = shape.exec(sessionId)?.[1];
  if (text !== undefined) {
    const bytes = atob(text.replaceAll("-", "+").replaceAll("_", "/"));
    const hex = Array.from(bytes, (char) => char.charCodeAt(0).toString(16).padStart(2, "0"));
    try {
      const id = env.SESSIONS.idFromString(hex.join(""));
      return env.SESSIONS.get(id, placeIn === null ? {} : { locationHint: placeIn });
    } catch {
      // The platform did not make this id.
    }
  }
  throw new RosaError("not_found", "No such session");
}
