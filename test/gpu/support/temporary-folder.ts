/** Folders of a test file, removed after its tests. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll } from "vitest";

const root = mkdtempSync(join(tmpdir(), "rosa2-test-"));
afterAll(() => rmSync(root, { recursive: true }));

export function temporaryFolder(): string {
  return mkdtempSync(join(root, "folder-"));
}
