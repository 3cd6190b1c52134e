/** How an answer ends and continues: pages of lists and their cursors, the number of an event. */
import { RosaError } from "@rosa2/shared/errors";

/** A page of rows, of which one more than `limit` was read. The cursor is the last row's id; null on the last page. */
export function pageOf<Row extends { id: string }, Body>(
  rows: readonly Row[],
  limit: number,
  body: (row: Row) => Body,
): { data: Body[]; next_cursor: string | null } {
  const shown = rows.slice(0, limit);
  const next_cursor = rows.length > limit ? (shown.at(-1)?.id ?? null) : null;
  return { data: shown.map(body), next_cursor };
}

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
