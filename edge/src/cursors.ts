/** What callers send back to go on where an answer ended: the cursor of a list, the number of an event. */
import { RosaError } from "@rosa2/shared/errors";

const sessionCursor = /^(\d{1,15})\.(ses_[\w-]{43})$/;

/**
 * A list of sessions goes on after the time and the id of the last one shown: both are the caller's own to know.
 *
 * @throws RosaError `invalid_request` for a cursor that no such list gives out.
 */
export function readSessionCursor(cursor: string): { createdAt: number; id: string } {
  const [, time, id] = sessionCursor.exec(cursor) ?? [];
  if (time !== undefined && id !== undefined) return { createdAt: Number(time), id };
  throw new RosaError("invalid_request", "cursor: is not one of this list's", { param: "cursor" });
}

/** @throws RosaError `invalid_request` for a `Last-Event-ID` that is no event's number. */
export function readEventId(lastEventId: string): number {
  if (/^\d{1,15}$/.test(lastEventId)) return Number(lastEventId);
  throw new RosaError("invalid_request", "Last-Event-ID must be an event id of this turn", {
    param: "Last-Event-ID",
  });
}
