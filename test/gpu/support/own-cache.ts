/** Gives the tests of a file a cache folder of their own, removed at their end. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, vi } from "vitest";

export function useOwnCache(): void {
  const cache = mkdtempSync(join(tmpdir(), "rosa2-cache-"));
  beforeAll(() => {
    vi.stubEnv("ROSA2_CACHE", cache);
  });
  afterAll(() => {
    vi.unstubAllEnvs();
    rmSync(cache, { recursive: true, force: true });
  });
}
