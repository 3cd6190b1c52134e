/** What callers send to continue after an answer: the cursor of a list, the number of an event. */
import { RosaError } from "@rosa2/shared/errors";

const sessionCursor = /^(\d{1,15})\.(ses_[\w-]{43})$/;

/**
 * A list of sessions continues after the time and id of the last one shown; the caller knows both anyway.
 *
 * @throws RosaError `invalid_request` for a cursor that no such list returned.
 */
export function readSessionCursor(cursor: string): { createdAt: number; id: string } {
  const [, time, id] = sessionCursor.exec(cursor) ?? [];
  if (time !== undefined && id !== undefined) return { createdAt: Number(time), id };
  throw new RosaError("invalid_request", "cursor: is not one of this list's", { param: "cursor" });
}

/** @throws RosaError `invalid_request` for a `Last-Event-ID` that is not the number of an event. */
export function readEventId(lastEventId: string): number {
  if (/^\d{1,15}$/.test(lastEventId)) return Number(lastEventId);
  throw new RosaError("invalid_request", "Last-Event-ID must be an event id of this turn", {
    param: "Last-Event-ID",
  });
}
