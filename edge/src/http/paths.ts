/** Hints for a request without a route: the path's methods, or a similar known path. */

export interface KnownRoute {
  method: string;
  /** As routes are written: `/v1/sessions/:s/turns`. */
  path: string;
}

/** Edits over all segments within which a path counts as a misspelling of another. */
const editsMax = 3;

/** Methods of the path, sorted; empty for an unknown path. */
export function allowedMethods(routes: readonly KnownRoute[], path: string): string[] {
  const methods = routes.filter((route) => matches(route.path, path)).map(({ method }) => method);
  if (methods.includes("GET")) methods.push("HEAD");
  return [...new Set(methods)].sort();
}

/** The known path that was probably meant, in the documentation's notation; null if none is similar. */
export function nearPath(routes: readonly KnownRoute[], path: string): string | null {
  const asked = segmentsOf(path);
  let best: { path: string; edits: number } | null = null;
  for (const known of new Set(routes.map((route) => route.path))) {
    const edits = Math.min(
      ...spellings(asked).map((each) => editsBetween(segmentsOf(known), each)),
    );
    if (edits <= editsMax && (best === null || edits < best.edits)) best = { path: known, edits };
  }
  return best === null ? null : best.path.replace(/:(\w+)(\{[^}]*\})?/g, "{$1}");
}

/** The path as sent, without a doubled version, and with a missing one. */
function spellings(segments: string[]): string[][] {
  const bare = segments.filter((segment) => segment !== "v1");
  return [segments, ["v1", ...bare]];
}

function editsBetween(known: readonly string[], asked: readonly string[]): number {
  if (known.length !== asked.length) return Number.POSITIVE_INFINITY;
  let edits = 0;
  for (const [i, segment] of known.entries()) {
    if (!segment.startsWith(":")) edits += editDistance(segment, (asked[i] ?? "").toLowerCase());
    if (edits > editsMax) break;
  }
  return edits;
}

function matches(known: string, path: string): boolean {
  const pattern = known
    .split("/")
    .map((segment) => {
      if (!segment.startsWith(":")) return segment.replace(/[.*+?^${}()|[\]\\]/g, "\\$&");
      return segment.endsWith("{.+}") ? ".+" : "[^/]+";
    })
    .join("/");
  return new RegExp(`^${pattern}$`).test(path);
}

function segmentsOf(path: string): string[] {
  return path.split("/").filter((segment) => segment !== "");
}

/** Levenshtein distance. */
function editDistance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, i) => i);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      const swap = (row[j - 1] as number) + (a[i - 1] === b[j - 1] ? 0 : 1);
      next.push(Math.min(swap, (row[j] as number) + 1, (next[j - 1] as number) + 1));
    }
    row = next;
  }
  return row[b.length] as number;
}
