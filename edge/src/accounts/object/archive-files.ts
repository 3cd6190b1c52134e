/** Files of archived usage in R2, under `usage/<tenant>/<segment>/<group>/<part>`: rows of JSON, compressed. */
import type { UsageGroup } from "../../contract/sets.ts";
import type { Books } from "./books.ts";
import type { Counts, UsageRow } from "./usage-counts.ts";

/** A file's name: the archive, the group its rows are sorted by, and its number. */
export interface PartName {
  segment: number;
  by: UsageGroup;
  part: number;
}

function pathOf(tenantId: string, { segment, by, part }: PartName): string {
  return `${folderOf(tenantId, segment, by)}${part}`;
}

function folderOf(tenantId: string, segment: number, by: UsageGroup): string {
  return `usage/${tenantId}/${segment}/${by}/`;
}

/** Writes a file. The same rows always make the same file. */
export async function putPart(
  { env, tenantId }: Books,
  name: PartName,
  rows: readonly UsageRow[],
): Promise<void> {
  const flat = rows.map(({ day, session, key, owner, counts }) => [
    ...[day, session, key, owner],
    ...counts,
  ]);
  const packed = new Blob([JSON.stringify(flat)])
    .stream()
    .pipeThrough(new CompressionStream("gzip"));
  // R2 needs the length beforehand.
  await env.ADAPTERS.put(pathOf(tenantId, name), await new Response(packed).arrayBuffer());
}

/** @throws Error if the file is gone; files that are still named are never deleted. */
export async function getPart({ env, tenantId }: Books, name: PartName): Promise<UsageRow[]> {
  const path = pathOf(tenantId, name);
  const object = await env.ADAPTERS.get(path);
  if (object === null) throw new Error(`No archive of usage at ${path}`);
  const text = await new Response(object.body.pipeThrough(new DecompressionStream("gzip"))).text();
  type Flat = [string, string, string, string, ...Counts];
  return (JSON.parse(text) as Flat[]).map(([day, session, key, owner, ...counts]) => ({
    day,
    session,
    key,
    owner,
    counts,
  }));
}

/** Deletes an archive's files of one group. Repeating is fine. */
export async function deleteParts(
  { env, tenantId }: Books,
  segment: number,
  by: UsageGroup,
): Promise<void> {
  for (;;) {
    const { objects } = await env.ADAPTERS.list({ prefix: folderOf(tenantId, segment, by) });
    if (objects.length === 0) return;
    await env.ADAPTERS.delete(objects.map(({ key }) => key));
  }
}
