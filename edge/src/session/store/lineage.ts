/** Lists a session's generations for the API, and activates one. */
import { asc, gt } from "drizzle-orm";
import type { GenerationBody } from "../../contract/index.ts";
import { pageOf } from "../../cursors.ts";
import { iso } from "../../time.ts";
import { noteReport } from "./meter.ts";
import {
  activeGeneration,
  type GenerationRow,
  generationRow,
  type Store,
  setActiveGeneration,
} from "./rows.ts";
import { generations, replay } from "./schema.ts";

export interface Lineage {
  active: string;
  data: GenerationBody[];
  next_cursor: string | null;
}

/** One page of the generations, oldest first; the cursor is the last one's id. */
export function lineage(store: Store, page: { cursor?: string; limit: number }): Lineage {
  const active = activeGeneration(store);
  const after = page.cursor === undefined ? 0 : generationRow(store, page.cursor).index;
  const rows = store.db
    .select()
    .from(generations)
    .where(gt(generations.index, after))
    .orderBy(asc(generations.index))
    .limit(page.limit + 1)
    .all();
  return { active, ...pageOf(rows, page.limit, (row) => generationBody(row, active)) };
}

/** Activates a generation (or `base`), and drops the right replies kept after it. */
export function activateGeneration(store: Store, generation: string): Lineage {
  store.transaction(() => goBackTo(store, generation));
  return lineage(store, { limit: 100 });
}

/** As `activateGeneration`, within the caller's transaction. */
export function goBackTo(store: Store, generation: string): void {
  const madeAt = generation === "base" ? 0 : generationRow(store, generation).createdAt;
  setActiveGeneration(store, generation, generation);
  store.db.delete(replay).where(gt(replay.createdAt, madeAt)).run();
  noteReport(store);
}

function generationBody(row: GenerationRow, active: string): GenerationBody {
  const { step_norm, shift_norm, kl, kl_base, objective, rows } = row.report;
  return {
    id: row.id,
    object: "generation",
    index: row.index,
    parent: row.parent,
    active: row.id === active,
    digest: row.digest,
    bytes: row.bytes,
    feedback_id: row.feedbackId,
    plan: row.plan,
    step_norm,
    shift_norm,
    kl,
    kl_base,
    objective,
    rows,
    created_at: iso(row.createdAt),
  };
}
